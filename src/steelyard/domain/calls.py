"""A client's call, its attempts, and how an attempt can end.

A call's id is (worker incarnation, sequence): no random bits, no coordination, short in the ledger.
People see it as one string, ``c-1f-3a2b``; an attempt adds its number, ``c-1f-3a2b-1``.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt ended; what each one books stands in the outcome table of the design note."""

    COMPLETED = "completed"
    """The answer came whole; usage reported, or estimated and flagged."""
    NOT_SENT = "not_sent"
    """No byte of the request left us: books a line with cost 0."""
    REFUSED = "refused"
    """The vendor said that it did nothing: books a line with cost 0."""
    UNCERTAIN = "uncertain"
    """Sent, and nothing came back: booked at its upper bound."""
    CUT = "cut"
    """The vendor broke off or reported an error after the first byte; what was seen is booked."""
    CLIENT_GONE = "client_gone"
    """The client left, the upstream was cancelled; what was seen is booked."""
    CACHED = "cached"
    """Answered from our own cache: a line with cost 0."""


class Why(StrEnum):
    """Why an attempt was made."""

    FIRST = "first"
    RETRY = "retry"
    FALLBACK = "fallback"
    HEDGE = "hedge"
    SHADOW = "shadow"
    WEIGH = "weigh"
    PROBE = "probe"
    SUPPLY = "supply"
    """Load that finds out what an offer carries; its refusals rest no channel."""
    BATCH = "batch"


_CALL_ID = re.compile(r"c-([0-9a-f]{1,12})-([0-9a-f]{1,12})(?:-([0-9]{1,4}))?")


def call_id(incarnation: int, sequence: int) -> str:
    """The call's id as people see it."""
    return f"c-{incarnation:x}-{sequence:x}"


def attempt_id(incarnation: int, sequence: int, attempt: int) -> str:
    """The attempt's id as vendors and people see it; ``attempt`` counts from 1."""
    return f"c-{incarnation:x}-{sequence:x}-{attempt}"


def parse_call_id(text: str) -> tuple[int, int, int | None]:
    """Incarnation, sequence and attempt (None for a whole call) of an id.

    Raises:
        ValueError: the text is no such id.
    """
    match = _CALL_ID.fullmatch(text)
    if match is None:
        raise ValueError(f"no call id: {text[:64]!r}")
    incarnation, sequence, attempt = match.groups()
    return int(incarnation, 16), int(sequence, 16), int(attempt) if attempt else None
