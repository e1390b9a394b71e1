"""Tasks, samples, grades and verdicts: what "good enough" means, as values.

``weigh`` makes verdicts, ``control`` stores them and puts them into the snapshot, ``choose`` reads
them. A verdict holds for one *prompt form* only: the same offer asked in other words, at another
temperature or without a grammar is another thing, so the form's digest is part of its identity.
Nothing here reads a file or a clock.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from steelyard.domain.tallies import Tally

Reference = str | tuple[str, ...] | Mapping[str, str]
"""The gold answer: one string, several accepted ones, or named slots."""

UNSCORED_SHARE_MAX = Fraction(1, 20)
"""With a larger share of items without a grade nothing is proven or failed: whoever leaves out the
hard ones would look good on the rest."""

_TASK_NAME = re.compile(r"[a-z0-9]+(?:[-/][a-z0-9]+)*")
_MILLIONTH = Decimal("0.000001")


class Constraint(StrEnum):
    """How the engine is held to the closed set of answers, if at all."""

    NONE = "none"
    """The vendor-neutral default: the prompt alone asks for the form."""
    GRAMMAR = "grammar"
    """llama.cpp's ``grammar`` field (GBNF), one alternative a label."""
    JSON_SCHEMA = "json_schema"
    """``response_format`` of type ``json_schema``, one string property a slot."""


@dataclass(frozen=True, slots=True)
class PromptForm:
    """How a sample becomes a request: templates, sampling, constraint."""

    id: str
    """A name for people, such as ``plain-1``; change it with the wording."""
    user: str = "{input}"
    """Template of the user's message; ``{input}`` and ``{choices}`` are replaced, nothing else."""
    system: str = ""
    """The system message as it is; empty for none."""
    temperature: Decimal = Decimal(0)
    output_tokens_max: int = 16
    constraint: Constraint = Constraint.NONE

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a prompt form needs an id")
        if "{input}" not in self.user:
            raise ValueError("the user template must hold {input}")
        if not (self.temperature.is_finite() and 0 <= self.temperature <= 2):
            raise ValueError("temperature: 0 to 2")
        if not 1 <= self.output_tokens_max <= 65_536:
            raise ValueError("output_tokens_max: 1 to 65536")

    def unconstrained(self) -> PromptForm:
        """The same form for an offer that knows no constraint; another form by its digest."""
        return replace(self, constraint=Constraint.NONE)


@dataclass(frozen=True, slots=True)
class Task:
    """A named kind of work with a test set, a grader and a floor."""

    name: str
    """Such as ``shop/review-sentiment``: small letters and digits, joined by hyphens, in folders if
    there are many."""
    title: str
    language: str
    """ISO 639-1, or two joined by a hyphen for translation."""
    set_name: str
    """A shipped set's name, or the path of a JSONL file of the user's own."""
    grader: str
    floor: Decimal
    """Least mean grade that is good enough, 0 to 1, in whole millionths."""
    form: PromptForm
    grader_parameters: Mapping[str, object] = field(default_factory=dict)
    seed: int = 1
    """Fixes the order of items and of shuffled options."""
    is_weighed_when_idle: bool = False
    scenario: str = ""
    """The kind of business the task stands for, such as ``after-sales``; empty for none. For
    tables only: it is not part of what is measured."""

    def __post_init__(self) -> None:
        if not _TASK_NAME.fullmatch(self.name) or len(self.name) > 128:
            raise ValueError(f"task {self.name!r}: lower case words joined by - or /")
        if not (self.floor.is_finite() and 0 < self.floor <= 1):
            raise ValueError(f"task {self.name}: the floor lies between 0 and 1")
        if self.floor % _MILLIONTH:
            raise ValueError(f"task {self.name}: the floor has at most 6 decimals")


def form_digest(
    task: Task, form: PromptForm, set_digest: str, judge: Constraint = Constraint.NONE
) -> str:
    """The identity of what was measured: 16 hex digits over form, grader, seed and test set.

    The floor is not part of it: moving the floor changes what a measurement means, not what was
    measured. The seed is, since it shuffles options.

    Args:
        task: what is asked and how it is graded.
        form: in which an offer is asked.
        set_digest: of the test set.
        judge: what the model that grades is held to, which may change its opinions.
    """
    parts = {
        "system": form.system,
        "user": form.user,
        "temperature": str(form.temperature.normalize() + 0),
        "output_tokens_max": form.output_tokens_max,
        "constraint": form.constraint.value,
        "grader": task.grader,
        "grader_parameters": dict(task.grader_parameters),
        "seed": task.seed,
        "set": set_digest,
    }
    if judge is not Constraint.NONE:
        # Left out otherwise, so that what was measured before judges were held keeps its identity.
        parts["judge_constraint"] = judge.value
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Sample:
    """One item of a test set."""

    id: str
    input: str
    reference: Reference
    labels: tuple[str, ...] = ()
    """The closed set of answers, in the order the prompt names them."""
    choices: tuple[str, ...] = ()
    """Options of a multiple-choice question; ``reference`` is then the letter of the right one."""
    licence: str = ""
    messages: tuple[Mapping[str, object], ...] = ()
    """A whole conversation that is sent as it is, whatever the form's templates say; ``input`` is
    then its text, for graders and people."""
    request_fields: Mapping[str, object] = field(default_factory=dict)
    """What else such a request holds, as it is: ``tools``, ``response_format``, ``stop``."""

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a sample needs an id")
        if not self.input.strip():
            raise ValueError("the input is empty")
        if not self.reference:
            raise ValueError("the reference is missing")


