"""Gamblers who come and go: what they hold, who refutes, that the game is fair."""

from __future__ import annotations

import pytest

from steelyard.weigh.gauges import STAKES, Gauge


def test_each_gambler_holds_what_the_wins_since_its_beginning_made_of_its_stakes() -> None:
    gauge = Gauge()
    gauge.begin(0, 0.01)
    gauge.take(1.0)
    gauge.begin(1, 0.01)
    gauge.take(0.5)
    first, second = gauge.gamblers
    both = sum((1 + s) * (1 + s / 2) for s in STAKES) / len(STAKES)
    assert first.best == pytest.approx(both)
    assert second.best == pytest.approx(sum(1 + s / 2 for s in STAKES) / len(STAKES))


def test_a_gambler_refutes_at_one_over_its_own_error_and_for_good() -> None:
    gauge = Gauge()
    gauge.begin(0, 0.5)
    assert not gauge.is_rich
    gauge.take(1.0)
    assert not gauge.is_rich
    gauge.take(1.0)
    assert gauge.is_rich
    for _ in range(20):
        gauge.take(-1.0)
    assert gauge.is_rich


def test_who_left_refutes_nothing_any_more() -> None:
    gauge = Gauge()
    for visit in (0, 5, 10):
        gauge.begin(visit, 0.9)
        gauge.take(1.0)
    gauge.leave(5)
    assert [each.begun for each in gauge.gamblers] == [10]
    gauge.leave(10)
    assert not gauge.is_rich
    assert gauge.leader is None
    gauge.take(1.0)


def test_the_leader_is_nearest_to_what_it_needs_itself() -> None:
    gauge = Gauge()
    gauge.begin(0, 0.0001)
    gauge.begin(0, 0.1)
    gauge.take(1.0)
    assert gauge.leader is gauge.gamblers[1]


def test_a_game_against_the_truth_is_fair_and_refutes_no_oftener_than_stated() -> None:
    """Over all sequences of two wins, -1 and 1, evenly."""
    n, error, refuted, held = 12, 0.2, 0, 0.0
    for path in range(2**n):
        gauge = Gauge()
        gauge.begin(0, error)
        for turn in range(n):
            gauge.take(2.0 * (path >> turn & 1) - 1)
        refuted += gauge.is_rich
        held += sum(gauge.gamblers[0]._held) / len(STAKES)
    assert held / 2**n == pytest.approx(1)
    assert 0.05 < refuted / 2**n <= error
