"""One item, asked until it is answered, hopeless, or paused too often.

Called by the runner. Every attempt is billed, whatever came of it. Errors that no other call could
escape (no access, no money, no disk) are not held here: they end the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from steelyard.domain.errors import (
    ChoiceError,
    ConfigError,
    ModelError,
    Overloaded,
    RateLimited,
    RateMissing,
    RequestError,
    SteelyardError,
    UpstreamError,
)
from steelyard.domain.tasks import Grade
from steelyard.weigh.asking import Answer, AskError, Preempted
from steelyard.weigh.bills import Bill
from steelyard.weigh.halting import Halt

REASON_CHARS_MAX = 300

_ITEM_ERRORS = (
    RequestError,
    UpstreamError,
    ChoiceError,
    ModelError,
    RateMissing,
    Overloaded,
    RateLimited,
    OSError,
)
"""Failures that speak of this call or offer, not of every call to come."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try for one item."""

    attempts_max: int = 3
    """Failed tries, pauses not counted."""
    pauses_max: int = 100
    """Pauses before the item is left to the next run."""
    backoff_min_s: float = 0.5
    """Wait after the first failure or pause; doubles each time."""
    backoff_max_s: float = 30.0
    """No wait is longer, whatever the other side asks for."""

    def __post_init__(self) -> None:
        if self.attempts_max < 1 or self.pauses_max < 0:
            raise ConfigError("weigh: attempts_max at least 1, pauses_max at least 0")

    def wait_s(self, tries: int, asked_for_s: float = 0.0) -> float:
        """Seconds to wait after so many failures and pauses."""
        grown_s = self.backoff_min_s * 2.0 ** min(tries - 1, 20)
        return min(max(grown_s, asked_for_s), self.backoff_max_s)


async def get_reply(
    ask: Callable[[], Awaitable[Answer]], bill: Bill, patience: Patience, halt: Halt | None = None
) -> Answer | Grade | None:
    """The answer; or an unscored grade with the last reason; or None for an item left for later.

    An item is left after too many pauses, and when somebody ends the run before it was answered.
    Nothing is tried again once ``bill`` says that more was paid than was held.

    Args:
        ask: sends the item once.
        bill: what all attempts cost is added to it.
        patience: how often to try and how long to wait.
        halt: after whose wish nothing is tried again.

    Raises:
        SteelyardError: what every other call would meet too.
    """
    attempts, pauses, excused_pico = 0, 0, bill.paid_pico
    while True:
        asked_for_s = 0.0
        try:
            answer = await ask()
        except asyncio.CancelledError:
            bill.add_lost()  # the gateway settles it, and nobody here hears at what
            raise
        except Preempted as error:
            bill.add(error.cost_pico, error.currency, error.used)
            pauses += 1
            excused_pico += error.cost_pico
            if pauses > patience.pauses_max:
                return None
        except (AskError, *_ITEM_ERRORS) as error:
            attempts += 1
            reason, is_retryable, asked_for_s = _failure(error, bill)
            bill.check(patience.attempts_max, excused_pico)
            is_retryable = is_retryable and bill.overrun is None
            if not is_retryable or attempts >= patience.attempts_max:
                return Grade.unscored(reason[:REASON_CHARS_MAX])
        else:
            bill.add(answer.cost_pico, answer.currency, answer.used, is_paid=not answer.is_stored)
            bill.check(patience.attempts_max, excused_pico, answer.output_tokens)
            return answer
        pause_s = patience.wait_s(attempts + pauses, asked_for_s)
        if halt is None:
            await asyncio.sleep(pause_s)
            continue
        await halt.rest(pause_s)
        if halt.reason:
            return None


def _failure(error: Exception, bill: Bill) -> tuple[str, bool, float]:
    """The reason, whether to ask again, and how long the other side wants us to wait (s)."""
    if isinstance(error, AskError):
        bill.add(error.cost_pico, error.currency, error.used)
        if error.is_lost:
            bill.add_lost()
        return error.reason or "no answer", error.is_retryable, 0.0
    if isinstance(error, SteelyardError):
        is_retryable = not isinstance(error, RequestError | RateMissing)
        return f"{error.code}: {error.message}", is_retryable, error.retry_after_s or 0.0
    return f"{type(error).__name__}: {error}", True, 0.0
