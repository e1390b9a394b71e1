"""Instants: aware datetimes for people and rates, UTC nanoseconds since 1970 for machines."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

NS = 10**9
"""Nanoseconds in a second."""
DAY_NS = 86_400 * NS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_instant(text: str) -> datetime:
    """The instant in a text that we wrote, which says its zone.

    Raises:
        ValueError: it is none, or has no zone.
    """
    instant = datetime.fromisoformat(text)
    if instant.utcoffset() is None:
        raise ValueError(f"{text} has no zone")
    return instant


def instant_ns(instant: datetime) -> int:
    """The instant in UTC nanoseconds since 1970, exactly."""
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000


def instant_of(at_ns: int) -> datetime:
    """The instant (UTC) of nanoseconds since 1970; what is below a microsecond is cut."""
    # Through whole microseconds, so that no float rounds an instant across a boundary.
    return _EPOCH + timedelta(microseconds=at_ns // 1000)


def day_ns(day: date) -> int:
    """The first instant of a day (UTC) in nanoseconds since 1970."""
    return instant_ns(datetime.combine(day, time(), UTC))
