"""A real change of prices, at every edge: one vendor's peak hours from 2026-08-17 in China.

Amounts in CNY per million tokens, as its list said them (announced for 2026-08-17, Asia/Shanghai,
that is 2026-08-16 16:00 UTC): before, one price; from then on twice the price from 09:00 to 12:00
and 14:00 to 18:00, Monday to Friday, not on public holidays.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from steelyard.domain.conditions import ALWAYS, Clock, Condition
from steelyard.domain.instants import DAY_NS, NS, instant_ns, instant_of
from steelyard.domain.money import to_pico
from steelyard.domain.rates import Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import Period, card_of, period_at, price
from steelyard.pricebook.clock import holds
from steelyard.pricebook.compiling import compile_periods

ZONE = ZoneInfo("Asia/Shanghai")
BEGIN, CHANGE = (datetime(2026, month, day, tzinfo=ZONE) for month, day in ((4, 26), (8, 17)))
PEAK_CLOCK = Clock(
    "Asia/Shanghai", ((9 * 60, 12 * 60), (14 * 60, 18 * 60)), frozenset(range(5)), "CN"
)
PEAK = Condition(clock=PEAK_CLOCK)
OLD = {"input": "3", "output": "6", "cache_read": "0.025"}
OFF_PEAK = {"input": "4.5", "output": "13.5", "cache_read": "0.15"}
AT_PEAK = {"input": "9", "output": "27", "cache_read": "0.3"}
UNTIL = instant_ns(datetime(2028, 3, 15, tzinfo=ZONE))
USAGE = Usage(1_000_000, 100_000, cache_read_tokens=400_000)


def listed(
    amounts: dict[str, str], begin: datetime, end: datetime | None, condition: Condition = ALWAYS
) -> list[Rate]:
    return [
        Rate(f"{item}-{text}", item, Fraction(text), "CNY", "mtok", begin, end, "", condition)
        for item, text in amounts.items()
    ]


RATES = [
    *listed(OLD, BEGIN, CHANGE),
    *listed(OFF_PEAK, CHANGE, None),
    *listed(AT_PEAK, CHANGE, None, PEAK),
]


@pytest.fixture(scope="module")
def periods() -> list[Period]:
    return compile_periods(RATES, until_ns=UNTIL)


def cost(amounts: dict[str, str]) -> int:
    """In pico-CNY: 600,000 tokens of input, 400,000 from the cache, 100,000 of output."""
    exact = {item: Fraction(text) for item, text in amounts.items()}
    million = Fraction(1, 10**6)
    return to_pico(
        (600_000 * exact["input"] + 400_000 * exact["cache_read"] + 100_000 * exact["output"])
        * million
    )


def priced(periods: list[Period], at_ns: int) -> int:
    period = period_at(periods, at_ns)
    assert period is not None
    card = card_of(period, USAGE)
    assert card is not None
    return price(period, card, USAGE)


def at(text: str) -> int:
    return instant_ns(datetime.fromisoformat(text).replace(tzinfo=ZONE))


def test_one_second_before_and_after_the_change(periods: list[Period]) -> None:
    change = instant_ns(CHANGE)
    assert f"{instant_of(change):%Y-%m-%d %H:%M}" == "2026-08-16 16:00"
    for early in (change - NS, change - 1):
        assert priced(periods, early) == cost(OLD) == to_pico("2.41")
    for late in (change, change + NS):
        assert priced(periods, late) == cost(OFF_PEAK) == to_pico("4.11")


@pytest.mark.parametrize("day", ["2026-08-17", "2026-08-21", "2026-12-31", "2028-02-29"])
def test_every_edge_of_the_hours(periods: list[Period], day: str) -> None:
    for edge, before, after in (
        ("09:00", OFF_PEAK, AT_PEAK),
        ("12:00", AT_PEAK, OFF_PEAK),
        ("14:00", OFF_PEAK, AT_PEAK),
        ("18:00", AT_PEAK, OFF_PEAK),
    ):
        instant = at(f"{day}T{edge}")
        for early in (instant - NS, instant - 1):
            assert priced(periods, early) == cost(before), edge
        for late in (instant, instant + NS):
            assert priced(periods, late) == cost(after), edge
    assert cost(AT_PEAK) == 2 * cost(OFF_PEAK)


@pytest.mark.parametrize(
    "day",
    [
        "2026-08-22",  # Saturday
        "2026-08-23",  # Sunday
        "2026-10-01",  # National Day, a Thursday
        "2026-10-05",  # the Monday in lieu of one of its days
        "2026-10-06",  # exchanged for a Sunday
        "2026-10-10",  # a Saturday that is worked: the rule says Monday to Friday
        "2027-01-01",  # New Year's Day, a Friday
    ],
)
def test_days_without_a_peak(periods: list[Period], day: str) -> None:
    for read in ("08:59:59", "09:00", "10:30", "14:00", "17:59:59"):
        assert priced(periods, at(f"{day}T{read}")) == cost(OFF_PEAK)


def test_midnight_between_two_years(periods: list[Period]) -> None:
    assert priced(periods, at("2026-12-31T17:59:59")) == cost(AT_PEAK)
    assert priced(periods, at("2026-12-31T23:59:59")) == cost(OFF_PEAK)
    assert priced(periods, at("2027-01-01T00:00:00")) == cost(OFF_PEAK)
    assert priced(periods, at("2027-01-04T09:00:00")) == cost(AT_PEAK)


def test_any_clock_in_the_world_gives_the_same_price(periods: list[Period]) -> None:
    """The vendor's wall decides, whatever the caller's zone says."""
    berlin = datetime(2026, 8, 17, 3, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert instant_ns(berlin) == at("2026-08-17T09:00")
    assert priced(periods, instant_ns(berlin)) == cost(AT_PEAK)


def test_every_quarter_of_an_hour_of_two_months(periods: list[Period]) -> None:
    begin = instant_ns(CHANGE)
    for quarter in range(60 * 96):
        instant = begin + quarter * 15 * 60 * NS
        expected = AT_PEAK if holds(PEAK_CLOCK, instant) else OFF_PEAK
        assert priced(periods, instant) == cost(expected)


def test_a_horizon_has_an_end_and_no_hole() -> None:
    now = at("2026-08-16T12:00")
    found = compile_periods(RATES, now, now + 60 * DAY_NS)
    assert found[0].from_ns == instant_ns(BEGIN)
    assert found[-1].to_ns == now + 60 * DAY_NS
    for before, after in zip(found, found[1:], strict=False):
        assert before.to_ns == after.from_ns
    assert period_at(found, now + 60 * DAY_NS) is None
    with pytest.raises(ValueError, match="say until when"):
        compile_periods(RATES, now)


def test_the_horizon_moves_without_changing_a_price() -> None:
    whole = compile_periods(RATES, until_ns=UNTIL)
    for days in (0, 3, 30):
        now = instant_ns(CHANGE + timedelta(days=days, hours=10, minutes=7))
        part = compile_periods(RATES, now, now + 20 * DAY_NS)
        for hour in range(20 * 24):
            instant = now + hour * 3600 * NS
            assert priced(part, instant) == priced(whole, instant)


def test_sixty_days_ahead_are_compiled_at_once(periods: list[Period]) -> None:
    """An offer is compiled for every snapshot; ``periods`` has loaded the calendar."""
    now = instant_ns(CHANGE)
    started = time.process_time()
    found = compile_periods(RATES, now, now + 60 * DAY_NS)
    assert time.process_time() - started < 0.5  # 5 ms as measured; a calendar anew is a second
    assert len(found) == 4 * 38 + 1
    assert found[1] in periods
