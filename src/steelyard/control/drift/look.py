"""One look at an offer: the next items of its watch are asked, graded and written down.

What was seen lies in a run file of the watch's own, ``weighings/drift-….jsonl``, one form mark a
pass, so that nobody takes it for a weighing's. A watch is played back from its file, so a look that
was cut off goes on where it was; an item that was answered is never asked again in its pass.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from steelyard.control.drift.money import DayPurse
from steelyard.control.own_calls.askable import most_pico
from steelyard.domain.errors import ConfigError, RateMissing
from steelyard.domain.instants import instant_ns
from steelyard.domain.tasks import Grade, PromptForm, Sample, Task, Verdict, form_digest
from steelyard.pricebook.book import Period, period_at
from steelyard.weigh.asking import Answer, Ask, AskError, Price, code_of
from steelyard.weigh.bills import Bill
from steelyard.weigh.datasets import load_set
from steelyard.weigh.drift import Rules, Seen, Watch
from steelyard.weigh.graders.base import Grader
from steelyard.weigh.graders.registry import find_grader
from steelyard.weigh.grading import Grading
from steelyard.weigh.lanes import make_course
from steelyard.weigh.prompts import Prepared
from steelyard.weigh.runfile import (
    Key,
    Payment,
    Record,
    RunFile,
    path_of,
    paths_of,
    read_records,
    record_of,
)
from steelyard.weigh.tries import Patience, get_reply

PREFIX = "drift-"
FAILURES_MAX = 5
"""Items in a row without an answer before a look ends."""
_PATIENCE = Patience(attempts_max=2, backoff_max_s=5.0)


@dataclass(frozen=True, slots=True)
class Subject:
    """An offer that a verdict has proven on a task, and how it is watched."""

    task: Task
    verdict: Verdict
    rules: Rules
    pool: int
    """Items of the pool at most."""
    is_embedded: bool
    """Whether an engine of this machine answers, which costs nobody money."""
    currency: str = ""
    channel: str = ""
    periods: tuple[Period, ...] = ()
    """Of constant prices, in the order of time."""

    @property
    def offer(self) -> str:
        """Its name."""
        return self.verdict.offer

    @property
    def mark(self) -> str:
        """The identity of the watch: another verdict, pool or rule is another watch."""
        parts = (
            *(self.task.name, self.offer, self.verdict.form_digest),
            *(instant_ns(self.verdict.decided_at), self.pool),
            *(str(self.rules.tolerance), str(self.rules.longer), self.rules.error),
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    def path(self, home: Path) -> Path:
        """The watch's run file."""
        return path_of(home / "weighings", f"{PREFIX}{self.task.name}", self.mark)


@dataclass(slots=True)
class Look:
    """What came of a look."""

    watch: Watch
    n_asked: int = 0
    """Items asked by this look, those of an earlier part of it that was cut off left out."""
    n_seen: int = 0
    """Visits of the watch so far, those of earlier looks included."""
    detail: str = ""
    """Why it ended early."""
    is_cut: bool = False
    """Whether it goes on later instead of counting as done."""
    bills: tuple[tuple[str, int], ...] = ()
    """What the watch has cost so far by currency, in pico-units."""


class _Visit(NamedTuple):
    """What came of asking for one item."""

    key: Key
    sample: Sample
    reply: Answer | Grade
    bill: Bill


class Looker:
    """Takes looks: asks, grades, writes down."""

    def __init__(
        self, home: Path, ask: Ask, purse: DayPurse | None, clock: Callable[[], datetime]
    ) -> None:
        """``purse`` is None for who answers for nothing; ``clock`` gives aware UTC."""
        self._home = home
        self._ask = ask
        self._purse = purse
        self._clock = clock

    async def look(self, subject: Subject, goal: int, anew: Collection[int]) -> Look:
        """Asks on until the watch has seen ``goal`` visits, alarms, or cannot go on.

        Args:
            subject: the offer and its task.
            goal: visits since the watch began, those of earlier looks included.
            anew: passes at whose end the watch was begun anew.

        Raises:
            ConfigError: task and verdict do not fit any more, or a run file is in use.
            StoreUnavailable: a run file cannot be read or written.
            SteelyardError: every further call would be refused alike (no access, no money).
        """
        task = subject.task
        grader = find_grader(task.grader, task.grader_parameters)
        items = await asyncio.to_thread(_items, subject, grader)
        with (
            closing(Grading(grader, task.grader_parameters)) as grading,
            RunFile(subject.path(self._home)) as file,
        ):
            await asyncio.to_thread(_take_references, subject, self._home, file)
            look = _replayed(subject, tuple(items), file, anew)
            n_failed = 0
            while look.n_seen < goal and not look.watch.is_drifted:
                number, name = look.watch.next
                reply, bill = await self._ask_for(subject, items[name])
                if reply is None:
                    look.is_cut, look.detail = True, "gave way to other calls"
                    break
                key = (subject.offer, form_of(subject, number), name)
                visit = _Visit(key, items[name].sample, reply, bill)
                record = await self._write_down(visit, grading, file)
                look.watch.take(_seen(record))
                look.n_seen += 1
                look.n_asked += 1
                n_failed = 0 if record.is_answered else n_failed + 1
                if n_failed >= FAILURES_MAX:
                    code = code_of(record.grade.reason)
                    look.detail = f"{n_failed} items in a row failed: {code}"
                    break
                if grading.is_stuck:
                    look.detail = f"the grader hung {grading.n_hung} times"
                    break
            look.bills = _bills(file)
        return look

    async def _ask_for(
        self, subject: Subject, item: Prepared
    ) -> tuple[Answer | Grade | None, Bill]:
        """What came of one item and what it cost; None when it was pushed aside too often."""
        period = period_at(subject.periods, instant_ns(self._clock()))
        price = None
        if period is not None:
            worst_pico = most_pico(period, item.request)
            price = Price(subject.currency, worst_pico, worst_pico)
        bill = Bill(price)
        ask: Callable[[], Awaitable[Answer]]
        ask = partial(self._ask, subject.offer, item.request, task=subject.task.name)
        if self._purse is not None:
            ask = partial(_paid, self._purse, subject, price, ask)
        return await get_reply(ask, bill, _PATIENCE), bill

    async def _write_down(self, visit: _Visit, grading: Grading, file: RunFile) -> Record:
        """Grades a visit and puts it into the watch's file; what it says when it is read again."""

        async def put() -> None:
            reply, bill = visit.reply, visit.bill
            payment = Payment(bill.paid_pico, bill.currency, self._clock())
            if isinstance(reply, Answer):
                grade = await grading.grade(reply.text, visit.sample)
                record = record_of(visit.key, reply, grade, bill, payment)
            else:
                record = record_of(visit.key, None, reply, bill, payment)
            file.append(record)

        putting = asyncio.get_running_loop().create_task(put())
        try:
            await asyncio.shield(putting)
        except asyncio.CancelledError:
            await putting  # it is paid for: written down before anybody leaves
            raise
        return file.records[visit.key]


