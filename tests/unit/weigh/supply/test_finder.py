"""The finder: what limiters of every shape are found to be, and what it never does."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from steelyard.testing.limiters import (
    Admission,
    Concurrency,
    FixedWindow,
    Limiter,
    SilentQueue,
    SlidingWindow,
    TokenBucket,
    Unlimited,
)
from steelyard.testing.virtual_load import Network, measure
from steelyard.weigh.supply.finder import Finder, Reply, State, Terms
from steelyard.weigh.supply.record import End, Kind

TERMS = Terms(requests_max=600)
SHAPES: list[tuple[Callable[[], Limiter], Kind]] = [
    (lambda: FixedWindow(300, phase_s=17), Kind.FIXED_WINDOW),
    (lambda: FixedWindow(300, phase_s=44, tells=True), Kind.FIXED_WINDOW),
    (lambda: SlidingWindow(300), Kind.SLIDING_WINDOW),
    (lambda: TokenBucket(300, 20), Kind.SMOOTHED),
    (lambda: TokenBucket(300, 5, tells=True), Kind.SMOOTHED),
    (lambda: FixedWindow(5, span_s=1.0), Kind.FIXED_WINDOW),
    (lambda: SilentQueue(300), Kind.QUEUE),
]


@pytest.mark.parametrize(("make", "kind"), SHAPES)
def test_a_limit_of_300_is_found(make: Callable[[], Limiter], kind: Kind) -> None:
    found = measure(make(), TERMS, seed=5)
    assert found.state is State.LIMITED
    assert found.rate.kind is kind
    assert abs(found.rate.estimate - 300) <= 15
    assert found.rate.upper is not None
    assert found.rate.lower <= 300 <= found.rate.upper
    assert found.refused <= 25 and found.calls <= 1300


@pytest.mark.parametrize("seed", [100, 101, 102, 103])
def test_a_window_of_ten_seconds_is_not_taken_for_a_minute(seed: int) -> None:
    found = measure(FixedWindow(60, span_s=10.0, phase_s=seed % 10), TERMS, seed)
    assert found.rate.estimate == pytest.approx(360, rel=0.05)
    assert found.rate.upper is not None and found.rate.lower <= 360 <= found.rate.upper


@pytest.mark.parametrize(
    "make",
    [
        lambda: SlidingWindow(150, span_s=30.0),
        lambda: FixedWindow(150, span_s=30.0, phase_s=11),
        lambda: TokenBucket(300, 1),
        lambda: TokenBucket(300, 600),
    ],
)
def test_limits_of_other_spans_and_sizes_are_found(make: Callable[[], Limiter]) -> None:
    found = measure(make(), TERMS, 9)
    assert found.rate.estimate == pytest.approx(300, rel=0.05)
    assert found.rate.upper is not None and found.rate.lower <= 300 <= found.rate.upper


class _Both:
    """Two limits at once: what one refuses does not count in the other."""

    def __init__(self, *limiters: Limiter) -> None:
        self._limiters = limiters

    def ask(self, now_s: float, service_s: float) -> Admission:
        for limiter in copy.deepcopy(self._limiters):
            answer = limiter.ask(now_s, service_s)
            if not answer.is_accepted:
                return answer
        return [limiter.ask(now_s, service_s) for limiter in self._limiters][-1]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("short", "limit"),
    [
        (lambda: FixedWindow(10, span_s=1.0, phase_s=0.4), 300),
        (lambda: FixedWindow(5, span_s=1.0, phase_s=0.4), 200),
        (lambda: TokenBucket(300, 20), 300),
        (lambda: TokenBucket(400, 20), 300),
    ],
)
def test_of_two_limits_the_one_that_lasts_is_told(
    short: Callable[[], Limiter], limit: int, seed: int
) -> None:
    both = _Both(short(), FixedWindow(limit, phase_s=17.0 * seed))
    found = measure(both, TERMS, seed)
    assert found.state is State.LIMITED
    assert found.rate.estimate == pytest.approx(limit, rel=0.05)
    assert found.rate.upper is not None and found.rate.lower <= limit <= found.rate.upper


def test_a_pace_that_was_not_carried_for_two_minutes_is_no_limit_of_minutes() -> None:
    both = _Both(FixedWindow(5, span_s=1.0, phase_s=0.4), FixedWindow(200, phase_s=51.0))
    found = measure(both, Terms(600, seconds_max=85), 3)
    assert found.why == "the time is up"
    assert found.rate.lower <= 200 and found.rate.upper is not None and found.rate.upper >= 200


class _Refilled:
    """A bucket of 20 that gets five once a second."""

    def __init__(self) -> None:
        self._level, self._second = 20, 0

    def ask(self, now_s: float, service_s: float) -> Admission:
        second = int(now_s + 0.4)
        self._level = min(20, self._level + 5 * (second - self._second))
        self._second = second
        if not self._level:
            return Admission(False)
        self._level -= 1
        return Admission(True, service_s)


def test_a_bucket_that_is_refilled_once_a_second_is_no_window() -> None:
    found = measure(_Refilled(), TERMS, 901)
    assert found.rate.estimate == pytest.approx(300, rel=0.05)
    assert found.rate.upper is not None and found.rate.lower <= 300 <= found.rate.upper


def test_a_window_of_five_minutes_is_found_by_who_has_the_time() -> None:
    terms = Terms(600, seconds_max=900, calls_max=9000)
    found = measure(FixedWindow(1500, span_s=300.0, phase_s=70), terms, 4)
    assert found.rate.estimate == pytest.approx(300, rel=0.05)


@pytest.mark.parametrize("length", [4, 8])
def test_many_calls_at_a_time_are_not_taken_for_a_pace(length: int) -> None:
    network = Network()
    each_s = network.mean_s + 2 * network.way_s
    found = measure(Concurrency(length), Terms(3000, calls_max=9000), 6, network)
    assert found.rate.kind is Kind.CONCURRENCY
    assert found.rate.estimate == pytest.approx(length * 60 / each_s, rel=0.05)


def test_calls_at_a_time_are_told_from_calls_a_minute() -> None:
    network = Network(service_s=0.5, spread=0.2)
    found = measure(Concurrency(2), TERMS, 1, network)
    assert found.rate.kind is Kind.CONCURRENCY
    there_and_back_s = 2 * network.way_s
    assert abs(found.rate.estimate / (2 * 60 / (network.mean_s + there_and_back_s)) - 1) < 0.05


def test_the_burst_of_a_bucket_is_told_apart_from_its_rate() -> None:
    found = measure(TokenBucket(240, 100), TERMS, 2)
    assert abs(found.rate.estimate - 240) <= 12
    assert 85 <= found.burst <= 115


def test_a_bucket_that_drips_is_no_window() -> None:
    found = measure(TokenBucket(12, 30), Terms(120, seconds_max=600), 4)
    assert found.rate.upper is not None
    assert found.rate.lower <= 12 <= found.rate.upper


def test_a_demand_that_is_met_ends_it_early() -> None:
    found = measure(Unlimited(), Terms(600, enough=100), 1)
    assert (found.state, found.why) == (State.OK, "carried what was asked for")
    assert found.rate.lower >= 100 and found.rate.upper is None
    assert found.calls < 260 and found.seconds < 170


def test_a_demand_that_just_fits_is_met() -> None:
    assert measure(FixedWindow(300), Terms(600, enough=300), 3).state is State.OK


def test_a_demand_that_is_not_met_says_what_is() -> None:
    found = measure(FixedWindow(250), Terms(600, enough=300), 3)
    assert found.state is State.LIMITED
    assert found.rate.estimate == pytest.approx(250, rel=0.05)


def test_terms_below_the_demand_limit_it() -> None:
    assert measure(Unlimited(), Terms(60, enough=100), 1).state is State.LIMITED


def test_all_that_the_terms_allow_is_ok() -> None:
    found = measure(Unlimited(), Terms(120), 1)
    assert (found.state, found.why) == (State.OK, "the terms allow no more")


@pytest.mark.parametrize("requests_max", [7, 60, 330])
def test_never_more_in_a_minute_than_the_terms(requests_max: int) -> None:
    finder, now_s = Finder(Terms(requests_max, seconds_max=200), 0.0), 0.0
    times: list[float] = []
    while (due_s := finder.due_s(now_s)) is not None:
        if due_s > now_s:
            now_s = min(due_s, now_s + 0.2)
            continue
        finder.ended(finder.sent(now_s), Reply(End.ACCEPTED), now_s + 0.001)
        times.append(now_s)
    assert times
    assert all(
        late - early >= 60 - 1e-9 for early, late in zip(times, times[requests_max:], strict=False)
    )


def test_nothing_is_sent_while_a_refusal_asks_to_wait() -> None:
    finder = Finder(TERMS, 0.0)
    finder.ended(finder.sent(0.0), Reply(End.REFUSED, retry_after_s=30.0), 0.1)
    due_s = finder.due_s(0.2)
    assert due_s is not None and due_s >= 30.0


def test_one_call_asks_whether_a_refusal_is_over() -> None:
    finder = Finder(TERMS, 0.0)
    finder.ended(finder.sent(0.0), Reply(End.REFUSED), 0.1)
    due_s = finder.due_s(0.2)
    assert due_s is not None
    finder.sent(due_s)
    assert finder.due_s(due_s + 5.0) == float("inf")


def test_waits_grow_while_it_stays_shut() -> None:
    finder, now_s = Finder(TERMS, 0.0), 0.0
    waits = []
    for _ in range(5):
        finder.ended(finder.sent(now_s), Reply(End.REFUSED), now_s)
        due_s = finder.due_s(now_s)
        assert due_s is not None
        waits.append(due_s - now_s)
        now_s = due_s
    assert waits == sorted(waits) and waits[-1] == 2.0


def test_money_is_never_overrun_by_what_is_under_way() -> None:
    finder, now_s = Finder(Terms(600, money_pico_max=35), 0.0, call_pico_max=10), 0.0
    under_way = []
    while finder.due_s(now_s) is not None and now_s < 100:
        due_s = finder.due_s(now_s)
        if due_s is not None and due_s <= now_s:
            under_way.append(finder.sent(now_s))
        now_s += 0.1
    assert len(under_way) == 3
    for call in under_way:
        finder.ended(call, Reply(End.ACCEPTED, cost_pico=10), now_s)
    assert finder.due_s(now_s) is None
    assert finder.found(now_s).why == "the money is used up"
    assert finder.found(now_s).cost_pico == 30


def test_calls_and_time_are_bounded() -> None:
    assert measure(Unlimited(), Terms(600, calls_max=20), 1).calls == 20
    found = measure(Unlimited(), Terms(600, seconds_max=10), 1)
    assert found.why == "the time is up" and found.seconds < 10.5


def test_failures_in_a_row_end_it() -> None:
    finder, now_s = Finder(TERMS, 0.0), 0.0
    for _ in range(5):
        finder.ended(finder.sent(now_s), Reply(End.FAILED), now_s)
    assert finder.due_s(now_s) is None
    found = finder.found(now_s)
    assert found.state is State.UNKNOWN and found.failed == 5


def test_an_allowance_that_is_used_up_is_said_to_be() -> None:
    found = measure(FixedWindow(50, span_s=1e9), Terms(600, seconds_max=150), 1)
    assert found.rate.kind is Kind.EXHAUSTED
    assert found.state is State.LIMITED and found.rate.estimate == 0


def test_stopped_by_hand_it_keeps_what_is_known() -> None:
    finder = Finder(TERMS, 0.0)
    call = finder.sent(0.0)
    finder.stop("stopped by hand")
    assert finder.due_s(0.1) is None
    finder.ended(call, Reply(End.ACCEPTED, cost_pico=3), 0.5)
    found = finder.found(0.5)
    assert (found.calls, found.cost_pico, found.why) == (1, 3, "stopped by hand")


@pytest.mark.parametrize("terms", [Terms(0), Terms(1, calls_max=0), Terms(1, seconds_max=0)])
def test_terms_that_allow_nothing_are_refused(terms: Terms) -> None:
    with pytest.raises(ValueError, match="at least one call"):
        Finder(terms, 0.0)


@pytest.mark.parametrize("most", [4, 10, 60])
def test_calls_of_just_before_count_in_the_minute(most: int) -> None:
    before = [1.0, 2.0, 3.0]
    finder, sent, now_s = (
        Finder(Terms(most, seconds_max=150), 4.0, before=before),
        list(before),
        4.0,
    )
    while (due_s := finder.due_s(now_s)) is not None:
        if due_s <= now_s:
            finder.ended(finder.sent(now_s), Reply(End.ACCEPTED), now_s + 0.01)
            sent.append(now_s)
        now_s += 0.05
    assert len(sent) > most
    assert all(later - at >= 60 for at, later in zip(sent, sent[most:], strict=False))
