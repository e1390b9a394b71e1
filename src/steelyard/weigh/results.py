"""What a run says about each offer, read from its run file at the end.

Nothing of a finished item stays in memory while a run goes on but its grade and what it cost, so
the sums of a verdict are taken in one walk over the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from statistics import median

from steelyard.domain.tasks import PromptForm, Status, Task, Verdict
from steelyard.weigh.asking import Price
from steelyard.weigh.bills import Bill
from steelyard.weigh.datasets import Fault
from steelyard.weigh.entrants import Standing
from steelyard.weigh.judging import Judged, JudgeReport, report_on
from steelyard.weigh.lanes import Course, Lane
from steelyard.weigh.runfile import Record, RunFile
from steelyard.weigh.terms import Options

NO_MONEY = "no money left: weigh again with more, nothing is paid twice"
OTHER_JUDGE = "take another judge, or ask more items"


@dataclass(frozen=True, slots=True)
class Result:
    """What a run says about one offer."""

    offer: str
    form: PromptForm
    verdict: Verdict
    records: Sequence[Record]
    """Finished items in the run's order; also those behind the verdict's last one."""
    n_total: int
    """Items there were to ask."""
    paid_pico: int
    """For all items of this run file that are this offer's, judge included, in 10^-12 of the
    weighing's currency."""
    stopped: str = ""
    """Why the offer is not decided though nothing more is asked: items were left, or the judge said
    nothing; empty when it is, and when there was no more to ask."""
    faults: tuple[Fault, ...] = ()
    """Items of the set that nobody can be asked."""
    is_dropped: bool = False
    """Whether it stopped for a failure: then a verdict on what was asked before says too little."""
    is_cheapest: bool = False
    """Whether it is proven and known to cost least per accepted answer."""
    why: str = ""
    """Why it was asked no more, for people."""
    n_stored: int = 0
    """Items whose answer was there already."""
    judge: JudgeReport | None = None
    """How the judge went about this offer's items, where a judge graded."""


def told_no_money(lanes: Sequence[Lane]) -> str:
    """Why there is no money left, where an offer took more than was held; empty where none did."""
    found = [f"{lane.offer} {lane.overrun}" for lane in lanes if lane.overrun]
    return f"no money left, since {'; '.join(found)}" if found else ""


def result_of(  # noqa: PLR0917 -- all that a run knows of an offer
    course: Course,
    lane: Lane,
    standing: Standing,
    file: RunFile,
    options: Options,
    out_of_money: str = "",
) -> Result:
    """What a run says about one offer; ``out_of_money`` is why nobody could be asked any more."""
    places = []
    for sample in course.samples:
        place = file.records.place(lane.offer, lane.digest, sample.id)
        if place is not None:
            places.append(place)
    records = file.stored(places)
    walk = _Walk(standing)
    for record in records:
        walk.take(record)
    stopped = lane.stopped
    halted = options.halt.reason if standing.why == options.halt.reason else ""
    if not stopped and standing.why in ("no money left", ""):
        stopped = out_of_money or (standing.why and NO_MONEY)
    elif not stopped and standing.is_hopeless:
        stopped = f"{standing.why}: {walk.reason}"
    elif not stopped and walk.n_unscored and not standing.n:
        stopped = f"no item has a grade: {walk.reason}"
    verdict = _verdict(course.task, lane, standing, walk, options)
    judge = report_on(walk.judged) if course.task.grader == "judge" else None
    if standing.noise:
        # Ties of a judge that says nothing would prove anything at a floor under a half, and fail
        # anything over it: what is known of the mean grade is that it lies between 0 and 1.
        verdict = replace(verdict, lower=Decimal(0), upper=Decimal(1))
        stopped = stopped or f"{standing.noise}: {OTHER_JUDGE}"
    return Result(
        offer=lane.offer,
        form=lane.form,
        verdict=verdict,
        # What failed in an earlier run and was not asked again is no finished item of this one.
        records=file.stored(_finished(records, lane, course, places)),
        n_total=len(course.samples),
        paid_pico=walk.paid_pico,
        # Nobody may take a verdict for the end of a weighing that was ended by hand.
        stopped=halted or (stopped if verdict.status is Status.NOT_PROVEN or lane.overrun else ""),
        faults=course.faults,
        is_dropped=bool(lane.stopped),
        is_cheapest=standing.is_cheapest and verdict.status is Status.PROVEN,
        why=standing.why,
        n_stored=walk.n_stored,
        judge=judge,
    )


