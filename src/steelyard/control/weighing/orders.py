"""What somebody wants weighed, and how far each offer of it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from steelyard.domain.money import Money
from steelyard.domain.tasks import Task
from steelyard.weigh.asking import Contender
from steelyard.weigh.datasets import Dataset
from steelyard.weigh.entrants import Goal
from steelyard.weigh.halting import Halt
from steelyard.weigh.judging import JudgeReport
from steelyard.weigh.results import Result
from steelyard.weigh.sequences import Interval
from steelyard.weigh.terms import Progress

log = logging.getLogger(__name__)

CONCURRENCY = 4
STOPPING = "stopping"
"""State of a weighing that somebody stopped and whose last calls are still under way."""


@dataclass(frozen=True, slots=True)
class Order:
    """A weighing as somebody asked for it."""

    task: str
    offers: Sequence[str] = ()
    """Empty for all that are enabled and have a price."""
    limit: int = 0
    """Items at most; 0 for all."""
    money: str | None = None
    """Most that it may cost, such as ``5 CNY``; None for what the configuration says."""
    goal: Goal = Goal.ALL
    concurrency: int = CONCURRENCY
    """Calls at a time."""
    n_decided: int = 0
    """Offers that the background decided before: one error is shared by all of them."""
    is_fresh: bool = False
    """Whether stored answers do not count."""
    is_unsafe_code: bool = False
    """Whether code may run without a sandbox where there is none."""


@dataclass
class Standing:
    """How far one offer's weighing is."""

    number: int
    task: str
    offer: str
    done: int = 0
    total: int = 0
    paid_pico: int = 0
    """For this offer, in the weighing's currency."""
    all_paid_pico: int = 0
    """By the whole weighing, as of this offer's last item."""
    noted: tuple[int, int] = (0, 0)
    """What the database knows of ``done`` and ``paid_pico``."""
    bounds: Callable[[], Interval] | None = None
    stopping: str = ""
    """Why it is about to end; empty while nobody stopped it."""
    overrun: str = ""
    """What a call cost beyond what was held for it; empty while none did."""

    def take(self, progress: Progress) -> None:
        """Takes news in; a vendor that bills more than it may is told in the log at once."""
        if progress.overrun and not self.overrun:
            told = "weighing of %s: %s is asked no more, since a call of it %s"
            log.warning(told, self.task, self.offer, progress.overrun)
        self.overrun = progress.overrun
        self.done, self.total = progress.n_done, progress.n_total
        self.paid_pico = progress.offer_paid_pico
        self.all_paid_pico = progress.paid_pico
        self.bounds = progress.bounds

    def live(self) -> dict[str, Any]:
        """What a row shows while it runs."""
        found: dict[str, Any] = {
            "items_done": self.done,
            "items_total": self.total,
            "paid_pico": str(self.paid_pico),
            "all_paid_pico": str(self.all_paid_pico),
        }
        if self.bounds is not None:
            found["lower"], found["upper"] = map(str, self.bounds())
        if self.overrun:
            found["detail"] = self.overrun
        if self.stopping:
            found["state"], found["detail"] = STOPPING, self.stopping
        return found


@dataclass(frozen=True)
class Job:
    """One weighing to run."""

    order: Order
    task: Task
    dataset: Dataset
    contenders: Sequence[Contender]
    others: Sequence[Contender]
    """Judge and baseline of a judged task."""
    standings: Sequence[Standing]
    path: Path
    currency: str
    money: Money | None = None
    since: Mapping[str, datetime] = field(default_factory=dict)
    """Instants before which an offer was another, so that older answers do not count."""
    is_background: bool = False
    halt: Halt = field(default_factory=Halt)
    """By which it ends early."""


def told(result: Result) -> dict[str, Any]:
    """What a row shows of an offer once its weighing has ended, beside the verdict."""
    return {
        "is_cheapest": result.is_cheapest,
        "why": result.why,
        "n_stored": result.n_stored,
        "n_faults": len(result.faults),
        "form_digest": result.verdict.form_digest,
        "judge": None if result.judge is None else judge_row(result.judge),
    }


def judge_row(report: JudgeReport) -> dict[str, Any]:
    """How a judge went about its pairs, for programs."""
    return {
        "pairs": report.pairs,
        "unscored": report.unscored,
        "won": report.won,
        "tied": report.tied,
        "lost": report.lost,
        "is_biased": report.is_biased,
        "is_reading": report.is_reading,
        "disagreement": _share(report.disagreement),
        "first_favoured": _share(report.first_favoured),
        "kept": _share(report.kept),
    }


def _share(share: Any) -> dict[str, Any]:
    return {
        "count": share.count,
        "total": share.total,
        "lower": round(share.lower, 6),
        "upper": round(share.upper, 6),
    }
