"""What ``price_book`` in ``steelyard.yaml`` may say about watching prices and following them."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from steelyard.config.section import Secret, Section

_EVERY = re.compile(r"([1-9][0-9]{0,3})([hd])")
_UNIT_S = {"h": 3600, "d": 86_400}
_URL = r"^https?://[^\s]{1,2000}$"


def every_s(text: str) -> int:
    """The seconds of a pause such as ``12h`` or ``1d``.

    Raises:
        ValueError: the text is none.
    """
    match = _EVERY.fullmatch(text)
    if match is None:
        raise ValueError(f"no pause: {text!r}; write hours or days, such as 12h or 1d")
    return int(match[1]) * _UNIT_S[match[2]]


def is_fetchable(url: str) -> bool:
    """Whether a list may be fetched there: over https, or over http from this machine.

    Whoever sits on the way of plain http says what everything costs.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _list_url(url: str) -> str:
    if not is_fetchable(url):
        raise ValueError(
            "price lists are fetched over https, since whoever sits on the way of plain http could"
            " say what everything costs; over http only from this machine"
        )
    return url


def _pause(text: str) -> str:
    every_s(text)
    return text


class Webhook(Section):
    """Whom to tell of price changes."""

    url: str = Field(pattern=_URL)
    """Address that takes a POST of JSON for each change."""
    secret: Secret
    """Key of the signature (HMAC-SHA256) in the header ``x-steelyard-signature``."""


class Fetch(Section):
    """A price list that is fetched by itself."""

    source: Literal["own", "genai-prices", "litellm"]
    """How the list is made, and whose word it is."""
    url: Annotated[str, AfterValidator(_list_url)] = Field(pattern=_URL)
    """Where it is fetched from: https, or http on this machine."""
    every: Annotated[str, AfterValidator(_pause)] = "1d"
    """Pause between two looks, such as ``12h`` or ``1d``."""


class Watch(Section):
    """What happens when prices change."""

    follow: Literal["none", "cuts", "all"] = "none"
    """Changes by which calls are routed without anybody's approval."""
    webhook: Webhook | None = None
    """Whom to tell of price changes."""
    fetch: tuple[Fetch, ...] = ()
    """Price lists that are fetched by themselves; none by default."""