def form_of(subject: Subject, number: int) -> str:
    """The form mark of a pass; 0 is the verdict's own run."""
    return f"{subject.verdict.form_digest}~{PREFIX}{number}"


def _items(subject: Subject, grader: Grader) -> dict[str, Prepared]:
    """The pool in the run's order, ready to be sent.

    Raises:
        ConfigError: the verdict is about another form, or no item is usable.
    """
    dataset = load_set(subject.task.set_name)
    form = _form(subject, dataset.digest)
    course = make_course(subject.task, dataset, grader.fits, subject.pool)
    return {sample.id: course.prepared(form, place) for place, sample in enumerate(course.samples)}


def _form(subject: Subject, set_digest: str) -> PromptForm:
    task = subject.task
    for form in (task.form, task.form.unconstrained()):
        if form_digest(task, form, set_digest) == subject.verdict.form_digest:
            return form
    raise ConfigError(f"task {task.name} is another one than {subject.offer} was weighed on")


def _take_references(subject: Subject, home: Path, file: RunFile) -> None:
    """Copies what the verdict's run saw, before anything else, so that it stays what it is."""
    first = form_of(subject, 1)
    if any(form == first for _, form, _ in file.records):
        return
    for record in _of_verdict(subject, home):
        mine = Record(
            offer=record.offer,
            form_digest=form_of(subject, 0),
            sample=record.sample,
            grade=record.grade,
            finished_at=record.finished_at,
            is_answered=record.is_answered,
            output_tokens=record.output_tokens,
            call_id=record.call_id,
        )
        if mine.key not in file.records:
            file.append(mine)


def _of_verdict(subject: Subject, home: Path) -> Iterator[Record]:
    verdict = subject.verdict
    for path in paths_of(home / "weighings", subject.task.name):
        for record in read_records(path):
            is_same = (record.offer, record.form_digest) == (verdict.offer, verdict.form_digest)
            if is_same and record.finished_at <= verdict.decided_at:
                yield record


def _replayed(subject: Subject, ids: tuple[str, ...], file: RunFile, anew: Collection[int]) -> Look:
    """The watch as far as its file goes."""
    of_form = form_of(subject, 0)
    references = {
        sample: _seen(record)
        for (_, form, sample), record in file.records.items()
        if form == of_form and sample in ids
    }
    look = Look(Watch(ids, references, subject.rules))
    while True:
        number, name = look.watch.next
        record = file.records.get((subject.offer, form_of(subject, number), name))
        if record is not None and not look.watch.is_drifted:
            look.watch.take(_seen(record))
            look.n_seen += 1
        elif number in anew:
            look.watch.begin_anew()
        else:
            return look


def _seen(record: Record) -> Seen:
    tokens = record.output_tokens if record.is_answered else 0
    return Seen(record.grade.value, tokens, record.finished_at)


def _bills(file: RunFile) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for record in file.records.values():
        if record.cost_pico:
            found[record.currency] = found.get(record.currency, 0) + record.cost_pico
    return tuple(sorted(found.items()))


async def _paid(
    purse: DayPurse, subject: Subject, price: Price | None, ask: Callable[[], Awaitable[Answer]]
) -> Answer:
    """One call within the day's money; whatever ends unknown stays booked at its worst."""
    if price is None:
        raise RateMissing(f"{subject.offer} has no price now.")
    held = await asyncio.to_thread(purse.hold, price.currency, price.call_pico_max)
    try:
        answer = await ask()
    except AskError as error:
        if not error.is_lost:
            await asyncio.to_thread(purse.settle, held, error.cost_pico)
        raise
    await asyncio.to_thread(purse.settle, held, answer.cost_pico)
    return answer
