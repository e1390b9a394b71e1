"""What is kept in mind between calls."""

from __future__ import annotations

import pytest

from steelyard.weigh.supply.modes import (
    BASE_CALLS,
    Lanes,
    Pulse,
    is_enough,
    is_proved,
    judged,
    known,
    likely,
    pressing,
)
from steelyard.weigh.supply.record import End, Episode, Kind, Rate, Record, Sent
from steelyard.weigh.supply.terms import State, Terms


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


def test_an_extra_that_met_a_free_lane_says_nothing() -> None:
    lanes = Lanes(length=2)
    for at_s in range(5):
        lanes.left(Sent(at_s - 0.4, 1.0), at_s + 0.05)
        lanes.extra = Sent(float(at_s), 1.0)
        lanes.left(lanes.extra, at_s + 0.5)
    assert lanes.extras_taken == 0 and not lanes.is_refuted


def test_what_leaves_lanes_is_as_sure_as_the_times_are_alike() -> None:
    lanes = Lanes(length=1, extras=5)
    for number in range(61):
        lanes.left(Sent(float(number), 1.0, ended_s=number + 1.0), number + 1.0)
    rate = lanes.rate(0.04)
    assert rate is not None and rate.upper is not None
    assert rate.estimate == pytest.approx(60) and rate.lower < 60 < rate.upper


@pytest.mark.parametrize(
    ("likely", "blocked_s", "pace"),
    [
        (Rate(Kind.SMOOTHED, 300, 294, 306), 0.5, 1.06 * 5),
        (Rate(Kind.SMOOTHED, 300, 240, 375), 0.5, 5.0),
        (Rate(Kind.SMOOTHED, 300, 240, 375), 20.0, 9.0),
        (None, 0.5, 0.7 * 9.0),
    ],
)
def test_more_is_asked_for_than_there_is(
    likely: Rate | None, blocked_s: float, pace: float
) -> None:
    record = Record()
    record.episodes = [Episode(50.0, 9.0, 80, 50.0 + blocked_s, 50.0)]
    assert pressing(record, likely, 55.0, 10.0) == pytest.approx(pace, rel=0.01)


def test_what_saves_nothing_up_is_asked_for_less() -> None:
    record = Record()
    record.episodes = [Episode(50.0, 9.0, 2, 50.5, 50.0)]
    assert pressing(record, Rate(Kind.SMOOTHED, 300, 280, 320), 55.0, 10.0) < 5.0


def test_an_end_before_anything_is_sure_says_what_fits() -> None:
    record = Record()
    record.episodes = [Episode(50.0, 9.0, 80, 50.5, 50.0)]
    fits = Rate(Kind.SMOOTHED, 300, 280, 320)
    assert known(record, fits, Pulse(), (0.0, 70.0)) == fits
    assert known(record, None, Pulse(), (0.0, 70.0)).kind is Kind.UNKNOWN


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


@pytest.mark.parametrize(
    ("rate", "answer"),
    [
        (Rate(Kind.QUEUE, 120, 101, 138), True),
        (Rate(Kind.NONE, 100, 100, None), True),
        (Rate(Kind.FIXED_WINDOW, 60, 58, 62), False),
        (Rate(Kind.CONCURRENCY, 60, 58, 62), False),
        (Rate(Kind.EXHAUSTED, 0, 0, 40), False),
        (Rate(Kind.SMOOTHED, 95, 90, 102), None),
        (Rate(Kind.QUEUE, 60, 51, 69), None),
        (Rate(Kind.NONE, 99, 99, None), None),
        (Rate(Kind.UNKNOWN, 5, 0, 60), None),
    ],
)
def test_only_refusals_prove_that_it_is_not_enough(rate: Rate, answer: bool | None) -> None:
    assert is_enough(rate, 100) is answer


def test_a_rate_is_proved_by_two_minutes() -> None:
    record = Record()
    record.calls = [Sent(at_s / 2, 2.0, End.ACCEPTED, at_s / 2 + 0.1) for at_s in range(200)]
    rate = Rate(Kind.SMOOTHED, 120, 119, 121)
    assert not is_proved(record, rate)
    record.calls += [Sent(at_s / 2, 2.0, End.ACCEPTED, at_s / 2 + 0.1) for at_s in range(200, 240)]
    assert is_proved(record, rate)


def test_what_is_to_be_proved_is_asked_for_but_for_a_little() -> None:
    rate = Rate(Kind.SMOOTHED, 300, 294, 306)
    assert pressing(Record(), rate, 0.0, 10.0, proves=True) == pytest.approx(294 / 60, rel=0.03)


def test_refused_for_a_second_between_longer_times_it_asks_for_less() -> None:
    record = Record()
    for at_s, blocked_s in ((0.0, 1.0), (5.0, 1.0), (10.0, 20.0), (40.0, 1.0)):
        record.episodes.append(Episode(at_s, 5.0, 9, at_s + blocked_s))
    assert pressing(record, None, 42.0, 10.0) == pytest.approx(4.0)
    record.episodes.append(Episode(60.0, 4.0, 9, 80.0))
    assert pressing(record, None, 81.0, 10.0) == pytest.approx(4.0)


def test_nothing_refused_leaves_nothing_likely() -> None:
    assert likely(Record()) is None
