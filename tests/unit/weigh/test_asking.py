from steelyard.domain.tallies import Tally
from steelyard.weigh.asking import Answer, AskError, Contender, Preempted


def test_a_failure_may_have_cost_something_and_may_be_final() -> None:
    error = AskError("cut", is_retryable=False, cost_pico=7, currency="CNY")
    assert (error.reason, str(error)) == ("cut", "cut")
    assert (error.is_retryable, error.cost_pico, error.currency) == (False, 7, "CNY")


def test_a_failure_that_cost_nothing_used_nothing_and_of_others_nobody_knows() -> None:
    assert AskError("refused").used == Tally() == Preempted("a call came").used
    assert AskError("cut", cost_pico=5, currency="CNY").used is None
    assert AskError("cut", is_lost=True).used is None


def test_a_pause_is_a_failure_that_is_worth_another_try_and_cost_nothing_unless_said() -> None:
    pause = Preempted("a call came")
    assert isinstance(pause, AskError)
    assert (pause.is_retryable, pause.cost_pico, pause.currency) == (True, 0, "")


def test_an_offer_is_held_to_nothing_unless_said() -> None:
    assert Contender("local/small").constraints == frozenset()


def test_an_answer_costs_nothing_unless_said() -> None:
    assert (Answer("x").cost_pico, Answer("x").currency) == (0, "")
