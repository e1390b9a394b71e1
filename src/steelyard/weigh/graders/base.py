"""What a grader is: one file in this folder with a ``GRADER`` constant, and its examples.

A grader is a pure function from an answer and a sample to a ``Grade``. A wrong answer is 0; an
answer that says nothing (empty, or cut by a filter) is unscored. Its parameters are stored with the
run, so that old answers can be graded again; its examples are run by the contract suite, which
finds every grader by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from steelyard.domain.tasks import Grade, Reference, Sample

ANSWER_CHARS_MAX = 1_000_000
"""A longer answer is unscored, not searched."""

Parameters = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Example:
    """One answer with the grade it must get."""

    answer: str
    reference: Reference
    grade: Grade
    labels: tuple[str, ...] = ()
    parameters: Parameters = field(default_factory=dict)

    @property
    def sample(self) -> Sample:
        """The example as a sample."""
        return Sample("example", "(example)", self.reference, self.labels)


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
    """Text for comparing: NFKC, lower case; any run of space, underscore or hyphen is one space."""
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()
