"""The terms of a run: how it goes about it, and what it says on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from steelyard.domain.errors import ConfigError
from steelyard.domain.money import Money
from steelyard.weigh.asking import Contender
from steelyard.weigh.entrants import Goal
from steelyard.weigh.grading import TIME_MAX_S
from steelyard.weigh.halting import Halt
from steelyard.weigh.sequences import Interval
from steelyard.weigh.stats import CONFIDENCE, GRADED_MIN
from steelyard.weigh.tries import Patience


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one offer stands after one more finished item."""

    offer: str
    n_done: int
    """Finished items, unscored ones included."""
    n_total: int
    is_settled: bool
    paid_pico: int
    """By the whole weighing so far, all offers and the judge, in its currency."""
    offer_paid_pico: int
    """For this offer's items alone, the judge of them included."""
    bounds: Callable[[], Interval]
    """Of the mean grade as of the call; costs next to nothing."""
    overrun: str = ""
    """What a call cost beyond what was held for it, for which the offer is asked no more."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a run goes about it; the defaults suit a small machine."""

    now: Callable[[], datetime]
    """Aware UTC."""
    on_progress: Callable[[Progress], None] | None = None
    limit: int = 0
    """Items at most, in the run's order; 0 for all."""
    concurrency: int = 1
    """Calls at a time over all offers."""
    patience: Patience = Patience()
    """How long to try for one item."""
    failures_max: int = 5
    """Items in a row without an answer, or without a grade, before this run gives an offer up."""
    confidence: Decimal = CONFIDENCE
    """Of all verdicts of the run together."""
    graded_min: int = GRADED_MIN
    n_decided: int = 0
    """Offers that earlier runs of the same weighing decided: they keep their share of the error."""
    goal: Goal = Goal.ALL
    money_max: Money | None = None
    """Most that this run file's weighing may cost, all calls in flight at their largest cost."""
    currency: str = ""
    """Of the weighing, which offers' prices are told in; by default that of ``money_max``."""
    grading_max_s: float = TIME_MAX_S
    """Seconds that a grader may take for one answer."""
    others: tuple[Contender, ...] = ()
    """Offers that help to grade: judge and baseline of a judged task."""
    halt: Halt = field(default_factory=Halt)
    """By which somebody ends the run early."""

    def __post_init__(self) -> None:
        if self.limit < 0 or self.concurrency < 1 or self.failures_max < 1:
            raise ConfigError("weigh: limit is 0 or more, concurrency and failures at least 1")
        if not 0 < self.confidence < 1:
            raise ConfigError("weigh: confidence lies between 0 and 1, such as 0.95")
        if self.grading_max_s <= 0:
            raise ConfigError("weigh: a grader has some time")
        if self.money_max is not None and self.money_max.amount_pico < 0:
            raise ConfigError("weigh: money is not negative")
        if self.money_max and self.currency and self.currency != self.money_max.currency:
            raise ConfigError("weigh: the money is in the currency of the weighing")

    @property
    def run_currency(self) -> str:
        """Of the weighing; empty when nobody said."""
        return self.money_max.currency if self.money_max else self.currency