@dataclass(frozen=True, slots=True)
class Grade:
    """What a grader says about one answer: a value, or none with the reason."""

    value: Fraction | None
    """0 to 1; None is unscored, which is not zero and leaves every mean alone."""
    reason: str = ""
    """Why unscored, or why not full marks."""
    extracted: str = ""
    """The part of the answer that was graded."""

    def __post_init__(self) -> None:
        if self.value is not None and not 0 <= self.value <= 1:
            raise ValueError(f"a grade lies between 0 and 1, not {self.value}")
        if self.value is None and not self.reason:
            raise ValueError("an unscored grade says why")

    @classmethod
    def unscored(cls, reason: str) -> Grade:
        """A grade that counts for nothing, with the reason."""
        return cls(None, reason)


class Status(StrEnum):
    """What a weighing says about an offer on a task."""

    PROVEN = "proven"
    NOT_PROVEN = "not_proven"
    FAILED = "failed"
    STALE = "stale"
    """What was measured is no longer what is sold, or too old: see ``verdict_life``. No weighing
    ends like that."""


def decide(lower: Decimal, upper: Decimal, floor: Decimal, unscored_share: Fraction) -> Status:
    """The one rule: proven at ``lower >= floor``, failed at ``upper < floor``.

    Args:
        lower: bound of the mean grade, 0 to 1.
        upper: the other bound.
        floor: the task's floor.
        unscored_share: items without a grade over all items that were asked.
    """
    if unscored_share > UNSCORED_SHARE_MAX:
        return Status.NOT_PROVEN
    if lower >= floor:
        return Status.PROVEN
    if upper < floor:
        return Status.FAILED
    return Status.NOT_PROVEN


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a weighing says about one offer on one task in one prompt form."""

    task: str
    offer: str
    form_digest: str
    floor: Decimal
    total: Fraction
    """Sum of the grades, exact."""
    n: int
    """Graded items; the unscored ones are not in it."""
    n_unscored: int
    lower: Decimal
    """Bounds of the mean grade at the stated confidence, rounded outward to millionths."""
    upper: Decimal
    confidence: Decimal
    """Such as 0.95; holds at every moment of a run, so stopping early is allowed."""
    cost_pico: int
    """Of all attempts at the items counted here, failed and unscored ones too, in 10^-12 of
    ``currency``."""
    currency: str
    """Empty when no attempt cost anything or named a currency."""
    time_s: float
    """Summed wall time of the answers counted here, seconds; not money, so a float will do."""
    decided_at: datetime
    """When the last item counted here was answered. Aware, UTC."""
    model_answered: str
    """The model's name as the answers gave it; several are joined by a comma."""
    cost_lower_pico: int | None = None
    """Bounds of the true cost per accepted answer at ``confidence``, in 10^-12 of ``currency``,
    rounded outward; None when nothing is known, for the upper one also while it has no end."""
    cost_upper_pico: int | None = None
    time_median_s: float | None = None
    """Median wall time of the answers counted here, seconds; None when there was none."""
    used: Tally | None = None
    """What all attempts behind ``cost_pico`` used: prices it anew at any price. None where nobody
    knows all of it, as of verdicts of earlier versions, or where it was not read."""

    def __post_init__(self) -> None:
        if self.decided_at.utcoffset() is None:
            raise ValueError("decided_at needs a zone")
        if self.n < 0 or self.n_unscored < 0 or not 0 <= self.total <= self.n:
            raise ValueError("the grades of a verdict must lie between 0 and n")
        if not 0 <= self.lower <= self.upper <= 1:
            raise ValueError("the bounds of a verdict must lie between 0 and 1, in order")

    @property
    def quality(self) -> Fraction | None:
        """Mean grade, exact; None when nothing was graded, which is not zero."""
        return self.total / self.n if self.n else None

    @property
    def unscored_share(self) -> Fraction:
        """Items without a grade over all items that were asked; 0 when none was."""
        asked = self.n + self.n_unscored
        return Fraction(self.n_unscored, asked) if asked else Fraction(0)

    @property
    def status(self) -> Status:
        """What the bounds say at this floor."""
        return decide(self.lower, self.upper, self.floor, self.unscored_share)

    @property
    def cost_per_accepted_pico(self) -> Fraction | None:
        """Cost over the sum of grades, in 10^-12 of ``currency``; None when nothing was right."""
        return self.cost_pico / self.total if self.total else None
