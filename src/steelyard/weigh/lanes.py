"""One offer on its way through the items: what is finished, what is still to ask, what it cost.

Kept apart from the runner so that the order of things is plain data, without a loop or a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from steelyard.domain.errors import ConfigError, UnbalancedEntry
from steelyard.domain.tasks import PromptForm, Task, form_digest
from steelyard.weigh.asking import Contender
from steelyard.weigh.datasets import Dataset, Fault
from steelyard.weigh.graders.base import Grader
from steelyard.weigh.prompts import Prepared, prepare, shuffled
from steelyard.weigh.runfile import Record, RunFile
from steelyard.weigh.stats import Decision


@dataclass(slots=True)
class Lane:
    """One offer on its way through the items."""

    offer: str
    form: PromptForm
    digest: str
    items: list[Prepared]
    decision: Decision
    records: list[Record | None] = field(default_factory=list)
    failed: dict[str, Record] = field(default_factory=dict)
    """What earlier runs spent on items that gave no answer."""
    n_read: int = 0
    n_done: int = 0
    n_failed_in_a_row: int = 0
    stopped: str = ""

    def put(self, index: int, record: Record) -> None:
        """Takes a finished item in and reads the grades as far as they are without a gap."""
        self.records[index] = record
        self.n_done += 1
        while self.n_read < len(self.records):
            earliest = self.records[self.n_read]
            if earliest is None:
                return
            self.decision.take(earliest.grade)
            self.n_read += 1

    @property
    def is_open(self) -> bool:
        """Whether it makes sense to ask more."""
        return not self.stopped and not self.decision.is_settled


def make_lanes(
    task: Task,
    dataset: Dataset,
    contenders: Sequence[Contender],
    grader: Grader,
    *,
    limit: int,
    decision: Callable[[], Decision],
) -> tuple[list[Lane], tuple[Fault, ...]]:
    """One lane an offer, all with the same items in the same order.

    Args:
        task: what is asked.
        dataset: the items.
        contenders: the offers.
        grader: says which items it cannot grade; they become faults, before any money is paid.
        limit: items at most; 0 for all.
        decision: makes a lane's empty decision.

    Raises:
        ConfigError: no item is left.
    """
    samples = {sample.id: sample for sample in dataset.samples}
    ids = shuffled(samples, task.seed)
    faults = list(dataset.faults)
    for name in ids:
        if reason := grader.fits(prepare(task.form, samples[name], task.seed).sample):
            faults.append(Fault(name, reason))
    unfit = {fault.where for fault in faults}
    fit = [samples[name] for name in ids if name not in unfit]
    if not fit:
        raise ConfigError(f"task {task.name}: no usable item; {faults[0].reason}")
    lanes = []
    for contender in contenders:
        is_held = task.form.constraint in contender.constraints
        form = task.form if is_held else task.form.unconstrained()
        items = [prepare(form, sample, task.seed) for sample in fit[: limit or None]]
        lanes.append(
            Lane(
                offer=contender.offer,
                form=form,
                digest=form_digest(task, form, dataset.digest),
                items=items,
                decision=decision(),
                records=[None] * len(items),
            )
        )
    return lanes, tuple(faults)


def resume(lane: Lane, file: RunFile) -> None:
    """Takes in what earlier runs finished."""
    for index, item in enumerate(lane.items):
        record = file.records.get((lane.offer, lane.digest, item.sample.id))
        if record is None:
            continue
        if record.is_answered:
            lane.put(index, record)
        else:
            lane.failed[item.sample.id] = record


def todo(lanes: list[Lane]) -> Iterator[tuple[Lane, int]]:
    """Item by item over all offers, so that they meet the same items; decided ones drop out."""
    for index in range(max((len(lane.items) for lane in lanes), default=0)):
        for lane in lanes:
            if lane.is_open and lane.records[index] is None:
                yield lane, index


@dataclass(slots=True)
class Bill:
    """What all attempts at one item cost."""

    cost_pico: int = 0
    currency: str = ""

    @classmethod
    def after(cls, record: Record | None) -> Bill:
        """Begins with what an earlier run paid for the same item."""
        return cls(record.cost_pico, record.currency) if record else cls()

    @classmethod
    def over(cls, records: Iterable[Record]) -> Bill:
        """The sum over finished items.

        Raises:
            UnbalancedEntry: they name more than one currency.
        """
        bill = cls()
        for record in records:
            bill.add(record.cost_pico, record.currency)
        return bill

    def add(self, cost_pico: int, currency: str) -> None:
        """Adds one attempt.

        Raises:
            UnbalancedEntry: an offer is billed in one currency; this is another.
        """
        if currency and self.currency and currency != self.currency:
            raise UnbalancedEntry(f"one offer billed in {self.currency} and in {currency}")
        self.cost_pico += cost_pico
        self.currency = self.currency or currency
