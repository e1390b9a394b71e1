"""Runs offers over a task's test set until each is decided.

The caller injects ``ask`` and the clock. What is sure:

- Items are asked in a seeded order, the same for every offer and every run, and a verdict reads
  the grades in that order only, up to the first item still missing. So neither the order in which
  answers arrive nor a crash can change what a weighing says.
- An offer is dropped as soon as its bounds clear the floor or lie below it.
- A finished item is in the run file before its worker begins another; a resume pays for nothing
  twice.
- ``Preempted`` pauses an item. Another failure of the call is tried again a few times, then the
  item is unscored with the reason. Only what would fail every item alike ends the run: a mistake
  in task or set, no access, no money, no disk.

It never logs: items and answers are nobody else's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Grade, PromptForm, Task, Verdict
from steelyard.weigh.asking import Answer, Ask, Contender
from steelyard.weigh.datasets import Dataset, Fault
from steelyard.weigh.graders.base import Grader, grade_answer
from steelyard.weigh.graders.registry import find_grader
from steelyard.weigh.lanes import Bill, Lane, make_lanes, resume, todo
from steelyard.weigh.prompts import Prepared
from steelyard.weigh.runfile import Record, RunFile
from steelyard.weigh.stats import CONFIDENCE, GRADED_MIN, Decision, Interval
from steelyard.weigh.tries import REASON_CHARS_MAX, Patience, get_reply


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one offer stands after one more finished item."""

    offer: str
    n_done: int
    """Finished items, unscored ones included."""
    n_total: int
    is_settled: bool
    bounds: Callable[[], Interval]
    """Computes the bounds as of the call; a few milliseconds for some hundred items."""


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
    """Items in a row without an answer before this run gives an offer up."""
    confidence: Decimal = CONFIDENCE
    graded_min: int = GRADED_MIN

    def __post_init__(self) -> None:
        if self.limit < 0 or self.concurrency < 1 or self.failures_max < 1:
            raise ConfigError("weigh: limit is 0 or more, concurrency and failures at least 1")
        if not 0 < self.confidence < 1:
            raise ConfigError("weigh: confidence lies between 0 and 1, such as 0.95")


@dataclass(frozen=True, slots=True)
class Result:
    """What a run says about one offer."""

    offer: str
    form: PromptForm
    verdict: Verdict
    records: tuple[Record, ...]
    """Finished items in the run's order; also those behind the verdict's last one."""
    n_total: int
    """Items there were to ask."""
    paid_pico: int
    """Cost of all items of this run file, in 10^-12 of the verdict's currency: the verdict's own
    and those that had overtaken them."""
    stopped: str = ""
    """Why this run left items unasked though the offer is not decided; empty when it did not."""
    faults: tuple[Fault, ...] = ()
    """Items of the set that nobody can be asked."""


async def run(
    task: Task,
    dataset: Dataset,
    contenders: Sequence[Contender],
    ask: Ask,
    *,
    path: Path,
    options: Options,
) -> list[Result]:
    """Weighs offers on a task and gives one result each, in the order given.

    Args:
        task: what is asked and how it is graded.
        dataset: the task's set, already read.
        contenders: the offers.
        ask: sends one request to one offer.
        path: the run file; an existing one is resumed, its items are not asked again (except those
            that got no answer). A new weighing takes a new path.
        options: clock, bounds, reporting.

    Raises:
        ConfigError: the task, grader, set or options are wrong, or the run file is in use.
        StoreUnavailable: the run file cannot be written.
        SteelyardError: every further call would be refused alike (no access, no money).
    """
    grader = find_grader(task.grader, task.grader_parameters)
    names = [contender.offer for contender in contenders]
    if len(set(names)) < len(names):
        raise ConfigError("weigh: an offer is named twice")
    lanes, faults = make_lanes(
        task,
        dataset,
        contenders,
        grader,
        limit=options.limit,
        decision=lambda: Decision(task.floor, options.confidence, options.graded_min),
    )
    with RunFile(path) as file:
        for lane in lanes:
            resume(lane, file)
        runner = _Runner(task, grader, ask, file, options)
        await runner.work(lanes)
    return [_result(task, lane, faults, options) for lane in lanes]


