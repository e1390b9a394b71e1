"""Bets: what they hold, when they refute, that the game is fair."""

from __future__ import annotations

import pytest

from steelyard.weigh.gamblers import STAKES, Bet, Gambler


def test_a_fortune_is_the_mean_of_what_the_wins_made_of_each_stake() -> None:
    bet = Bet(1000.0)
    bet.take(1.0)
    bet.take(0.5)
    assert bet.best == pytest.approx(sum((1 + s) * (1 + s / 2) for s in STAKES) / len(STAKES))
    assert bet.part() == bet.best / 1000


def test_a_claim_is_refuted_when_what_is_needed_was_there_once() -> None:
    bet = Bet(2.0)
    bet.take(1.0)
    assert not bet.is_won
    bet.take(1.0)
    assert bet.is_won
    for _ in range(20):
        bet.take(-1.0)
    assert bet.is_won


def test_a_gambler_bets_only_on_what_a_visit_says_something_about() -> None:
    gambler = Gambler(0, 9, {"length": Bet(2.0), "grade": Bet(2.0)})
    gambler.take({"grade": 1.0})
    gambler.take({"grade": 1.0})
    assert gambler.refuted == {"grade"}
    assert gambler.bets["length"].best == 1


def test_a_game_against_the_truth_is_fair_and_refutes_no_oftener_than_stated() -> None:
    """Over all sequences of two wins, -1 and 1, evenly."""
    n, error, refuted, held = 12, 0.2, 0, 0.0
    for path in range(2**n):
        bet = Bet(1 / error)
        for turn in range(n):
            bet.take(2.0 * (path >> turn & 1) - 1)
        refuted += bet.is_won
        held += sum(bet._held) / len(STAKES)
    assert held / 2**n == pytest.approx(1)
    assert 0.05 < refuted / 2**n <= error
