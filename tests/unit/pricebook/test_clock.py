"""Windows by the vendor's wall clock: midnights, weekends, holidays, and hours that jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from steelyard.domain.conditions import EVERY_DAY, Clock
from steelyard.domain.instants import DAY_NS, NS, instant_ns, instant_of
from steelyard.pricebook.clock import days_off, edges, holds

WORKDAYS = frozenset(range(5))
BEIJING = Clock("Asia/Shanghai", ((9 * 60, 12 * 60), (14 * 60, 18 * 60)), WORKDAYS, "CN")


def minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def clock(zone: str, *windows: str, weekdays: frozenset[int] = EVERY_DAY) -> Clock:
    pairs = [window.split("-") for window in windows]
    return Clock(zone, tuple((minutes(b), minutes(e)) for b, e in pairs), weekdays)


def wall(zone: str, text: str, fold: int = 0) -> int:
    """UTC ns at which a wall clock in the zone reads the text."""
    read = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return instant_ns(read)


def readings(asked: Clock, since: str, until: str) -> list[tuple[str, bool]]:
    """UTC times of the edges between two UTC instants, and whether the clock holds from there."""
    begin, end = (instant_ns(datetime.fromisoformat(t).replace(tzinfo=UTC)) for t in (since, until))
    return [(f"{instant_of(at):%d %H:%M}", holds(asked, at)) for at in edges(asked, begin, end)]


@pytest.mark.parametrize(
    ("read", "is_open"),
    [
        ("2026-08-17T08:59:59", False),
        ("2026-08-17T09:00:00", True),
        ("2026-08-17T11:59:59.999999", True),
        ("2026-08-17T12:00:00", False),
        ("2026-08-17T14:00:00", True),
        ("2026-08-17T17:59:59", True),
        ("2026-08-17T18:00:00", False),
    ],
)
def test_a_window_opens_at_its_begin_and_is_shut_at_its_end(read: str, is_open: bool) -> None:
    assert holds(BEIJING, wall("Asia/Shanghai", read)) is is_open


def test_a_nanosecond_before_an_edge_is_before_it() -> None:
    at = wall("Asia/Shanghai", "2026-08-17T09:00:00")
    assert not holds(BEIJING, at - 1)
    assert holds(BEIJING, at)


def test_weekdays_are_those_of_the_zone() -> None:
    # Sunday 22:00 UTC is Monday 06:00 in China.
    early = clock("Asia/Shanghai", "05:00-07:00", weekdays=WORKDAYS)
    assert holds(early, instant_ns(datetime(2026, 8, 16, 22, tzinfo=UTC)))
    assert not holds(early, instant_ns(datetime(2026, 8, 21, 22, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-08-22", "a Saturday"),
        ("2026-10-01", "National Day, a Thursday"),
        ("2026-10-05", "a Monday in lieu of one of its days"),
        ("2026-10-07", "a Wednesday, exchanged for a working Saturday"),
        ("2026-10-10", "that Saturday: worked, and still a weekend day"),
        ("2026-09-20", "a Sunday that is worked"),
        ("2027-01-01", "the first of a year"),
    ],
)
def test_no_window_on_days_off(day: str, why: str) -> None:
    assert not holds(BEIJING, wall("Asia/Shanghai", f"{day}T10:00:00")), why


@pytest.mark.parametrize("day", ["2026-10-08", "2026-12-31", "2028-02-29", "2026-09-30"])
def test_windows_on_ordinary_days_beside_them(day: str) -> None:
    assert holds(BEIJING, wall("Asia/Shanghai", f"{day}T10:00:00"))


def test_a_window_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    night = clock("UTC", "22:00-06:00", weekdays=frozenset({4}))
    assert readings(night, "2026-08-17", "2026-08-31") == [
        ("21 22:00", True),
        ("22 06:00", False),
        ("28 22:00", True),
        ("29 06:00", False),
    ]
    # It began before the holiday, so it runs to its end; none begins on the holiday itself.
    eve = Clock("Asia/Shanghai", ((22 * 60, 6 * 60),), WORKDAYS, "CN")
    assert holds(eve, wall("Asia/Shanghai", "2026-10-01T05:00:00"))
    assert not holds(eve, wall("Asia/Shanghai", "2026-10-01T23:00:00"))


def test_a_window_to_midnight_and_one_of_a_whole_day() -> None:
    evening = clock("UTC", "18:00-24:00")
    assert readings(evening, "2026-01-01", "2026-01-02T12:00") == [
        ("01 18:00", True),
        ("02 00:00", False),
    ]
    always = clock("UTC", "05:00-05:00")
    assert readings(always, "2026-01-01", "2026-03-01") == []
    assert holds(always, 0)
    joined = clock("UTC", "08:00-12:00", "12:00-14:00")
    assert len(readings(joined, "2026-01-01", "2026-01-02")) == 2


def test_a_window_in_the_hour_that_does_not_exist_begins_at_the_jump() -> None:
    # Berlin, 2026-03-29: 02:00 reads 03:00, at 01:00 UTC.
    inside = clock("Europe/Berlin", "02:30-04:00")
    assert readings(inside, "2026-03-29", "2026-03-30") == [("29 01:00", True), ("29 02:00", False)]
    ending = clock("Europe/Berlin", "01:00-02:30")
    assert readings(ending, "2026-03-28T12:00", "2026-03-29T12:00") == [
        ("29 00:00", True),
        ("29 01:00", False),
    ]
    swallowed = clock("Europe/Berlin", "02:10-02:50")
    assert readings(swallowed, "2026-03-29", "2026-03-30") == []


def test_the_hour_that_comes_twice_counts_twice() -> None:
    # Berlin, 2026-10-25: 03:00 reads 02:00, at 01:00 UTC.
    within = clock("Europe/Berlin", "02:30-04:00")
    assert readings(within, "2026-10-24T12:00", "2026-10-25T12:00") == [
        ("25 00:30", True),
        ("25 01:00", False),
        ("25 01:30", True),
        ("25 03:00", False),
    ]
    around = clock("Europe/Berlin", "01:00-05:00")
    assert readings(around, "2026-10-24T12:00", "2026-10-25T12:00") == [
        ("24 23:00", True),
        ("25 04:00", False),
    ]
    at = wall("Europe/Berlin", "2026-10-25T02:45", fold=1)
    assert holds(within, at)
    assert holds(within, at - 3600 * NS)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Shanghai", "UTC"])
@pytest.mark.parametrize("month", [3, 10, 11])
def test_edges_are_where_holds_changes_and_nowhere_else(zone: str, month: int) -> None:
    asked = clock(zone, "01:30-02:30", "23:00-00:30", weekdays=frozenset({0, 5, 6}))
    begin = instant_ns(datetime(2026, month, 1, tzinfo=UTC))
    step = 15 * 60 * NS
    states = [holds(asked, begin + i * step) for i in range(31 * 96)]
    expected = [begin + i * step for i in range(1, len(states)) if states[i] != states[i - 1]]
    assert edges(asked, begin, begin + (len(states) - 1) * step + 1) == expected


def test_edges_lie_strictly_between() -> None:
    first, second = edges(BEIJING, 0, 86400 * NS * 9)[:2]
    assert edges(BEIJING, first, second) == []
    assert edges(BEIJING, first - 1, second + 1) == [first, second]
    assert edges(BEIJING, second, first) == []


def test_sixty_days_ahead_are_quick() -> None:
    begin = wall("Asia/Shanghai", "2026-08-17T00:00")
    found = edges(BEIJING, begin, begin + 60 * DAY_NS)
    workdays = 60 - 16 - 6  # eight weekends; Mid-Autumn and five days of National Day
    assert len(found) == 4 * workdays


def test_days_off_are_of_their_year_only() -> None:
    assert date(2026, 10, 7) in days_off("CN", 2026)
    assert all(day.year == 2026 for day in days_off("CN", 2026))
    # No calendar is published that far ahead: the days that the law names are known.
    assert date(2050, 10, 1) in days_off("CN", 2050)
    assert date(2026, 7, 4) in days_off("US", 2026)


def test_what_nobody_knows_is_said() -> None:
    with pytest.raises(ValueError, match="public holidays for 'XX'"):
        holds(Clock("UTC", ((0, 60),), holidays="XX"), 0)
    for zone in ("Mars/Olympus", "../etc/passwd"):
        with pytest.raises(ValueError, match="unknown time zone"):
            edges(Clock(zone, ((0, 60),)), 0, NS)


def test_a_year_has_as_many_openings_as_its_workdays() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=8)
    found = edges(BEIJING, instant_ns(begin), instant_ns(begin + timedelta(days=365)))
    workdays = sum(
        (date(2026, 1, 1) + timedelta(days=n)).weekday() < 5
        and date(2026, 1, 1) + timedelta(days=n) not in days_off("CN", 2026)
        for n in range(365)
    )
    assert len(found) == 4 * workdays
