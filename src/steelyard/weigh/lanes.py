"""The items of a run in their order, and one offer on its way through them.

Kept apart from the runner so that the order of things is plain data, without a loop or a clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Constraint, PromptForm, Sample, Task, form_digest
from steelyard.weigh.asking import Contender, Price
from steelyard.weigh.bills import Costing
from steelyard.weigh.datasets import Dataset, Fault
from steelyard.weigh.graders.base import extra
from steelyard.weigh.prompts import Prepared, prepare


@dataclass(frozen=True, slots=True)
class Course:
    """The items of a run, the same in the same order for every offer."""

    task: Task
    samples: tuple[Sample, ...]
    cluster_sizes: tuple[int, ...]
    """Items of each cluster, which lie side by side; empty when all are apart."""
    faults: tuple[Fault, ...]
    """Items of the set that nobody can be asked."""

    def prepared(self, form: PromptForm, index: int) -> Prepared:
        """An item as it is asked; made anew each time, so that a long set takes no memory twice."""
        return prepare(form, self.samples[index], self.task.seed)


@dataclass(slots=True)
class Lane:
    """One offer on its way through the items."""

    contender: Contender
    form: PromptForm
    digest: str
    failed: dict[int, tuple[Costing, int]] = field(default_factory=dict)
    """What items without an answer have cost, by place: as the offer bills it, and what was paid
    in the currency of the weighing."""
    paid_pico: int = 0
    """For its items so far, the judge of them included, in the currency of the weighing."""
    n_done: int = 0
    n_failed_in_a_row: int = 0
    stopped: str = ""
    """Why it was dropped; empty while it was not."""
    overrun: str = ""
    """What a call cost beyond what was held for it; empty while none did."""

    dearest_pico: int = 0
    """Most that one call of it cost in this run, as it bills."""

    @property
    def price(self) -> Price | None:
        """Of one call, which may cost what one has cost already; None when it is not known."""
        price = self.contender.price
        if price is None or self.dearest_pico <= price.call_pico_max:
            return price
        return replace(price, call_pico_max=self.dearest_pico)

    @property
    def offer(self) -> str:
        """Its name."""
        return self.contender.offer


def make_course(
    task: Task, dataset: Dataset, fits: Callable[[Sample], str], limit: int = 0
) -> Course:
    """The items that can be asked and graded, in the run's order.

    Items with the same field ``cluster`` belong together (turns of one conversation, questions on
    one page) and lie side by side; clusters are shuffled as items are.

    Args:
        task: what is asked.
        dataset: the items.
        fits: why the grader cannot grade an item, which becomes a fault before any money is paid.
        limit: items at most; 0 for all.

    Raises:
        ConfigError: no item is left.
    """
    faults = list(dataset.faults)
    fit = []
    for sample in sorted(dataset.samples, key=lambda each: _place(task.seed, each)):
        if reason := fits(prepare(task.form, sample, task.seed).sample):
            faults.append(Fault(sample.id, reason))
        else:
            fit.append(sample)
    if not fit:
        why = faults[0].reason if faults else "it is empty"
        raise ConfigError(f"task {task.name}: no usable item; {why}")
    samples = tuple(fit[: limit or None])
    sizes: tuple[int, ...] = ()
    if any(_cluster(sample) for sample in samples):
        runs = groupby(samples, key=lambda each: _cluster(each) or f"item {each.id}")
        sizes = tuple(sum(1 for _ in group) for _, group in runs)
    return Course(task, samples, sizes, tuple(faults))


def make_lanes(
    task: Task,
    dataset_digest: str,
    contenders: Sequence[Contender],
    judge: Constraint = Constraint.NONE,
) -> list[Lane]:
    """One lane an offer, each with the form that it can be asked in.

    Args:
        task: what is asked.
        dataset_digest: of the task's set.
        contenders: the offers.
        judge: what the judge is held to, where one grades.
    """
    lanes = []
    for contender in contenders:
        form = form_for(task, contender)
        lanes.append(Lane(contender, form, form_digest(task, form, dataset_digest, judge)))
    return lanes


def form_for(task: Task, contender: Contender) -> PromptForm:
    """The task's form, without a constraint that the offer does not know."""
    is_held = task.form.constraint in contender.constraints
    return task.form if is_held else task.form.unconstrained()


def _cluster(sample: Sample) -> str:
    name = extra(sample, "cluster")
    return f"cluster {name}" if isinstance(name, str | int) and name != "" else ""


def _place(seed: int, sample: Sample) -> tuple[bytes, bytes]:
    """Where an item comes: random to the content, the same every time."""
    own = _hashed(seed, sample.id)
    cluster = _cluster(sample)
    return (_hashed(seed, cluster) if cluster else own, own)


def _hashed(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