def _finished(
    records: Sequence[Record], lane: Lane, course: Course, places: Sequence[int]
) -> Sequence[int]:
    if not lane.failed:
        return places
    left = {course.samples[index].id for index in lane.failed}
    return [
        place for record, place in zip(records, places, strict=True) if record.sample not in left
    ]


class _Walk:
    """The sums over the items that a verdict rests on, in the run's order."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._n_graded = 0
        self._is_over = standing.n_asked == 0
        self.bill = Bill()
        self.total = Fraction(0)
        self.n_counted = 0
        self.n_unscored = 0
        self.times_s: list[float] = []
        self.time_s = 0.0
        self.last_at: datetime | None = None
        self.models: set[str] = set()
        self.paid_pico = 0
        self.n_stored = 0
        self.judged: list[Judged] = []
        self._reasons: Counter[str] = Counter()

    @property
    def reason(self) -> str:
        """The commonest one for which items have no grade, without what tells of a single item."""
        return next((reason for reason, _ in self._reasons.most_common(1)), "")

    def take(self, record: Record) -> None:
        """Takes the next record."""
        self.paid_pico += record.paid_pico
        self.n_stored += record.is_stored
        if record.settled is not None or record.grade.value is not None or record.is_answered:
            self.judged.append(Judged(record.grade, record.settled, 0, ""))
        standing = self._standing
        is_graded = record.grade.value is not None
        if not is_graded:
            self._reasons[record.grade.reason.partition(": ")[0]] += 1
        is_full = self._n_graded == standing.n
        is_settled = standing.status is not Status.NOT_PROVEN
        if self.n_counted >= standing.n_asked or (is_full and (is_graded or is_settled)):
            self._is_over = True
        if self._is_over:
            return
        self.n_counted += 1
        if record.grade.value is None:
            self.n_unscored += 1
        else:
            self._n_graded += 1
            self.total += record.grade.value
        self.bill.add(record.cost_pico, record.currency, record.used)
        self.time_s += record.time_s
        if record.is_answered:
            self.times_s.append(record.time_s)
        if self.last_at is None or record.finished_at > self.last_at:
            self.last_at = record.finished_at
        if record.model_answered:
            self.models.add(record.model_answered)


def _verdict(task: Task, lane: Lane, standing: Standing, walk: _Walk, options: Options) -> Verdict:
    lower_pico, upper_pico = _in_offer_currency(standing, lane.contender.price)
    return Verdict(
        task=task.name,
        offer=lane.offer,
        form_digest=lane.digest,
        floor=task.floor,
        total=walk.total,
        n=standing.n,
        n_unscored=walk.n_unscored,
        lower=standing.bounds.lower,
        upper=standing.bounds.upper,
        confidence=options.confidence,
        cost_pico=walk.bill.cost_pico,
        currency=walk.bill.currency,
        time_s=walk.time_s,
        # A resumed run must not make an old measurement look new.
        decided_at=walk.last_at or options.now(),
        model_answered=",".join(sorted(walk.models)),
        cost_lower_pico=lower_pico,
        cost_upper_pico=upper_pico,
        time_median_s=median(walk.times_s) if walk.times_s else None,
        used=walk.bill.used,
    )


def _in_offer_currency(standing: Standing, price: Price | None) -> tuple[int | None, int | None]:
    """Bounds of the cost per accepted answer, as the offer bills it."""
    if price is None or not standing.n_asked:
        return None, None
    lower, upper = standing.cost_bounds
    return floor(lower / price.worth), None if upper is None else ceil(upper / price.worth)
