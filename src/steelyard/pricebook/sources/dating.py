"""Instants of price lists, and what their notes say about dates.

A list gives days of the vendor's own zone; the book holds instants. How sure a day is, and when the
evidence was last seen to hold, stands in free text beside the price.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

YEARS = range(1971, 2261)
"""Years of instants that can be kept: beyond them a count of nanoseconds passes 63 bits."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BASIS = re.compile(r"\bdate=([a-z ]+)")
_BASES = (
    ("announced", "announced"),
    ("release", "release"),
    ("launch", "release"),
    ("version suffix", "version suffix"),
    ("observed", "observed"),
    ("list in force", "observed"),
    ("price before", "observed"),
    ("batch table verified", "observed"),
    ("unverified", "unverified"),
    ("approximate", "unverified"),
    ("derived", "derived"),
)
"""How a note begins -> the basis of its date."""

_UNCERTAIN = "the day is unverified"
_VERIFIED = re.compile(r"\b(?:verified by it up to|price as of|checked) (\d{4}-\d{2}-\d{2})")
_EVIDENCE = re.compile(
    r"\((?:[^()]*[ ,])?(\d{4}-\d{2}(?:-\d{2})?)(?: commit)?\)|\bcommit (\d{4}-\d{2}-\d{2})"
    r"|\b1\.0\.(20\d{6})\d{6}\b"
)
_ENDINGS = re.compile(r"\((?:retired|shut down) [^()]*\)")


@lru_cache(maxsize=8192)
def read_instant(text: str, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a day's first moment in ``zone``, or of an ISO 8601 instant.

    Raises:
        ValueError: neither; the message says what to write.
    """
    found = _read_any(text, zone)
    if found.year not in YEARS:
        hint = "; leave the end empty where none is known" if found.year >= YEARS.stop else ""
        raise ValueError(f"{_advice(text)}, from {YEARS.start} to {YEARS.stop - 1}{hint}")
    return found


def _read_any(text: str, zone: ZoneInfo) -> datetime:
    try:
        if _DAY.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            hint = f"{text} has no offset from UTC; write {text}+08:00, or a day alone"
            raise ValueError(hint) if "T" in text or " " in text else ValueError(_advice(text))
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(_advice(text)) from error
    except ValueError as error:
        if "has no offset" in str(error):
            raise
        raise ValueError(_advice(text)) from error


def _advice(text: str) -> str:
    return f"{text[:40]!r} is no day; write 2026-11-21, or 2026-11-21T16:00:00Z for an instant"


@lru_cache(maxsize=8192)
def basis_of(note: str) -> str:
    """How sure the first day is, as the note says: a basis of ``ListedRate``, or empty."""
    match = _BASIS.search(note)
    words = match[1] if match else note.partition(" ")[0].rstrip(":;")
    if _UNCERTAIN in note:
        return "unverified"
    return next((basis for start, basis in _BASES if words.startswith(start)), "")


@lru_cache(maxsize=8192)
def seen_at(source: str, note: str) -> datetime | None:
    """When the evidence was last seen to hold (UTC midnight), where source or note say so.

    A month counts as its first day. Dates at which something was shut down say nothing of prices.
    """
    days = [match[1] for match in _VERIFIED.finditer(f"{source}\n{note}")]
    if not days:
        for match in _EVIDENCE.finditer(_ENDINGS.sub("", source)):
            text = match[1] or match[2] or f"{match[3][:4]}-{match[3][4:6]}-{match[3][6:]}"
            days.append(text if len(text) == 10 else f"{text}-01")
    try:
        return max((datetime.fromisoformat(day).replace(tzinfo=UTC) for day in days), default=None)
    except ValueError:
        return None  # digits that look like a day and are none: no evidence of anything
