"""What a grader is: one file in this folder with a ``GRADER`` constant, and its examples.

A grader is a pure function from an answer and a sample to a ``Grade``. A wrong answer is 0; an
answer that says nothing (empty, or cut by a filter) is unscored. Its parameters are stored with the
run, so that old answers can be graded again; its examples are run by the contract suite, which
finds every grader by itself.

The runner calls a grader in a thread, so one that starts a process of its own (a sandbox) may wait
for it, as long as that wait is bounded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from steelyard.domain.tasks import Grade, Reference, Sample

ANSWER_CHARS_MAX = 1_000_000
"""A longer answer is unscored, not searched."""

_MILLIONTHS = 1_000_000
_MARKS = re.compile(r"(?:[\s_]|-(?!\d)|(?<=[0-9a-z])-)+")
_SPACED_CHINESE = re.compile(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])")
"""Many models set Chinese and figures apart, so that such a space says nothing."""

Parameters = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Item(Sample):
    """A sample with the further fields of its line: tests, facts, instructions, a schema.

    Its reference may be empty, since some graders (``ifeval``) compare with nothing; whether one is
    needed is what ``fits`` says.
    """

    extras: Mapping[str, object] = field(default_factory=dict)
    """The line's other fields by name, as JSON gave them."""

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a sample needs an id")
        if not self.input.strip():
            raise ValueError("the input is empty")


def extra(sample: Sample, name: str) -> object:
    """A further field of the sample's line; None when there is none."""
    return sample.extras.get(name) if isinstance(sample, Item) else None


@dataclass(frozen=True, slots=True)
class Example:
    """One answer with the grade it must get."""

    answer: str
    reference: Reference
    grade: Grade
    labels: tuple[str, ...] = ()
    parameters: Parameters = field(default_factory=dict)
    extras: Mapping[str, object] = field(default_factory=dict)

    @property
    def sample(self) -> Sample:
        """The example as a sample."""
        return Item("example", "(example)", self.reference, self.labels, extras=self.extras)


def nothing_wrong(parameters: Parameters) -> str:
    """The check of a grader whose parameters cannot be wrong."""
    return ""


def nothing_lacking() -> str:
    """What a grader lacks that runs on every machine."""
    return ""


@dataclass(frozen=True, slots=True)
class Grader:
    """A grader as found by scanning the folder."""

    name: str
    grade: Callable[[str, Sample, Parameters], Grade]
    """Gets the answer without its thoughts; all parameters are there, defaults filled in."""
    fits: Callable[[Sample], str]
    """Why a sample cannot be graded by it, asked before any money is paid; empty when it can."""
    examples: tuple[Example, ...]
    parameters: Parameters = field(default_factory=dict)
    """Names and defaults; any other name in a task is a mistake."""
    check: Callable[[Parameters], str] = nothing_wrong
    """What is wrong with these parameters (defaults filled in), asked when steelyard.yaml is read
    and when a weighing begins; empty when nothing is."""
    lacks: Callable[[], str] = nothing_lacking
    """What this machine lacks for grading anything at all, asked when a weighing begins; empty when
    nothing. It is not asked of steelyard.yaml, which moves between machines."""


def grade_answer(grader: Grader, answer: str, sample: Sample, parameters: Parameters) -> Grade:
    """Grades one answer; the bounds that hold for all graders are kept here.

    Raises:
        Exception: whatever a grader of the user's own raises, except ``StopIteration``, which no
            future can carry and which therefore becomes a ``RuntimeError``.
    """
    if len(answer) > ANSWER_CHARS_MAX:
        return Grade.unscored(f"the answer has more than {ANSWER_CHARS_MAX} characters")
    final = without_thoughts(answer)
    if not final.strip():
        thought = " but thoughts" if answer.strip() else ""
        return Grade.unscored(f"the answer holds nothing{thought}")
    try:
        return grader.grade(final, sample, {**grader.parameters, **parameters})
    except StopIteration as error:
        raise RuntimeError("the grader raised StopIteration") from error


def without_thoughts(answer: str) -> str:
    """The answer without a leading ``<think>`` block, which some engines leave in the text."""
    stripped = answer.lstrip()
    if not stripped.startswith("<think>"):
        return answer
    return stripped.partition("</think>")[2]


def plain(text: str) -> str:
    """Text for comparing: NFKC, lower case; any run of space, underscore or hyphen is one space.

    Beside a Chinese character it is none. The minus of a number is no hyphen.
    """
    folded = _MARKS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return _SPACED_CHINESE.sub("", folded)


def references(sample: Sample) -> tuple[str, ...]:
    """The accepted answers that hold something; none when the reference is an object."""
    gold = sample.reference
    if isinstance(gold, str):
        return (gold,) if gold.strip() else ()
    return tuple(text for text in gold if text.strip()) if isinstance(gold, tuple) else ()


def needs_reference(sample: Sample) -> str:
    """The ``fits`` of graders that compare with accepted answers."""
    return "" if references(sample) else "the reference must be a text or a list of texts"


def beyond_bounds(parameters: Parameters, bounds: Mapping[str, int]) -> str:
    """The first parameter that is no whole number from 1 to its bound; empty when all are."""
    for name, most in bounds.items():
        value = parameters[name]
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            return f"{name} is a whole number from 1 to {most}"
    return ""


def whole(parameters: Parameters, name: str) -> int:
    """A parameter that was checked to be a whole number."""
    return int(str(parameters[name]))


def in_millionths(value: Fraction) -> Fraction:
    """A grade rounded to whole millionths; only 1 becomes 1 and only 0 becomes 0.

    Averages over many denominators would otherwise drag thousand-digit fractions through every sum.
    """
    if value in (0, 1):
        return value
    return Fraction(min(max(round(value * _MILLIONTHS), 1), _MILLIONTHS - 1), _MILLIONTHS)
