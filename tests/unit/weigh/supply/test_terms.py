from __future__ import annotations

from steelyard.weigh.supply.record import End
from steelyard.weigh.supply.terms import Reply, State, Terms


def test_without_a_word_the_limit_is_looked_for_within_six_minutes() -> None:
    terms = Terms(600)
    assert (terms.enough, terms.seconds_max, terms.money_pico_max) == (0, 360.0, None)
    assert Reply(End.ACCEPTED) == (End.ACCEPTED, None, 0)
    assert [state.value for state in State] == ["ok", "limited", "unknown"]
