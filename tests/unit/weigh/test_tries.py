import asyncio

import pytest

from steelyard.domain.errors import (
    BudgetExceeded,
    ConfigError,
    InvalidRequest,
    ModelError,
    RateLimited,
    RateMissing,
    StoreUnavailable,
    Unauthenticated,
    UpstreamUnavailable,
)
from steelyard.domain.tasks import Grade
from steelyard.weigh.asking import Answer, AskError, Preempted, Price
from steelyard.weigh.bills import Bill
from steelyard.weigh.tries import REASON_CHARS_MAX, Patience, get_reply

ANSWER = Answer("yes", cost_pico=10, currency="USD")
HASTY = Patience(backoff_min_s=0.0, backoff_max_s=0.0)


def reply(
    *outcomes: Exception | Answer, patience: Patience = HASTY, bill: Bill | None = None
) -> tuple[Answer | Grade | None, int]:
    """What comes of outcomes given one by one (the last again and again), and the calls made."""
    calls = 0

    async def ask() -> Answer:
        nonlocal calls
        outcome = outcomes[min(calls, len(outcomes) - 1)]
        calls += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return asyncio.run(get_reply(ask, bill or Bill(), patience)), calls


@pytest.mark.parametrize(
    ("error", "calls", "reason"),
    [
        (AskError("the engine fell over"), 3, "the engine fell over"),
        (AskError(""), 3, "no answer"),
        (AskError("blocked by a filter", is_retryable=False), 1, "blocked by a filter"),
        (UpstreamUnavailable(), 3, "upstream_unavailable: The vendor cannot be reached."),
        (ModelError("still loading"), 3, "model_error: still loading"),
        (InvalidRequest("too long"), 1, "invalid_request: too long"),
        (RateMissing("no price"), 1, "unpriced_offer: no price"),
        (RateLimited(retry_after_s=9.0), 3, "rate_limit_exceeded: Too many requests."),
        (ConnectionResetError("peer"), 3, "ConnectionResetError: peer"),
        (TimeoutError(), 3, "TimeoutError: "),
    ],
)
def test_a_failing_item_is_unscored_with_its_reason_after_bounded_tries(
    error: Exception, calls: int, reason: str
) -> None:
    assert reply(error) == (Grade.unscored(reason), calls)


def test_a_long_reason_is_cut() -> None:
    grade, _ = reply(AskError("x" * 10_000))
    assert isinstance(grade, Grade)
    assert len(grade.reason) == REASON_CHARS_MAX


@pytest.mark.parametrize(
    "error",
    [Unauthenticated(), BudgetExceeded(), ConfigError("x"), StoreUnavailable(), KeyError("bug")],
)
def test_what_every_call_would_meet_is_not_held_here(error: Exception) -> None:
    with pytest.raises(type(error)):
        reply(error)


def test_pauses_are_no_attempts_and_every_attempt_is_billed() -> None:
    bill = Bill()
    paused = Preempted("a call came", cost_pico=1, currency="USD")
    cut = AskError("cut", cost_pico=3, currency="USD")
    assert reply(paused, cut, paused, paused, cut, ANSWER, bill=bill) == (ANSWER, 6)
    assert (bill.cost_pico, bill.currency) == (3 + 2 * 3 + 10, "USD")


def test_after_too_many_pauses_the_item_is_left_alone() -> None:
    patience = Patience(pauses_max=3, backoff_min_s=0.0)
    assert reply(Preempted("busy"), patience=patience) == (None, 4)


def test_waiting_grows_heeds_the_other_side_and_is_bounded() -> None:
    patience = Patience(backoff_min_s=0.5, backoff_max_s=3.0)
    assert [patience.wait_s(tries) for tries in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert patience.wait_s(1, 2.5) == 2.5
    assert patience.wait_s(1, 60.0) == 3.0
    assert patience.wait_s(10_000) == 3.0


def test_the_waits_are_really_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    patience = Patience(attempts_max=9)
    reply(RateLimited(retry_after_s=7.0), Preempted("busy"), OSError(), ANSWER, patience=patience)
    assert slept == [7.0, 1.0, 2.0]


@pytest.mark.parametrize(("attempts", "pauses"), [(0, 1), (1, -1)])
def test_impossible_patience_is_a_mistake(attempts: int, pauses: int) -> None:
    with pytest.raises(ConfigError, match="attempts_max"):
        Patience(attempts_max=attempts, pauses_max=pauses)


def test_a_call_that_cost_more_than_was_held_is_not_tried_again() -> None:
    price = Price("USD", 10, 10)
    bill = Bill(price)
    broken = AskError("cut", cost_pico=31, currency="USD")
    assert reply(broken, bill=bill) == (Grade.unscored("cut"), 1)
    assert bill.overrun is not None
    within = Bill(price)
    assert reply(AskError("cut", cost_pico=10, currency="USD"), bill=within)[1] == 3
    assert within.overrun is None


def test_pauses_are_not_held_against_an_offer() -> None:
    bill = Bill(Price("USD", 10, 10))
    pause = Preempted("a call came", cost_pico=25, currency="USD")
    assert reply(pause, pause, ANSWER, bill=bill) == (ANSWER, 3)
    assert bill.overrun is None
