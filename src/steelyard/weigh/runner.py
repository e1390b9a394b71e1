"""Runs offers over a task's test set until everything that was asked for is known.

The caller injects ``ask`` and the clock; ``race`` says whom to ask what. What is sure:

- Items are asked in a seeded order, the same for every offer and every run, and a verdict reads
  the grades in that order only. So neither the order in which answers arrive nor a crash can change
  what a weighing says.
- An offer is left alone as soon as its bounds clear the floor or lie below it, and with
  ``Goal.CHEAPEST`` as soon as it is known to cost more than a proven one.
- An answer is graded and in the run file before its worker begins another; a resume pays for
  nothing twice.
- Money is held for all that calls in flight can cost, so the limit is never passed; a run that ends
  for it goes on from its file when there is more. A vendor that bills more than a call allows can
  pass it by no more than its calls that are in flight when it first does.
- Somebody may end a run early (``halting``): what is under way is finished, and what is known by
  then is said.
- ``Preempted`` pauses an item. Another failure of the call is tried again a few times, then the
  item is unscored with the reason. Only what would fail every item alike ends the run: a mistake
  in task or set, no access, no money, no disk.
- In memory are grades and costs, never the answers of a run: ten thousand items need no more room
  than ten.

It never logs: items and answers are nobody else's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from steelyard.domain.errors import BudgetExceeded, ConfigError, SteelyardError
from steelyard.domain.tasks import Constraint, Grade, Sample, Status, Task
from steelyard.weigh.asking import Answer, Ask, AskError, Contender, code_of
from steelyard.weigh.bills import Bill, in_run_currency
from steelyard.weigh.constancy import Opinion
from steelyard.weigh.datasets import Dataset
from steelyard.weigh.entering import grading_of, race_of
from steelyard.weigh.grading import Grading
from steelyard.weigh.judged import Court, Judging, Means, Ruling
from steelyard.weigh.lanes import Course, Lane, make_course, make_lanes
from steelyard.weigh.race import Race
from steelyard.weigh.results import Result, result_of, told_no_money
from steelyard.weigh.runfile import Payment, opened, record_of
from steelyard.weigh.terms import Options, Progress
from steelyard.weigh.tries import get_reply

__all__ = ["Options", "Progress", "Result", "run"]


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
        options: clock, bounds, money, reporting, who helps to grade.

    Raises:
        ConfigError: the task, grader, set or options are wrong, or the run file is in use.
        StoreUnavailable: the run file cannot be written.
        SteelyardError: every further call would be refused alike, such as without access.
    """
    names = [contender.offer for contender in contenders]
    if len(set(names)) < len(names):
        raise ConfigError("weigh: an offer is named twice")
    how = grading_of(task, dataset, options)
    course = await asyncio.to_thread(make_course, task, dataset, how.fits, options.limit)
    held = how.judge.constraint if isinstance(how, Judging) else Constraint.NONE
    lanes = make_lanes(task, dataset.digest, contenders, held)
    if not lanes:
        return []
    with closing(await opened(path)) as file:
        race = race_of(course, lanes, how if isinstance(how, Judging) else None, options)
        means = Means(ask, file, options.now, race.pay, options.run_currency)
        grades = how if isinstance(how, Grading) else Court(how, course, dataset.digest, means)
        runner = _Runner(course, lanes, race, grades, means, options)
        runner.resume()
        try:
            await runner.work()
        finally:
            if isinstance(how, Grading):
                how.close()
    standings = race.verdicts()
    out_of_money = runner.out_of_money or told_no_money(lanes)

    def results() -> list[Result]:
        return [
            result_of(course, lane, standing, file, options, out_of_money)
            for lane, standing in zip(lanes, standings, strict=True)
        ]

    return await asyncio.to_thread(results)


