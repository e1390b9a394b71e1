"""Sends a check's requests: through the gateway, or straight to the vendor where nothing is billed.

What goes through the gateway meets limits, budgets and the ledger like anybody's call. A vendor's
own error and the headers beside it are not handed on by the gateway, so a model that does not exist
is asked for directly: no vendor bills that.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, Protocol

import httpx

from steelyard import dialects
from steelyard.control.own_calls.asking import is_known, own_client
from steelyard.control.probing.seen import Seen, read
from steelyard.control.probing.terms import Shot
from steelyard.domain.errors import ConfigError
from steelyard.domain.money import to_pico
from steelyard.gateway.channels import spoken_of
from steelyard.gateway.snapshot import ChannelEntry

WHY = "probe"
_TIMEOUT_S = 120.0
_BODY_MAX = 1 << 20
_COST = re.compile(r"^: steelyard call=\S+ cost=(\S+)", re.MULTILINE)
"""The comment that ends a stream."""
_SPOKEN = ("openai_chat", "anthropic_messages")
"""Dialects in which the request for a model that does not exist is a request at all."""

CostOf = Callable[[str], Awaitable[int]]
"""What a call was booked at, by its id, in pico-units."""


class Sender(Protocol):
    """Sends one request."""

    async def send(self, shot: Shot) -> Seen:
        """What came back; never raises for what a vendor does."""

    async def close(self) -> None:
        """Lets go of connections."""


class Gateway:
    """Sends to one offer through the gateway on this machine."""

    def __init__(self, url: str, key: str, offer: str, cost_of: CostOf) -> None:
        self._offer = offer
        self._cost_of = cost_of
        self._client = own_client(url, key, WHY, _TIMEOUT_S)

    async def wait_until_known(self, timeout_s: float) -> bool:
        """Whether workers know the key by now; asks them for at most ``timeout_s``."""
        return await is_known(self._client, timeout_s)

    async def send(self, shot: Shot) -> Seen:
        """The answer, and what it was booked at."""
        body = {**shot.body, "model": f"offer:{self._offer}"}
        try:
            reply = await self._client.post("/v1/chat/completions", json=body)
        except httpx.HTTPError as error:
            return _silent(f"the gateway did not answer: {type(error).__name__}")
        seen = read(
            reply.status_code,
            dict(reply.headers),
            reply.content,
            is_stream=bool(shot.body.get("stream")),
        )
        return replace(seen, cost_pico=await self._cost(seen))

    async def _cost(self, seen: Seen) -> int:
        told = seen.headers.get("x-steelyard-cost", "")
        if not told and seen.status == 200:
            found = _COST.search(seen.body.decode("utf-8", "replace"))
            told = found[1] if found else ""
        try:
            return to_pico(Decimal(told.partition(" ")[0]))
        except (InvalidOperation, ValueError):
            call_id = seen.headers.get("x-steelyard-call", "")
            return await self._cost_of(call_id) if call_id else 0

    async def close(self) -> None:
        """Closes the client."""
        await self._client.aclose()


class Place(NamedTuple):
    """Where a channel is reached directly."""

    channel: ChannelEntry
    base_url: str
    """Its own, or that of its engine."""
    secret: str
    """Its credential; empty for none."""
    proxy: str = ""
    """Address of the proxy on the way; empty for none."""


class Direct:
    """Sends straight to a channel's vendor, for what no vendor bills."""

    def __init__(self, place: Place, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._place = place
        self._transport = transport

    async def send(self, shot: Shot) -> Seen:
        """The vendor's own answer, headers and all."""
        try:
            url, headers = request_to(self._place, str(shot.body.get("model", "")))
            client = self._client()
        except ConfigError as error:
            return _silent(error.message)
        except (OSError, ValueError) as error:
            return _silent(f"cannot be asked directly: {error}")
        async with client:
            try:
                reply = await client.post(url, json=shot.body, headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                return _silent(f"no answer: {type(error).__name__}")
        body = reply.content[:_BODY_MAX]
        return replace(read(reply.status_code, dict(reply.headers), body), is_ours=False)

    async def close(self) -> None:
        """Nothing stays open."""

    def _client(self) -> httpx.AsyncClient:
        ca_file = self._place.channel.ca_file
        verify: ssl.SSLContext | bool = True
        if ca_file:
            verify = ssl.create_default_context()
            verify.load_verify_locations(ca_file)
        proxy = self._place.proxy or None
        return httpx.AsyncClient(
            timeout=_TIMEOUT_S,
            trust_env=False,
            verify=verify,
            proxy=proxy if self._transport is None else None,
            transport=self._transport,
            # Whom a vendor sends us to is not whom the credential is for.
            follow_redirects=False,
        )


def request_to(place: Place, model: str) -> tuple[str, dict[str, str]]:
    """Address and headers of a request for ``model``.

    Raises:
        ConfigError: the channel cannot be asked without the gateway; says why.
    """
    channel = place.channel
    if channel.signer:
        raise ConfigError("its requests are signed, which is done in the gateway alone")
    if channel.dialect not in _SPOKEN:
        raise ConfigError(f"it speaks {channel.dialect}")
    if not place.base_url:
        raise ConfigError("its engine is not up")
    dialect = dialects.available()[channel.dialect]
    spoken = spoken_of(channel, dialect)
    url = place.base_url + (spoken.path or dialect.path).replace("{model}", model)
    if channel.query:
        url += f"?{channel.query}"
    headers = dict(spoken.headers)
    if place.secret:
        headers[spoken.credential_header] = spoken.credential_prefix + place.secret
    return url, headers


def _silent(reason: str) -> Seen:
    return Seen(0, error=reason, is_ours=True)
