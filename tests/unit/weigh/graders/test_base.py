from dataclasses import replace
from fractions import Fraction

import pytest

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders.base import (
    ANSWER_CHARS_MAX,
    Grader,
    Item,
    Parameters,
    beyond_bounds,
    extra,
    grade_answer,
    in_millionths,
    needs_reference,
    plain,
    references,
    whole,
    without_thoughts,
)

SAMPLE = Sample("a", "?", "x")


def echo(answer: str, sample: Sample, parameters: Parameters) -> Grade:
    return Grade(Fraction(1), extracted=f"{answer}|{parameters}")


ECHO = Grader("echo", echo, lambda sample: "", (), {"strict": False})


def test_a_grader_sees_the_answer_without_thoughts_and_all_parameters() -> None:
    grade = grade_answer(ECHO, " <think>no, yes</think>yes", SAMPLE, {})
    assert grade.extracted == "yes|{'strict': False}"
    assert grade_answer(ECHO, "y", SAMPLE, {"strict": True}).extracted == "y|{'strict': True}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "the answer holds nothing"),
        (" \n\t", "the answer holds nothing"),
        ("<think>I wonder", "the answer holds nothing but thoughts"),
        ("<think>so</think> ", "the answer holds nothing but thoughts"),
        ("x" * (10 << 20), f"the answer has more than {ANSWER_CHARS_MAX} characters"),
    ],
)
def test_an_answer_without_content_or_without_end_is_unscored(answer: str, reason: str) -> None:
    assert grade_answer(ECHO, answer, SAMPLE, {}) == Grade.unscored(reason)


def test_stop_iteration_becomes_an_error_that_a_future_can_carry() -> None:
    def stop(answer: str, sample: Sample, parameters: Parameters) -> Grade:
        return next(iter(()))

    with pytest.raises(RuntimeError, match="StopIteration"):
        grade_answer(Grader("stop", stop, lambda sample: "", ()), "x", SAMPLE, {})


def test_thoughts_in_the_middle_are_part_of_the_answer() -> None:
    assert without_thoughts("yes <think>no</think>") == "yes <think>no</think>"


def test_plain_text_forgets_case_width_and_joints() -> None:
    assert plain(" Ｔｏｐ_up-\n FAILED ") == "top up failed"
    assert plain("covid-19, 2026-03-05") == "covid 19, 2026 03 05"
    assert plain("3 月 5 日 在 A1 会议室，room 2") == "3月5日在a1会议室,room 2"


def test_plain_text_keeps_the_minus_of_a_number() -> None:
    assert plain("-5") == "-5" != plain("5")
    assert plain("气温 -5 度") == "气温-5度"
    assert plain("from -5 to 5") == "from -5 to 5"


def test_an_item_keeps_the_other_fields_of_its_line_and_needs_no_reference() -> None:
    item = Item("a", "?", "", extras={"tests": "x"})
    assert extra(item, "tests") == "x"
    assert extra(item, "facts") is None
    assert extra(SAMPLE, "tests") is None
    assert extra(replace(item, choices=("x", "y")), "tests") == "x"
    with pytest.raises(ValueError, match="needs an id"):
        Item("", "?", "")
    with pytest.raises(ValueError, match="input is empty"):
        Item("a", " ", "")


def test_references_are_texts_that_hold_something() -> None:
    assert references(SAMPLE) == ("x",)
    assert references(Item("a", "?", (" ", "y"))) == ("y",)
    assert references(Item("a", "?", " ")) == references(Item("a", "?", {"x": "y"})) == ()
    assert needs_reference(SAMPLE) == ""
    assert "text" in needs_reference(Item("a", "?", {"x": "y"}))


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (Fraction(1, 3), Fraction(333_333, 1_000_000)),
        (Fraction(1), Fraction(1)),
        (Fraction(0), Fraction(0)),
        (Fraction(10**9 - 1, 10**9), Fraction(999_999, 1_000_000)),
        (Fraction(1, 10**9), Fraction(1, 1_000_000)),
    ],
)
def test_only_1_becomes_1_and_only_0_becomes_0(value: Fraction, rounded: Fraction) -> None:
    assert in_millionths(value) == rounded


def test_bounds_of_a_grader_are_whole_numbers_within_reason() -> None:
    bounds = {"time_s": 600, "memory_mb": 10}
    assert beyond_bounds({"time_s": 600, "memory_mb": 1}, bounds) == ""
    for wrong in (0, 11, True, 1.0, "5", None):
        found = beyond_bounds({"time_s": 5, "memory_mb": wrong}, bounds)
        assert found == "memory_mb is a whole number from 1 to 10"
    assert whole({"time_s": 5}, "time_s") == 5