class _Runner:
    """The moving part of one run: workers that ask what the race wants to know."""

    def __init__(  # noqa: PLR0913, PLR0917 -- the parts of one run
        self,
        course: Course,
        lanes: Sequence[Lane],
        race: Race,
        grades: Grading | Court,
        means: Means,
        options: Options,
    ) -> None:
        self._course = course
        self._lanes = {lane.offer: lane for lane in lanes}
        self._race = race
        self._grades = grades
        self._means = means
        self._options = options
        self.out_of_money = ""
        """Why nobody may be asked any more though there is money left; empty while one may."""
        self._n_in_flight = 0
        self._moved = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._slots = asyncio.Semaphore(options.concurrency)

    def resume(self) -> None:
        """Takes in what earlier runs finished.

        Raises:
            ConfigError: they paid in another currency.
        """
        records = self._means.file.records
        if isinstance(self._grades, Court):
            self._grades.resume()
        for lane in self._lanes.values():
            for index, sample in enumerate(self._course.samples):
                record = records.get((lane.offer, lane.digest, sample.id))
                if record is None:
                    continue
                if record.paid_pico and record.paid_currency != self._options.run_currency:
                    raise ConfigError(
                        f"this weighing was begun in {record.paid_currency or 'no currency'};"
                        " state its money in that"
                    )
                lane.paid_pico += record.paid_pico
                if record.is_answered:
                    cost_pico = in_run_currency(record.cost_pico, lane.contender.price)
                    opinion = Opinion.of(record.settled)
                    paid_pico, grade = record.paid_pico, record.grade
                    self._race.take(lane.offer, index, grade, cost_pico, paid_pico, opinion=opinion)
                    lane.n_done += 1
                else:
                    lane.failed[index] = (record, record.paid_pico)
                    self._race.pay(record.paid_pico)

    async def work(self) -> None:
        """Asks until nothing more can be learnt, or paid for."""
        try:
            async with asyncio.TaskGroup() as group:
                # While one grades and writes, another one calls; but whoever wants one call at a
                # time wants to know its grade before the next.
                n_calls = self._options.concurrency
                for _ in range(2 * n_calls if n_calls > 1 else 1):
                    self._workers.append(group.create_task(self._worker()))
                self._options.halt.heed(self._on_halt)
        except BaseExceptionGroup as errors:
            # One reason ends a run; the workers that it took along have nothing to add.
            error = errors.exceptions[0]
            if not isinstance(error, BudgetExceeded):
                raise error from None
            # Nothing is wrong with the offers: what is known of them so far is said.
            self.out_of_money = f"no money left: {error.message}"

    async def _worker(self) -> None:
        while (found := await self._next()) is not None:
            try:
                await self._item(self._lanes[found[0]], found[1])
            except asyncio.CancelledError:
                self._race.give_back(*found)
                raise
            finally:
                self._n_in_flight -= 1
                self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _on_halt(self) -> None:
        halt = self._options.halt
        self._race.halt(halt.reason)
        self._wake()
        if halt.is_cut:
            # Once only: a second time would take an answer away that is just being graded.
            workers, self._workers = self._workers, []
            for worker in workers:
                worker.cancel()  # the group ends as if there had been nothing left to ask

    async def _next(self) -> tuple[str, int] | None:
        """The next question, once it may be asked."""
        await self._slots.acquire()
        while (found := self._race.next()) is None:
            if not self._n_in_flight:
                self._slots.release()
                return None
            await self._moved.wait()
        self._n_in_flight += 1
        return found

    async def _item(self, lane: Lane, index: int) -> None:
        """Asks for one item, lets the next call go, grades it, writes it down."""
        prepared = self._course.prepared(lane.form, index)
        bill = Bill(lane.price)
        ask = partial(self._ask, lane, prepared.request)
        patience, halt = self._options.patience, self._options.halt
        try:
            reply = await get_reply(ask, bill, patience, halt)  # what it raises ends the run
        except asyncio.CancelledError:
            if halt.is_cut and bill.cost_pico:
                self._note_failure(lane, index, bill, halt.reason)
            raise
        self._heard(lane, index, reply, bill)
        if bill.overrun is not None or (lane.overrun and isinstance(reply, Grade)):
            if bill.cost_pico:
                self._note_failure(lane, index, bill, lane.overrun)
            self._race.give_back(lane.offer, index)
        elif reply is None:
            reason = halt.reason or f"paused {patience.pauses_max + 1} times in a row"
            if bill.cost_pico:
                self._note_failure(lane, index, bill, reason)
            self._race.give_back(lane.offer, index)
            if not halt.reason:
                self._drop(lane, reason)
        elif isinstance(self._grades, Court):
            await self._judge(self._grades, lane, index, reply, bill)
        else:
            put = self._put(lane, index, prepared.sample, reply, bill)
            done = asyncio.get_running_loop().create_task(put)
            try:
                await asyncio.shield(done)
            except asyncio.CancelledError:
                await done  # it is paid for: graded and written down before anybody leaves
                raise

    async def _ask(self, lane: Lane, request: dict[str, object]) -> Answer:
        """One call, unless another one has shown meanwhile what the offer takes."""
        if lane.overrun:
            raise AskError(lane.overrun, is_retryable=False)
        return await self._means.ask(lane.offer, request, task=self._course.task.name)

    def _heard(self, lane: Lane, index: int, reply: Answer | Grade | None, bill: Bill) -> None:
        """Lets the next call go, unless this one cost more than was held for it."""
        price, n_held = lane.price, self._options.patience.attempts_max
        if bill.overrun is not None:
            lane.overrun = bill.overrun.told(lane.form.output_tokens_max)
            self._drop(lane, lane.overrun)
            n_held = 1  # of those under way none is tried again
        is_kept = price is None or bill.dearest_pico <= price.call_pico_max
        if not is_kept:
            lane.dearest_pico = bill.dearest_pico
            self._race.doubt(lane.offer, in_run_currency(n_held * bill.dearest_pico, price))
        is_call = isinstance(reply, Answer) and not reply.is_stored
        self._race.hear(lane.offer, index, is_trusted=is_call and is_kept)
        self._slots.release()
        self._wake()

    async def _put(
        self, lane: Lane, index: int, sample: Sample, reply: Answer | Grade, bill: Bill
    ) -> None:
        ruling = Ruling(reply, None, 0) if isinstance(reply, Grade) else None
        if ruling is None and isinstance(self._grades, Grading) and isinstance(reply, Answer):
            ruling = Ruling(await self._grades.grade(reply.text, sample), None, 0)
            if self._grades.is_stuck:
                self._give_up(f"the grader hung {self._grades.n_hung} times")
        if ruling is not None:
            self._finish(lane, index, reply, bill, ruling)

    async def _judge(
        self, court: Court, lane: Lane, index: int, reply: Answer | Grade, bill: Bill
    ) -> None:
        if not isinstance(reply, Answer):
            self._finish(lane, index, reply, bill, Ruling(reply, None, 0))
            return
        sample = self._course.prepared(lane.form, index).sample
        try:
            ruling = await court.judge(index, sample, reply.text)
        except (SteelyardError, asyncio.CancelledError):
            self._note_failure(lane, index, bill, "it was not judged")
            raise
        self._finish(lane, index, reply, bill, ruling)
        if court.overrun:
            self._give_up(court.overrun)

    def _finish(
        self, lane: Lane, index: int, reply: Answer | Grade, bill: Bill, ruling: Ruling
    ) -> None:
        """Writes down, counts: one finished item."""
        paid_pico = in_run_currency(bill.paid_pico, lane.contender.price) + ruling.paid_pico
        earlier_pico = self._add_earlier(lane, index, bill)
        payment = Payment(earlier_pico + paid_pico, self._options.run_currency, self._options.now())
        key = (lane.offer, lane.digest, self._course.samples[index].id)
        answer = reply if isinstance(reply, Answer) else None
        record = record_of(key, answer, ruling.grade, bill, payment, ruling.settled)
        self._means.file.append(record)
        lane.failed.pop(index, None)
        lane.n_done += 1
        lane.paid_pico += paid_pico
        cost_pico = in_run_currency(bill.cost_pico, lane.contender.price)
        opinion = Opinion.of(ruling.settled)
        self._race.take(lane.offer, index, ruling.grade, cost_pico, paid_pico, opinion=opinion)
        lane.n_failed_in_a_row = 0 if answer else lane.n_failed_in_a_row + 1
        if lane.n_failed_in_a_row >= self._options.failures_max:
            code = code_of(ruling.grade.reason)
            self._drop(lane, f"{lane.n_failed_in_a_row} items in a row failed: {code}")
        self._tell(lane)

    def _note_failure(self, lane: Lane, index: int, bill: Bill, reason: str) -> None:
        """Writes down what an item has cost that is not finished: it is asked again."""
        paid_pico = in_run_currency(bill.paid_pico, lane.contender.price)
        earlier_pico = self._add_earlier(lane, index, bill)
        total_pico = earlier_pico + paid_pico
        payment = Payment(total_pico, self._options.run_currency, self._options.now())
        key = (lane.offer, lane.digest, self._course.samples[index].id)
        self._means.file.append(record_of(key, None, Grade.unscored(reason), bill, payment))
        lane.failed[index] = (bill, total_pico)
        lane.paid_pico += paid_pico
        self._race.pay(paid_pico)
        self._tell(lane)

    @staticmethod
    def _add_earlier(lane: Lane, index: int, bill: Bill) -> int:
        """Adds what earlier runs paid for the same item; how much that was for the weighing."""
        earlier, paid_pico = lane.failed.get(index, (Bill(), 0))
        bill.add(earlier.cost_pico, earlier.currency, earlier.used, is_paid=False)
        return paid_pico

    def _drop(self, lane: Lane, reason: str) -> None:
        if not lane.stopped:
            lane.stopped = reason
            self._race.drop(lane.offer, reason)

    def _give_up(self, reason: str) -> None:
        for lane in self._lanes.values():
            if self._race.standing(lane.offer).status is Status.NOT_PROVEN:
                self._drop(lane, reason)

    def _tell(self, lane: Lane) -> None:
        if self._options.on_progress is None:
            return
        race, offer = self._race, lane.offer
        progress = Progress(
            offer=offer,
            n_done=lane.n_done,
            n_total=len(self._course.samples),
            is_settled=race.standing(offer).status is not Status.NOT_PROVEN,
            paid_pico=race.paid_pico,
            offer_paid_pico=lane.paid_pico,
            bounds=lambda: race.standing(offer).bounds,
            overrun=lane.overrun,
        )
        self._options.on_progress(progress)
