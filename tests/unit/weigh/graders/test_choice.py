from fractions import Fraction

import pytest

from steelyard.domain.tasks import Sample
from steelyard.weigh.graders.choice import fits, grade

SAMPLE = Sample("a", "?", "A", ("A", "B", "C", "D"))


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("A", 1),
        ("a.", 1),
        ("（A）", 1),
        ("A. Because B is wrong.", 1),
        ("B is wrong, so the answer is (A).", 1),
        ("Answer: **A**", 1),
        ("选A", 1),
        ("A dog barks. B", 0),  # an article, then a choice
        ("I'd say B", 0),
        ("Apples", 0),
        ("A's", 0),
        ("b or a", 0),  # lower case inside a sentence is no letter
    ],
)
def test_the_letter_meant_counts(answer: str, value: int) -> None:
    assert grade(answer, SAMPLE, {}).value == Fraction(value)


def test_letters_beyond_the_options_are_no_choice() -> None:
    assert grade("E, or maybe A", SAMPLE, {}).value == 1


def test_options_or_letters_are_needed() -> None:
    assert fits(SAMPLE) == ""
    assert fits(Sample("a", "?", "A", choices=("x", "y"))) == ""
    assert "choices" in fits(Sample("a", "?", "yes", ("yes", "no")))
    assert "choices" in fits(Sample("a", "?", "yes"))
