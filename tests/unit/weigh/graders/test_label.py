from fractions import Fraction

import pytest

from steelyard.domain.tasks import Sample
from steelyard.weigh.graders.label import fits, grade

TEN = ("banking", "home", "work", "small talk", "auto and commute")


@pytest.mark.parametrize(
    ("answer", "reference", "value"),
    [
        ("work", "work", 1),
        ("The department is: Small-Talk!", "small talk", 1),
        ("SMALL_TALK", "small talk", 1),
        ("auto & commute", "auto and commute", 0),
        ("homework", "work", 0),  # no part of a word is a label
        ("home, or rather work", "home", 1),  # the first one counts
        ("home, or rather work", "work", 0),
        ("", "work", 0),
    ],
)
def test_the_first_whole_label_counts(answer: str, reference: str, value: int) -> None:
    assert grade(answer, Sample("a", "?", reference, TEN), {}).value == Fraction(value)


def test_of_two_labels_at_one_place_the_longer_is_meant() -> None:
    labels = ("card_payment", "card_payment_fee_charged")
    sample = Sample("a", "?", "card_payment_fee_charged", labels)
    assert grade("card payment fee charged", sample, {}).value == 1
    assert grade("card payment", sample, {}).value == 0


def test_chinese_labels_need_no_space_around_them() -> None:
    sample = Sample("a", "？", "负面", ("正面", "负面"))
    assert grade("评价是负面的。", sample, {}).value == 1


def test_letters_of_a_pattern_are_letters() -> None:
    sample = Sample("a", "?", "c++ (new)", ("c", "c++ (new)"))
    assert grade("C++ (new)", sample, {}).value == 1


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (Sample("a", "?", "x"), "needs labels"),
        (Sample("a", "?", "x", ("y", "z")), "not one of the labels"),
        (Sample("a", "?", "on_hold", ("on_hold", "On hold")), "case or spacing"),
    ],
)
def test_a_sample_that_cannot_be_graded_is_named_before_it_is_paid(
    sample: Sample, reason: str
) -> None:
    assert reason in fits(sample)
