"""What a measurement of supply is asked, told and says: plain values."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from steelyard.weigh.supply.record import End, Rate

TOLERANCE = 0.04
"""Relative half-width at which an estimate is good enough."""


class Terms(NamedTuple):
    """What a measurement may ask for, and what it is to find out."""

    requests_max: int
    """Calls per minute that the vendor's terms allow."""
    enough: int = 0
    """Calls per minute that are needed; 0 asks where the limit is."""
    calls_max: int = 4000
    money_pico_max: int | None = None
    """In pico-units of the offer's currency; None for no bound."""
    seconds_max: float = 360.0
    tolerance: float = TOLERANCE


class Reply(NamedTuple):
    """How a call ended."""

    end: End
    retry_after_s: float | None = None
    """How long the vendor asked us to wait; None if it did not."""
    cost_pico: int = 0


class State(StrEnum):
    """What a measurement says in a word."""

    OK = "ok"
    """The demand, or all that the terms allow, is carried."""
    LIMITED = "limited"
    """A limit was found below that."""
    UNKNOWN = "unknown"
    """It ended before either was known."""


class Found(NamedTuple):
    """What a measurement found."""

    state: State
    rate: Rate
    """Requests per minute."""
    burst: int
    """Calls beyond the rate that were accepted at the start; 0 where that is not known."""
    slower: float
    """Typical time of an answer at the end, in times of that at the start."""
    calls: int
    refused: int
    failed: int
    cost_pico: int
    seconds: float
    why: str
    """Why it ended, for people."""
