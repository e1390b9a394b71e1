"""Lists fetched from other people's servers: bounded in bytes and time, and never led astray.

Whoever publishes a list chooses what it answers. It may not have control ask what only this machine
or its network may be asked, nor fill its memory with what was a few bytes on the way.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from steelyard.domain.errors import InvalidRequest, TooLarge

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 60.0
"""For all of it, however slowly it drips."""
REDIRECTS_MAX = 5


async def download(client: httpx.AsyncClient, url: str, bytes_max: int) -> bytes:
    """The bytes behind an address; redirects are followed to https of other machines only.

    Messages name no address: its query may be a token.

    Raises:
        InvalidRequest: it answers otherwise than with a plain list.
        TooLarge: there are more bytes.
        OSError: it cannot be reached, or not in time.
    """
    import httpx  # noqa: PLC0415 - costs a sixth of control's start, and most need it never

    try:
        async with asyncio.timeout(TIMEOUT_S):
            target = httpx.URL(url)
            for _ in range(REDIRECTS_MAX + 1):
                found = await _ask(client, target, bytes_max)
                if isinstance(found, bytes):
                    return found
                target = target.join(found)
                if not is_elsewhere(target):
                    raise InvalidRequest("the server redirects to where no list may be fetched")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(f"cannot be fetched: {type(error).__name__}") from error
    except TimeoutError as error:
        raise OSError("cannot be fetched: it took too long") from error
    raise InvalidRequest("the server redirects again and again")


async def _ask(client: httpx.AsyncClient, url: httpx.URL, bytes_max: int) -> bytes | str:
    """The list, or the address to ask instead."""
    found = bytearray()
    # Uncompressed, since a small answer could be any size once it is unpacked.
    plain = {"accept-encoding": "identity"}
    async with client.stream("GET", url, headers=plain, follow_redirects=False) as answer:
        if answer.has_redirect_location:
            return str(answer.headers["location"])
        if answer.status_code != 200:
            raise InvalidRequest(f"the server answered {answer.status_code}")
        if answer.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise InvalidRequest("the server compresses, though it was asked not to")
        async for chunk in answer.aiter_bytes():
            found += chunk
            if len(found) > bytes_max:
                raise TooLarge(f"longer than {bytes_max >> 20} MiB")
    return bytes(found)


def is_elsewhere(url: httpx.URL) -> bool:
    """Whether a server may redirect there: https, and no number of this machine or network."""
    if url.scheme != "https" or not url.host or url.host.lower() == "localhost":
        return False
    try:
        return ipaddress.ip_address(url.host).is_global
    except ValueError:
        return True
