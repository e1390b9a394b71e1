"""When a clock condition holds: hours, weekdays and public holidays as a vendor's wall clock reads.

``compiling`` cuts an offer's time at the edges found here, so that a worker never asks a time zone
anything. What decides is always what a wall clock in the zone reads at the instant:

* where clocks are put forward, a window whose edge lies in the hour that does not exist begins or
  ends at the jump;
* where they are put back, the hour that comes twice counts twice: a window that begins within it
  holds from its begin to the jump, and from its begin again.

A window over midnight belongs to the day on which it begins: one from Friday 22:00 to 06:00 still
holds on Saturday at 05:00, and one that began before a holiday runs to its end.

Public holidays are the days off of the country's official calendar, days in lieu included. A
weekend day on which a country works in exchange stays a weekend day: no list found says otherwise.
Of a year whose calendar is not yet published the package ``holidays`` computes the days that the
law fixes; the days moved for that year (China publishes them each November) come with its update,
so prices that far ahead are a forecast.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from steelyard.domain.conditions import DAY_MINUTES, EVERY_DAY, Clock

_SECOND_NS = 10**9
_DAY = timedelta(days=1)


def holds(clock: Clock, at_ns: int) -> bool:
    """Whether a window of the clock is open at ``at_ns``, in UTC nanoseconds.

    Raises:
        ValueError: the zone or the country of the holidays is not known.
    """
    # Every edge lies on a whole second, so what is below one decides nothing.
    wall = datetime.fromtimestamp(at_ns // _SECOND_NS, _zone(clock.zone))
    minute = wall.hour * 60 + wall.minute
    today = wall.date()
    for begin, end in clock.windows:
        if begin < end:
            if begin <= minute < end and _counts(clock, today):
                return True
        elif (minute >= begin and _counts(clock, today)) or (
            minute < end and _counts(clock, today - _DAY)
        ):
            return True
    return False


def edges(clock: Clock, since_ns: int, until_ns: int) -> list[int]:
    """Instants between the two, both excluded, at which ``holds`` changes: UTC ns, ascending.

    Raises:
        ValueError: the zone or the country of the holidays is not known.
    """
    zone = _zone(clock.zone)
    found = set()
    # A window may have begun the day before, and a zone may be a day ahead of UTC.
    day = datetime.fromtimestamp(since_ns // _SECOND_NS, zone).date() - _DAY
    last = datetime.fromtimestamp(until_ns // _SECOND_NS, zone).date() + _DAY
    while day <= last:
        for at in _candidates(clock, zone, day):
            at_ns = at * _SECOND_NS
            if since_ns < at_ns < until_ns:
                found.add(at_ns)
        day += _DAY
    return sorted(at for at in found if holds(clock, at) != holds(clock, at - 1))


def _candidates(clock: Clock, zone: ZoneInfo, day: date) -> Iterator[int]:
    """UTC seconds at which something may begin or end on ``day``."""
    jump = _jump(zone, day)
    if jump is not None:
        yield jump
    if not _counts(clock, day):
        return
    for begin, end in clock.windows:
        midnight = datetime.combine(day, time())
        ends = end if begin < end else end + DAY_MINUTES
        for minute in (begin, ends):
            wall = midnight + timedelta(minutes=minute)
            # A reading that comes twice is two instants.
            for fold in (0, 1):
                yield int(wall.replace(tzinfo=zone, fold=fold).timestamp())


def _jump(zone: ZoneInfo, day: date) -> int | None:
    """The UTC second at which the zone's offset changes on ``day``; None where it does not."""
    midnight = datetime.combine(day, time())
    before, after = zone.utcoffset(midnight), zone.utcoffset(midnight + _DAY)
    if before == after:
        return None
    low = int(midnight.replace(tzinfo=zone).timestamp())
    high = int((midnight + _DAY).replace(tzinfo=zone).timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def _counts(clock: Clock, day: date) -> bool:
    """Whether windows begin on ``day`` at all."""
    if clock.weekdays != EVERY_DAY and day.weekday() not in clock.weekdays:
        return False
    return not clock.holidays or day not in days_off(clock.holidays, day.year)


@cache
def days_off(country: str, year: int) -> frozenset[date]:
    """Public holidays of a country (ISO 3166) in a year, days off in lieu included.

    Raises:
        ValueError: the country's calendar is not known.
    """
    # Imported when first asked: it takes longer than the rest of this package together, and most
    # books have no clock, while every worker and every command imports what lies around here.
    import holidays  # noqa: PLC0415

    # A year's calendar may give away a day of the year before or after it.
    years = (year - 1, year, year + 1)
    try:
        calendar = holidays.country_holidays(country, years=years, expand=False)
    except NotImplementedError as error:
        raise ValueError(f"no calendar of public holidays for {country!r}") from error
    return frozenset(day for day in calendar if day.year == year)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error
