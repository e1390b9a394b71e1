"""Which limiters fit a record."""

from __future__ import annotations

import pytest

from steelyard.weigh.supply.record import End, Episode, Kind, Record, Sent, Trace
from steelyard.weigh.supply.stories import Story, fixed, hull, is_of_minutes, stories


def _pressed(accepts: list[bool], gap_s: float) -> Record:
    """A record of calls at an even pace; each refusal is an episode of its own."""
    record = Record()
    for number, is_accepted in enumerate(accepts):
        at_s = number * gap_s
        end = End.ACCEPTED if is_accepted else End.REFUSED
        record.calls.append(Sent(at_s, 1 / gap_s, end, at_s + 0.05))
        last = record.episodes[-1] if record.episodes else None
        if not is_accepted and (last is None or last.recovered_s is not None):
            record.episodes.append(Episode(at_s, 1 / gap_s, 0, refused_last_s=at_s))
        elif not is_accepted and last is not None:
            last.refused_last_s = at_s
        elif last is not None and last.recovered_s is None:
            last.recovered_s = at_s
    return record


def _bucket(each_s: float, size: float, gap_s: float, calls: int) -> Record:
    level, accepts = size, []
    for _ in range(calls):
        level = min(size, level + each_s * gap_s)
        accepts.append(level >= 1)
        level -= accepts[-1]
    return _pressed(accepts, gap_s)


def _window(limit: int, span_s: float, gap_s: float, calls: int) -> Record:
    counts: dict[int, int] = {}
    accepts = []
    for number in range(calls):
        window = int((number * gap_s + 0.01) / span_s)
        accepts.append(counts.get(window, 0) < limit)
        counts[window] = counts.get(window, 0) + accepts[-1]
    return _pressed(accepts, gap_s)


@pytest.mark.parametrize("size", [1.0, 3.0, 20.0, 150.0])
def test_a_bucket_is_between_its_bounds_whatever_its_size(size: float) -> None:
    found = hull(stories(_bucket(5.0, size, 0.17, 1300)))
    assert found is not None and found.upper is not None
    assert found.kind is Kind.SMOOTHED
    assert found.lower <= 300 <= found.upper


@pytest.mark.parametrize(("limit", "span_s"), [(60, 10.0), (200, 30.0), (240, 60.0)])
def test_a_window_is_found_with_its_span(limit: int, span_s: float) -> None:
    found = stories(_window(limit, span_s, 0.1, 2000))
    # So even a load may have met a sliding window as well: the rate is the same.
    assert {s.span_s for s in found} == {span_s}
    assert Kind.FIXED_WINDOW in {s.kind for s in found}
    assert all(s.lower <= limit * 60 / span_s <= s.upper for s in found)
    assert is_of_minutes(found) == (span_s >= 60)


def test_one_window_is_enough_only_where_no_more_will_be_seen() -> None:
    # Shut from 24 s to 60 s, then open for as long again.
    record = _window(240, 60.0, 0.1, 820)
    assert not [s for s in stories(record) if s.kind is Kind.FIXED_WINDOW]
    assert [s for s in stories(record, is_last=True) if s.kind is Kind.FIXED_WINDOW]


def test_a_wait_that_was_asked_for_rules_out_windows_that_open_at_another_time() -> None:
    record = _window(60, 10.0, 0.1, 600)
    assert fixed(Trace(record), 10.0) is not None
    for call in record.refused():
        call.retry_after_s = 30.0
    assert fixed(Trace(record), 10.0) is None


def test_nothing_fits_where_nothing_was_refused() -> None:
    assert stories(_pressed([True] * 50, 0.1)) == []
    assert hull([]) is None


def test_bounds_are_those_of_all_that_is_left() -> None:
    left = [Story(Kind.FIXED_WINDOW, 290, 300, 10.0), Story(Kind.SMOOTHED, 295, 310)]
    rate = hull(left)
    assert rate is not None
    assert (rate.kind, rate.lower, rate.upper) == (Kind.SMOOTHED, 290, 310)
