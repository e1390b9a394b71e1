"""Budgets, limits and leases.

A lease is a slice of a limit, handed to one worker incarnation in advance. One grant per (scope,
unit, window, incarnation), whose amount only control changes; what a dead worker's lease still
holds is the grant minus what its journal says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from steelyard.domain.instants import instant_ns


class Unit(StrEnum):
    """What a limit counts."""

    MONEY = "money"
    """Pico-units of the limit's currency."""
    REQUESTS = "requests"
    """Calls, in windows of one minute."""


class Period(StrEnum):
    """Calendar windows of a budget."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on one account or key: a money budget or a rate of requests."""

    limit_id: int
    scope: str
    """``account:<id>`` or ``key:<id>``."""
    unit: Unit
    amount: int
    """Pico-units for money, a count for requests."""
    period: Period
    currency: str = ""
    """ISO 4217 code for money, else empty."""
    zone: str = "UTC"
    """Time zone in which days and months begin."""
    is_hard: bool = True
    """Whether a call that does not fit is refused; a soft limit only reports."""


FOREVER_NS = 2**63 - 1
"""End of a window that never ends."""


def window(period: Period, zone: str, at: datetime) -> tuple[int, int]:
    """Begin and end of the window that holds ``at``, UTC nanoseconds, end exclusive."""
    if period is Period.TOTAL:
        return 0, FOREVER_NS
    local = at.astimezone(ZoneInfo(zone))
    if period is Period.MINUTE:
        begin = local.replace(second=0, microsecond=0)
        return instant_ns(begin), instant_ns(begin.astimezone(UTC) + timedelta(minutes=1))
    begin = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.DAY:
        following = begin + timedelta(days=1)
    else:
        begin = begin.replace(day=1)
        following = (begin + timedelta(days=32)).replace(day=1)
    return instant_ns(begin), instant_ns(following)
