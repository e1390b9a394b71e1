"""Updates of the book: dated files, signed by who publishes them, fetched or given.

An update is a price list of our own columns under four lines that say what it is, from when, and
by whom; the signature covers the date and the list, so that an old list cannot pass for a new one.
"""
# ruff: noqa: PLC0415 - signatures and HTTP cost control's start, and most need them never

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from steelyard.config.price_book import is_fetchable
from steelyard.control.downloads import TIMEOUT_S, download
from steelyard.control.prices import lists as price_lists
from steelyard.control.prices.lists import Order
from steelyard.domain.errors import Forbidden, InvalidRequest, StoreUnavailable
from steelyard.domain.instants import instant_of
from steelyard.store import listings

UPDATE_BYTES_MAX = 32 * 2**20
_DETAIL = "update of "
"""Begins what is kept with a list that came as an update; its day follows."""
_TITLE = "# steelyard price update"
_FIELDS = ("date", "key", "signature")
_HEAD_MAX = 4096
_KEY_BYTES = 32
_YEAR_MIN = 2020
_AHEAD = timedelta(days=1)
"""Somewhere it is tomorrow already."""


class Update(NamedTuple):
    """An update as it came."""

    day: date
    key: str
    """Name of the publisher's key; empty for none."""
    signature: bytes
    """Ed25519, over ``signed_part``; empty for none."""
    head_lines: int
    """Lines above the list."""
    content: bytes
    """The list."""


def read_update(data: bytes) -> Update:
    """The update in a file's bytes; whether to trust it is ``check``'s business.

    Raises:
        InvalidRequest: it is none.
    """
    lines = data[:_HEAD_MAX].split(b"\n")
    title = lines[0].removeprefix(b"\xef\xbb\xbf").strip()
    if title != _TITLE.encode():
        raise InvalidRequest(
            f"no update: its first line is not {_TITLE!r}; for a list: steelyard prices import"
        )
    fields: dict[str, str] = {}
    count = 1
    while count < len(lines) and lines[count].startswith(b"#"):
        name, _, value = lines[count].decode("ascii", "replace").lstrip("# ").partition(":")
        fields[name.strip()] = value.strip()
        count += 1
    unknown = sorted(set(fields) - set(_FIELDS))
    if unknown or "date" not in fields:
        raise InvalidRequest(f"an update says {', '.join(_FIELDS)}, not {', '.join(unknown)}")
    try:
        day = date.fromisoformat(fields["date"])
        if day.year < _YEAR_MIN:
            raise ValueError(f"no day of an update: {day}")
        signature = base64.b64decode(fields.get("signature", ""), validate=True)
    except (ValueError, binascii.Error) as error:
        raise InvalidRequest(f"the update's head cannot be read: {error}") from error
    begin = sum(len(line) + 1 for line in lines[:count])
    return Update(day, fields.get("key", ""), signature, count, data[begin:])


def write_update(content: bytes, day: date, key: str = "", private_key: str = "") -> bytes:
    """A list's bytes as an update of a day, signed where a private key (base64) is given.

    Raises:
        InvalidRequest: that is no private key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    content = content.removeprefix(b"\xef\xbb\xbf")
    head = [_TITLE, f"# date: {day:%Y-%m-%d}"]
    if private_key:
        signer = Ed25519PrivateKey.from_private_bytes(_key_bytes(private_key, "private"))
        signature = base64.b64encode(signer.sign(signed_part(day, content))).decode()
        head += [f"# key: {key}", f"# signature: {signature}"]
    return "".join(f"{line}\n" for line in head).encode() + content


def make_keys() -> tuple[str, str]:
    """A new private and public key, base64."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return (
        base64.b64encode(private.private_bytes_raw()).decode(),
        base64.b64encode(private.public_key().public_bytes_raw()).decode(),
    )


def signed_part(day: date, content: bytes) -> bytes:
    """What a signature covers."""
    return f"{_TITLE}\n{day:%Y-%m-%d}\n".encode() + content


