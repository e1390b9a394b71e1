"""The label that comes first in the answer must be the reference."""

from __future__ import annotations

import re
from fractions import Fraction

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders.base import Example, Grader, Parameters, plain


def grade(answer: str, sample: Sample, parameters: Parameters) -> Grade:
    """1 when the first label in the answer is the reference, else 0.

    Case, width and the letters between words do not count. Where two labels start at one place the
    longer is meant (``top up failed`` over ``top up``). An answer that names no label was asked for
    one and gave something else: 0, not unscored.
    """
    text = plain(answer)
    found = [
        (match.start(), -len(label), label)
        for label in sample.labels
        if (match := _pattern(label).search(text))
    ]
    if not found:
        return Grade(Fraction(0), "no label in the answer")
    label = min(found)[2]
    if label == sample.reference:
        return Grade(Fraction(1), extracted=label)
    return Grade(Fraction(0), f"the reference is {sample.reference}", label)


def fits(sample: Sample) -> str:
    """Needs a closed set of labels with the reference in it."""
    if not sample.labels:
        return "the label grader needs labels"
    if len({plain(label) for label in sample.labels}) < len(sample.labels):
        return "two labels differ by nothing but case or spacing"
    return "" if sample.reference in sample.labels else "the reference is not one of the labels"


def _pattern(label: str) -> re.Pattern[str]:
    # A label in a script with spaces must stand alone; Chinese has no word boundary to look for.
    text = plain(label)
    left = r"(?<![a-z0-9])" if text[:1].isascii() else ""
    right = r"(?![a-z0-9])" if text[-1:].isascii() else ""
    return re.compile(left + re.escape(text) + right)


_MOODS = ("positive", "negative")
_RIGHT = Grade(Fraction(1), extracted="positive")

GRADER = Grader(
    name="label",
    grade=grade,
    fits=fits,
    examples=(
        Example("Positive.", "positive", _RIGHT, _MOODS),
        Example("**positive** (not negative)", "positive", _RIGHT, _MOODS),
        Example("<think>negative? no</think>\npositive", "positive", _RIGHT, _MOODS),
        Example(
            "negative",
            "positive",
            Grade(Fraction(0), "the reference is positive", "negative"),
            _MOODS,
        ),
        Example("It is fine", "positive", Grade(Fraction(0), "no label in the answer"), _MOODS),
        Example("这是正面评价", "正面", Grade(Fraction(1), extracted="正面"), ("正面", "负面")),
        Example(
            "Top up failed",
            "top_up_failed",
            Grade(Fraction(1), extracted="top_up_failed"),
            ("top_up", "top_up_failed"),
        ),
        Example("  \n", "positive", Grade.unscored("the answer holds nothing"), _MOODS),
    ),
)
