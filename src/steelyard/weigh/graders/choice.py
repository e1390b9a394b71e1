"""Multiple choice: the letter that the answer settles on must be the reference."""

from __future__ import annotations

import re
from fractions import Fraction

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders.base import Example, Grader, Parameters

_ALONE = r"([A-Z])(?![A-Za-z'’])"
_SAID = r"(?:answer|option|choice|答案|选项?)\s*(?:is|are|是|为)?\s*[:：]?\s*[*(（【\[]*" + _ALONE
_BARE = r"(?<![A-Za-z'’])" + _ALONE
_ARTICLE = re.compile(r"A\s+[a-z]")


def grade(answer: str, sample: Sample, parameters: Parameters) -> Grade:
    """1 when the letter is the reference, else 0.

    A letter named as the answer (``the answer is B``) counts before one that merely comes first;
    an ``A`` that opens a phrase (``A good question``) is an article. Lower-case letters count only
    when they are the whole answer.
    """
    letter = _letter(answer, sample.labels)
    if not letter:
        return Grade(Fraction(0), "no letter of an option in the answer")
    if letter == sample.reference:
        return Grade(Fraction(1), extracted=letter)
    return Grade(Fraction(0), f"the reference is {sample.reference}", letter)


def fits(sample: Sample) -> str:
    """Needs options, or labels that are letters."""
    if sample.choices or (sample.labels and all(len(label) == 1 for label in sample.labels)):
        return ""
    return "the choice grader needs choices"


def _letter(answer: str, letters: tuple[str, ...]) -> str:
    whole = answer.strip().strip("*().[]（）【】。：: ")
    if len(whole) == 1 and whole.upper() in letters:
        return whole.upper()
    for pattern in (_SAID, _BARE):
        for match in re.finditer(pattern, answer):
            start = match.start(1)
            if match[1] in letters and not _ARTICLE.match(answer, start):
                return match[1]
    return ""


_ABCD = ("A", "B", "C", "D")
_RIGHT = Grade(Fraction(1), extracted="B")

GRADER = Grader(
    name="choice",
    grade=grade,
    fits=fits,
    examples=(
        Example("B", "B", _RIGHT, _ABCD),
        Example("(b)", "B", _RIGHT, _ABCD),
        Example("**B.** the moon", "B", _RIGHT, _ABCD),
        Example("Of A, B and C, the answer is B.", "B", _RIGHT, _ABCD),
        Example("A good question. I would say B", "B", _RIGHT, _ABCD),
        Example("答案：B", "B", _RIGHT, _ABCD),
        Example("C", "B", Grade(Fraction(0), "the reference is B", "C"), _ABCD),
        Example("E", "B", Grade(Fraction(0), "no letter of an option in the answer"), _ABCD),
        Example(
            "Don't know", "B", Grade(Fraction(0), "no letter of an option in the answer"), _ABCD
        ),
        Example("", "B", Grade.unscored("the answer holds nothing"), _ABCD),
    ),
)