def check(update: Update, trusted: Mapping[str, str], *, may_be_unsigned: bool = False) -> None:
    """Holds an update to the keys that are trusted, public ones (base64) by name.

    Raises:
        Forbidden: it is not signed, by nobody we trust, or was changed since.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not update.signature:
        if may_be_unsigned:
            return
        raise Forbidden("the update is not signed; to take it over all the same: --unsigned")
    if update.key not in trusted:
        known = ", ".join(trusted) or "none"
        raise Forbidden(
            f"the update is signed with the key {update.key[:64]!r}; trusted are: {known}"
            " (price_book.keys in steelyard.yaml)"
        )
    public = Ed25519PublicKey.from_public_bytes(_key_bytes(trusted[update.key], "public"))
    try:
        public.verify(update.signature, signed_part(update.day, update.content))
    except InvalidSignature as error:
        raise Forbidden("the update's signature is wrong: it was changed since, or cut") from error


def check_day(connection: Connection, update: Update, list_digest: str, now_ns: int) -> None:
    """Refuses what is not newer than the newest update that was applied, or of a day to come.

    Args:
        connection: To the control database; the one that takes the update over.
        update: The update.
        list_digest: Of the list that it is taken over as: the very same may come again.
        now_ns: UTC, nanoseconds.

    Raises:
        InvalidRequest: it is.
    """
    if update.day > instant_of(now_ns).date() + _AHEAD:
        # It would keep out all that come before its day.
        raise InvalidRequest(f"the update is of {update.day:%Y-%m-%d}, which is not yet")
    applied = [
        (found.detail.removeprefix(_DETAIL)[:10], found.digest)
        for found in listings.all_lists(connection, price_lists.STEELYARD)
        if found.detail.startswith(_DETAIL)
    ]
    day = max((day for day, _ in applied), default="")
    own_day = update.day.isoformat()
    if own_day < day:
        raise InvalidRequest(f"the update is of {own_day}, and one of {day} was applied already")
    if own_day == day and (day, list_digest) not in applied:
        raise InvalidRequest(
            f"another update of {day} was applied already; one that mends it is of a later day"
        )


def order_of(update: Update, name: str, now_ns: int) -> Order:
    """The update as a list to take over, in place of what steelyard's own list said.

    ``now_ns``: UTC, nanoseconds; see ``check_day``.
    """
    signed = f"signed with {update.key}" if update.signature else "unsigned"
    # Empty lines in place of those above the list, so that its lines keep their numbers.
    data = b"\n" * update.head_lines + update.content
    list_digest = price_lists.digest(data)
    return Order(
        name,
        data,
        origin=price_lists.STEELYARD,
        may_correct=True,
        detail=f"{_DETAIL}{update.day:%Y-%m-%d}, {signed}",
        check=lambda connection: check_day(connection, update, list_digest, now_ns),
    )


def check_address(url: str) -> None:
    """Refuses what is no address to fetch a list from: https, or http on this machine.

    Raises:
        InvalidRequest: it is none.
    """
    if not is_fetchable(url):
        raise InvalidRequest("updates are fetched over https, or over http from this machine")


async def fetch(url: str) -> bytes:
    """The bytes behind an address, at most ``UPDATE_BYTES_MAX``.

    Raises:
        InvalidRequest: the address is none that may be fetched, or answers otherwise than 200.
        StoreUnavailable: it cannot be reached in time.
        TooLarge: there are more bytes.
    """
    import httpx

    check_address(url)
    address = url.partition("?")[0]  # what follows may be a token
    # It logs whole addresses.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            return await download(client, url, UPDATE_BYTES_MAX)
    except InvalidRequest as error:
        raise InvalidRequest(f"{address}: {error}") from error
    except OSError as error:
        raise StoreUnavailable(f"{address} {error}") from error


def _key_bytes(text: str, what: str) -> bytes:
    try:
        found = base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        found = b""
    if len(found) != _KEY_BYTES:
        raise InvalidRequest(
            f"that is no {what} key: 32 bytes in base64, of steelyard prices keygen"
        )
    return found
