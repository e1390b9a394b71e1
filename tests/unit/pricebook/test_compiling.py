"""Periods: what held when, what supersedes what, and how far ahead anything is said."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from pricebook.rates_rig import LATER, SINCE, cost, only, rate
from steelyard.domain.conditions import Clock, Condition
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.rates import Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import END_NS, Period, period_at
from steelyard.pricebook.compiling import RateTie, compile_periods, is_chat_priced, select

DAY = timedelta(days=1)
MILLION = 10**6
NIGHT = Clock("UTC", ((22 * 60, 6 * 60),))
SINCE_NS, LATER_NS = instant_ns(SINCE), instant_ns(LATER)


def inputs(periods: list[Period]) -> list[tuple[int, int, int]]:
    """Days after the begin, and the price of a million tokens of input."""
    return [
        (
            (period.from_ns - SINCE_NS) // DAY_NS,
            -1 if period.to_ns == END_NS else (period.to_ns - SINCE_NS) // DAY_NS,
            period.cards[0].prices[0] // MILLION,
        )
        for period in periods
    ]


def test_rates_hold_from_their_first_instant_to_before_their_last() -> None:
    rates = [rate("input", "1", SINCE, LATER), rate("input", "2", LATER, LATER + DAY)]
    periods = compile_periods(rates)
    assert period_at(periods, SINCE_NS - 1) is None
    assert period_at(periods, SINCE_NS) == period_at(periods, LATER_NS - 1) == periods[0]
    assert period_at(periods, LATER_NS) == periods[1]
    assert period_at(periods, LATER_NS + DAY_NS) is None


def test_a_later_rate_supersedes_from_its_own_beginning() -> None:
    old, new = rate("input", "1"), rate("input", "2", LATER)
    for known in ([old, new], [new, old]):
        assert inputs(compile_periods(known)) == [(0, 181, 1), (181, -1, 2)]


def test_an_earlier_rate_holds_again_when_a_later_one_ends() -> None:
    rates = [
        rate("input", "3", SINCE, SINCE + 20 * DAY),
        rate("input", "2", SINCE + 2 * DAY, SINCE + 6 * DAY),
        rate("input", "1", SINCE + 3 * DAY, SINCE + 4 * DAY),
        rate("input", "9", SINCE + 9 * DAY, SINCE + 10 * DAY),
    ]
    assert inputs(compile_periods(rates)) == [
        (0, 2, 3), (2, 3, 2), (3, 4, 1), (4, 6, 2), (6, 9, 3), (9, 10, 9), (10, 20, 3),
    ]  # fmt: skip


def test_two_that_begin_together_are_a_tie() -> None:
    with pytest.raises(RateTie, match="input-1-20260101 and input-3-20260101") as told:
        compile_periods([rate("input", "1"), rate("input", "3")])
    assert told.value.one.item == "input"
    # The one that goes on after the other's end, and one that was never asked about, are none.
    short = rate("input", "1", SINCE, SINCE + DAY)
    with pytest.raises(RateTie):
        compile_periods([rate("input", "3"), short])
    assert inputs(compile_periods([rate("input", "3"), short], SINCE_NS + DAY_NS)) == [(1, -1, 3)]
    # What only tells decides nothing, so it makes no difference.
    told_apart = [
        rate("input", "1", condition=Condition(version="a")),
        rate("input", "2", condition=Condition(version="b", remark="list price")),
    ]
    with pytest.raises(RateTie):
        compile_periods(told_apart)


def test_a_tie_is_seen_through_a_rate_that_ends_within() -> None:
    rates = [
        rate("input", "1", SINCE, SINCE + 9 * DAY),
        rate("input", "2", SINCE, SINCE + 5 * DAY),
        rate("input", "3", SINCE + DAY, SINCE + 2 * DAY),
    ]
    with pytest.raises(RateTie):
        compile_periods(rates)
    with pytest.raises(RateTie):
        compile_periods(rates, SINCE_NS + DAY_NS)
    assert inputs(compile_periods(rates, SINCE_NS + 5 * DAY_NS)) == [(5, 9, 1)]


def test_a_tie_of_two_is_seen_beside_a_third_that_ended() -> None:
    ends = {"1": 9, "2": 2, "3": 5}
    rates = [rate("input", amount, SINCE, SINCE + days * DAY) for amount, days in ends.items()]
    with pytest.raises(RateTie, match="input-3-20260101 and input-1-20260101"):
        compile_periods(rates, SINCE_NS + 3 * DAY_NS)
    assert inputs(compile_periods(rates, SINCE_NS + 5 * DAY_NS)) == [(5, 9, 1)]


def test_a_list_price_is_charged_only_where_nothing_else_is() -> None:
    listed = rate("input", "9", is_list_price=True)
    assert inputs(compile_periods([listed])) == [(0, -1, 9)]
    assert inputs(compile_periods([rate("input", "1", LATER), listed])) == [
        (0, 181, 9),
        (181, -1, 1),
    ]
    long = rate("input", "7", is_list_price=True, input_from=100)
    promoted = compile_periods([rate("input", "1"), listed, long])
    assert inputs(promoted) == [(0, -1, 1)]


def test_periods_follow_each_other_without_overlap() -> None:
    rates = [rate("input", "1"), rate("output", "2"), rate("input", "3", LATER)]
    first, second = compile_periods(rates)
    assert (first.from_ns, first.to_ns) == (SINCE_NS, LATER_NS)
    assert (second.from_ns, second.to_ns) == (LATER_NS, END_NS)
    assert second.cards[0].rate_ids == ("input-3-20260701", "output-2-20260101")
    assert compile_periods(rates, LATER_NS) == [second]
    assert compile_periods(rates, LATER_NS - 1) == [first, second]


def test_a_gap_in_the_rates_is_a_gap_in_the_periods() -> None:
    gap = SINCE + 30 * DAY
    found = compile_periods([rate("input", "1", SINCE, gap), rate("input", "1", LATER)])
    assert inputs(found) == [(0, 30, 1), (181, -1, 1)]
    assert compile_periods([]) == []


def test_a_period_begins_where_something_changed_last() -> None:
    """Though what held before is not asked for, nothing false is said of it."""
    rates = [
        rate("input", "1"),
        rate("input", "5", SINCE + DAY, SINCE + 2 * DAY),
        rate("input", "6", SINCE + 3 * DAY, SINCE + 4 * DAY, thinking=True),
    ]
    for days, begins in ((0, 0), (2, 2), (9, 4)):
        assert inputs(compile_periods(rates, SINCE_NS + days * DAY_NS))[0][0] == begins


def test_neighbours_that_say_the_same_are_one() -> None:
    same = [rate("input", "1", SINCE, LATER, name="a"), rate("input", "1", LATER, name="a")]
    assert inputs(compile_periods(same)) == [(0, -1, 1)]
    # Another rate is another reason, though the price is the same.
    other = [rate("input", "1", SINCE, LATER, name="a"), rate("input", "1", LATER, name="b")]
    assert len(compile_periods(other)) == 2
    # One that is never the latest cuts nothing.
    hidden = [
        rate("input", "1", SINCE + DAY),
        rate("input", "9", SINCE, SINCE + 5 * DAY),
    ]
    assert inputs(compile_periods(hidden)) == [(0, 1, 9), (1, -1, 1)]


def test_hours_cut_periods_up_to_the_horizon() -> None:
    rates = [rate("input", "2"), rate("input", "1", LATER, clock=NIGHT), rate("output", "3")]
    found = compile_periods(rates, SINCE_NS, LATER_NS + 2 * DAY_NS)
    hours = [((p.from_ns - LATER_NS) * 24 // DAY_NS, p.cards[0].prices[0]) for p in found[1:]]
    # It is night when the rate begins.
    assert hours == [
        (0, MILLION), (6, 2 * MILLION), (22, MILLION), (30, 2 * MILLION), (46, MILLION),
    ]  # fmt: skip
    assert found[0].from_ns == SINCE_NS
    assert found[-1].to_ns == LATER_NS + 2 * DAY_NS
    for before, after in pairwise(found):
        assert before.to_ns == after.from_ns


def test_hours_need_a_horizon_unless_they_end() -> None:
    endless = rate("input", "1", clock=NIGHT)
    with pytest.raises(ValueError, match="input-1-20260101 waits for a clock"):
        compile_periods([endless])
    ending = rate("input", "1", SINCE, SINCE + 2 * DAY, clock=NIGHT)
    found = compile_periods([ending, rate("input", "2")])
    assert len(found) == 6
    assert found[-1].to_ns == END_NS
    assert compile_periods([ending, rate("input", "2")], LATER_NS) == [
        Period(found[-1].from_ns, END_NS, *found[-1][2:])
    ]


def test_beyond_the_horizon_only_times_without_hours_are_known() -> None:
    rates = [
        rate("input", "1", SINCE, SINCE + 9 * DAY, clock=NIGHT),
        rate("input", "2", SINCE, SINCE + 20 * DAY),
    ]
    found = compile_periods(rates, until_ns=SINCE_NS + 3 * DAY_NS)
    assert period_at(found, SINCE_NS + 3 * DAY_NS - 1) is not None
    assert period_at(found, SINCE_NS + 3 * DAY_NS) is None
    assert period_at(found, SINCE_NS + 9 * DAY_NS - 1) is None
    assert inputs(found)[-1] == (9, 20, 2)
    # Without any clock a horizon changes nothing.
    assert compile_periods(rates[1:], 0, SINCE_NS) == compile_periods(rates[1:])


def test_a_moment_without_an_open_window_has_no_period() -> None:
    found = compile_periods([rate("input", "1", clock=NIGHT)], SINCE_NS, SINCE_NS + DAY_NS)
    hours = [
        (24 * (p.from_ns - SINCE_NS) // DAY_NS, 24 * (p.to_ns - SINCE_NS) // DAY_NS) for p in found
    ]
    assert hours == [(0, 6), (22, 24)]


def test_two_clocks_at_once_are_a_tie_only_while_both_are_open() -> None:
    noon = rate("input", "1", clock=Clock("UTC", ((12 * 60, 13 * 60),)))
    night = rate("input", "2", clock=NIGHT)
    late = rate("input", "3", clock=Clock("UTC", ((23 * 60, 24 * 60),)))
    until = SINCE_NS + 2 * DAY_NS
    assert len(compile_periods([noon, night], SINCE_NS, until)) == 5
    with pytest.raises(RateTie):
        compile_periods([night, late], SINCE_NS, until)


def test_what_holds_again_is_the_same_object() -> None:
    """A clock has few states: each is compiled once."""
    rates = [rate("input", "2"), rate("input", "1", clock=NIGHT), rate("output", "3")]
    found = compile_periods(rates, SINCE_NS, SINCE_NS + 30 * DAY_NS)
    assert len({id(period.cards) for period in found}) == 2


def test_volume_steps_are_chosen_by_what_was_bought() -> None:
    rates = [
        rate("input", "3", volume_to=10**9),
        rate("input", "2", volume_from=10**9, volume_to=10**10),
        rate("input", "1", volume_from=10**10),
        rate("output", "5"),
    ]
    for volume, amount in ((0, 3), (10**9 - 1, 3), (10**9, 2), (10**10, 1)):
        [period] = compile_periods(rates, volume=volume)
        assert cost(period, Usage(1)) == amount * MILLION


def test_rates_of_an_offer_are_selected() -> None:
    free = rate("input", "1")
    intl = rate("input", "2", region="intl")
    sold = rate("input", "3", region="intl", seller="somebody")
    large = rate("image", "4", unit="image", variant="2048x2048")
    rates = [free, intl, sold, large]
    assert select(rates) == [free]
    assert select(rates, region="intl") == [free, intl]
    assert select(rates, "intl", "somebody") == [free, intl, sold]
    assert select(rates, "cn", "somebody", "2048x2048") == [free, large]


def test_a_chat_is_priced_when_each_ordinary_call_is() -> None:
    output = rate("output", "1")
    assert is_chat_priced(only(rate("input", "1"), output))
    assert is_chat_priced(only(rate("request", "1", unit="request")))
    assert not is_chat_priced(only(rate("input", "1")))
    assert not is_chat_priced(only(rate("input", "1", input_to=10), output))
    assert not is_chat_priced(only(rate("input", "1", tier="batch"), output))
    assert not is_chat_priced(
        only(rate("input", "1", tier="batch"), rate("output", "1", tier="batch"))
    )
    assert is_chat_priced(only(rate("input", "1"), output, rate("input", "1", tier="batch")))


def test_one_offer_has_one_currency() -> None:
    with pytest.raises(ValueError, match=r"several currencies: \['CNY', 'USD'\]"):
        compile_periods([rate("input", "1"), rate("output", "1", currency="CNY")])


def hourly(hours: int) -> list[Rate]:
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    rates: list[Rate] = []
    for number in range(hours):
        since = begin + number * timedelta(hours=1)
        rates += [
            rate("input", str(number % 7 + 1), since, name=f"i{number}"),
            rate("output", str(number % 5 + 1), since, name=f"o{number}"),
        ]
    return rates


def test_a_long_history_takes_as_much_longer_as_it_is() -> None:
    """Each of 5,000 changes looks at what it changes, not at all that went before."""

    def seconds(rates: list[Rate]) -> float:
        started = time.process_time()
        compile_periods(rates)
        return time.process_time() - started

    short = min(seconds(hourly(250)) for _ in range(3))
    rates = hourly(2_500)
    long = min(seconds(rates) for _ in range(2))
    assert long < 40 * short  # ten times as long; a quadratic one a hundred times
    found = compile_periods(rates)
    assert len(found) == 2_500
    last = compile_periods(rates, found[-1].from_ns)
    assert last == found[-1:]
