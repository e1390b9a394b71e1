"""What is kept in mind between calls."""

from __future__ import annotations

import math

import pytest

from steelyard.weigh.supply.modes import BASE_CALLS, Bracket, Lanes, Pulse, judged
from steelyard.weigh.supply.record import Kind, Rate, Sent
from steelyard.weigh.supply.terms import State, Terms


def test_a_bracket_narrows_from_both_sides() -> None:
    bracket = Bracket(upper=10.0)
    assert bracket.next() == 6.0 and not bracket.is_tight
    bracket.refused(6.0, 50, 10.0)
    assert bracket.lower == pytest.approx(4.95) and bracket.upper == 6.0
    bracket.carried(5.0)
    bracket.refused(5.2, 3, 1.0)
    assert (bracket.lower, bracket.upper) == (5.0, 5.2) and bracket.is_tight
    rate = bracket.rate()
    assert rate.upper is not None
    assert rate.lower == 300 and rate.lower < rate.estimate < rate.upper


def test_sides_that_cross_are_taken_for_one_place() -> None:
    bracket = Bracket(lower=5.0, upper=6.0)
    bracket.refused(4.9, 3, 1.0)
    assert bracket.lower < bracket.upper and bracket.is_tight


def test_a_bracket_without_an_upper_side_has_no_upper_bound() -> None:
    assert Bracket(lower=2.0).rate().upper is None
    assert Bracket(lower=2.0, upper=math.inf).above(2.0) == pytest.approx(2.1)


def test_lanes_ask_for_one_too_many_now_and_then() -> None:
    lanes = Lanes(length=2, extra_at=1)
    assert lanes.wanted() == 2
    lanes.left(Sent(0.0, 1.0), 1.0)
    assert lanes.wanted() == 3
    lanes.extra = Sent(1.0, 1.0)
    assert lanes.wanted() == 2
    assert lanes.refused(lanes.extra)
    assert lanes.extras == 1 and not lanes.is_refuted


def test_lanes_are_refuted_by_refusals_within_them_or_by_extras_let_in() -> None:
    lanes = Lanes(length=2)
    assert not lanes.refused(Sent(0.0, 1.0))
    lanes.refused(Sent(0.1, 1.0))
    assert lanes.is_refuted
    lanes = Lanes(length=2)
    for at_s in range(3):
        lanes.extra = Sent(float(at_s), 1.0)
        lanes.left(lanes.extra, at_s + 0.5)
    assert lanes.is_refuted and lanes.rate(0.04) is None


def test_answers_that_take_longer_and_longer_show_a_queue() -> None:
    pulse = Pulse()
    for _ in range(BASE_CALLS):
        pulse.take(0.4)
    assert pulse.base_s == 0.4 and not pulse.has_slowed(10)
    for _ in range(BASE_CALLS):
        pulse.take(1.5)
    assert pulse.has_slowed(10) and not pulse.has_slowed(2)
    pulse.queue(100, 5.0)
    assert pulse.length == 64 and pulse.rate() is None
    pulse.ends += [5.0 + 0.2 * step for step in range(1, 20)]
    rate = pulse.rate()
    assert rate is not None and rate.estimate == pytest.approx(300)


@pytest.mark.parametrize(
    ("rate", "enough", "at_terms", "state"),
    [
        (Rate(Kind.NONE, 100, 100, None), 90, False, State.OK),
        (Rate(Kind.NONE, 100, 100, None), 0, True, State.OK),
        (Rate(Kind.NONE, 100, 100, None), 110, True, State.LIMITED),
        (Rate(Kind.SMOOTHED, 100, 98, 103), 0, False, State.LIMITED),
        (Rate(Kind.UNKNOWN, 5, 0, 60), 0, False, State.UNKNOWN),
        (Rate(Kind.NONE, 0, 0, None), 0, False, State.UNKNOWN),
    ],
)
def test_a_rate_is_judged_by_what_was_asked(
    rate: Rate, enough: int, at_terms: bool, state: State
) -> None:
    assert judged(rate, Terms(600, enough=enough), at_terms=at_terms) is state