class _Runner:
    """The moving part of one run: workers over one list of what is still to ask."""

    def __init__(
        self, task: Task, grader: Grader, ask: Ask, file: RunFile, options: Options
    ) -> None:
        self._task = task
        self._grader = grader
        self._ask = ask
        self._file = file
        self._options = options

    async def work(self, lanes: list[Lane]) -> None:
        """Asks until every lane is decided, out of items or stopped."""
        waiting = todo(lanes)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._options.concurrency):
                    group.create_task(self._worker(waiting))
        except BaseExceptionGroup as errors:
            # One reason ends a run; the workers that it took along have nothing to add.
            raise errors.exceptions[0] from None

    async def _worker(self, waiting: Iterator[tuple[Lane, int]]) -> None:
        for lane, index in waiting:
            item = lane.items[index]
            bill = Bill.after(lane.failed.get(item.sample.id))
            ask = partial(self._ask, lane.offer, item.request, task=self._task.name)
            reply = await get_reply(ask, bill, self._options.patience)
            if reply is None:
                lane.stopped = f"paused {self._options.patience.pauses_max + 1} times in a row"
                continue
            done = asyncio.get_running_loop().create_task(self._put(lane, index, reply, bill))
            try:
                await asyncio.shield(done)
            except asyncio.CancelledError:
                await done  # it is paid for: graded and written down before anybody leaves
                raise

    async def _put(self, lane: Lane, index: int, reply: Answer | Grade, bill: Bill) -> None:
        """Grades, writes down, counts: one finished item."""
        item = lane.items[index]
        if isinstance(reply, Answer):
            answer, grade = reply, await self._grade(reply, item)
        else:
            answer, grade = Answer(""), reply
        record = Record(
            offer=lane.offer,
            form_digest=lane.digest,
            sample=item.sample.id,
            grade=grade,
            is_answered=answer is reply,
            answer=answer.text,
            finish_reason=answer.finish_reason,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost_pico=bill.cost_pico,
            currency=bill.currency,
            time_s=answer.time_s,
            call_id=answer.call_id,
            model_answered=answer.model_answered,
            finished_at=self._options.now(),
        )
        self._file.append(record)
        lane.put(index, record)
        self._watch(lane, record)

    async def _grade(self, answer: Answer, item: Prepared) -> Grade:
        # In a thread, so that a slow grader stops nobody else; gather, so that whatever a grader
        # of the user's own raises comes back as a value.
        graded = asyncio.to_thread(
            grade_answer, self._grader, answer.text, item.sample, self._task.grader_parameters
        )
        outcome: object
        (outcome,) = await asyncio.gather(graded, return_exceptions=True)
        if isinstance(outcome, Grade):
            return outcome
        kind = type(outcome).__name__
        if isinstance(outcome, BaseException):
            return Grade.unscored(f"the grader raised {kind}: {outcome}"[:REASON_CHARS_MAX])
        return Grade.unscored(f"the grader gave a {kind}, not a grade")

    def _watch(self, lane: Lane, record: Record) -> None:
        lane.n_failed_in_a_row = 0 if record.is_answered else lane.n_failed_in_a_row + 1
        if lane.n_failed_in_a_row >= self._options.failures_max:
            lane.stopped = f"{lane.n_failed_in_a_row} items in a row failed: {record.grade.reason}"
        if self._options.on_progress is not None:
            decision = lane.decision
            progress = Progress(
                offer=lane.offer,
                n_done=lane.n_done,
                n_total=len(lane.items),
                is_settled=decision.is_settled,
                bounds=lambda: decision.bounds,
            )
            self._options.on_progress(progress)


def _result(task: Task, lane: Lane, faults: tuple[Fault, ...], options: Options) -> Result:
    records = tuple(record for record in lane.records if record is not None)
    decision = lane.decision
    lower, upper = decision.bounds
    # Grades were read without a gap, so these are the ones the verdict rests on.
    counted = records[: len(decision.grades) + decision.n_unscored]
    bill = Bill.over(counted)
    verdict = Verdict(
        task=task.name,
        offer=lane.offer,
        form_digest=lane.digest,
        floor=task.floor,
        total=sum(decision.grades, Fraction(0)),
        n=len(decision.grades),
        n_unscored=decision.n_unscored,
        lower=lower,
        upper=upper,
        confidence=options.confidence,
        cost_pico=bill.cost_pico,
        currency=bill.currency,
        time_s=sum(record.time_s for record in counted),
        # A resumed run must not make an old measurement look new.
        decided_at=max((record.finished_at for record in counted), default=options.now()),
        model_answered=",".join(sorted({r.model_answered for r in counted if r.model_answered})),
    )
    # An item that failed earlier and was asked again carries its earlier bill with it.
    paid = Bill.over({r.sample: r for r in (*lane.failed.values(), *records)}.values())
    return Result(
        offer=lane.offer,
        form=lane.form,
        verdict=verdict,
        records=records,
        n_total=len(lane.items),
        paid_pico=paid.cost_pico,
        stopped="" if decision.is_settled else lane.stopped,
        faults=faults,
    )
