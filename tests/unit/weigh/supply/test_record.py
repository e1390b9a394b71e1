"""What a record of calls says about the limiter behind it."""

from __future__ import annotations

import pytest

from steelyard.weigh.supply.record import (
    End,
    Episode,
    Kind,
    Record,
    Sent,
    burst,
    crowd,
    departures,
    pressed,
)


def _call(at_s: float, end: End = End.ACCEPTED, time_s: float = 0.1) -> Sent:
    return Sent(at_s, 5.0, end, at_s + time_s)


def _record(calls: list[Sent], episodes: list[Episode]) -> Record:
    record = Record()
    record.calls, record.episodes = calls, episodes
    return record


def test_what_was_surely_carried_is_counted_over_any_minute() -> None:
    record = _record([_call(float(second)) for second in range(100)], [])
    assert record.most_in_a_minute() == 60
    assert len(record.accepted(90.0)) == 10
    assert len(record.let_in(90.0, 95.0)) == 5


def test_calls_under_way_count_as_let_in_and_refused_ones_do_not() -> None:
    calls = [_call(0.0), Sent(1.0, 5.0), _call(2.0, End.REFUSED), _call(3.0, End.FAILED)]
    assert _record(calls, []).let_in() == [0.0, 1.0]


def test_what_is_let_in_under_pressure_has_bounds_that_take_pauses_in() -> None:
    calls, episodes = [], []
    for turn in range(20):
        began_s = turn * 10.0
        calls += [_call(began_s + step * 0.5) for step in range(16)]
        calls.append(_call(began_s + 8.0, End.REFUSED))
        episodes.append(Episode(began_s + 8.0, 2.0, 16, began_s + 10.0, began_s + 8.0))
    found = pressed(_record(calls, episodes))
    assert found is not None and found.upper is not None
    assert found.lower <= 96 <= found.upper
    assert found.upper >= 120
    assert pressed(_record(calls, episodes[:4])) is None


def test_one_refusal_says_nothing_about_calls_at_a_time() -> None:
    record = _record([_call(0.0), _call(1.0, End.REFUSED)], [Episode(1.0, 5.0, 1)])
    assert crowd(record) is None


def test_even_departures_give_a_rate_and_few_do_not() -> None:
    ends = [0.2 * step for step in range(80)]
    found = departures(Kind.QUEUE, ends, 0.04)
    assert found is not None
    assert found.estimate == pytest.approx(300)
    assert departures(Kind.QUEUE, ends[:30], 0.04) is None


def test_a_burst_is_what_went_beyond_the_rate() -> None:
    calls = [_call(step * 0.1) for step in range(100)] + [_call(10.0, End.REFUSED)]
    record = _record(calls, [Episode(10.0, 10.0, 100)])
    assert burst(record, 300.0) == pytest.approx(50, abs=2)
    assert burst(Record(), 300.0) == 0
