"""Each kind of failure is recognised by what a program can see."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from steelyard.domain.tasks import Grade
from steelyard.weigh.cases.kinds import Failure, kind_of, reason_class
from steelyard.weigh.graders.base import Item, grade_answer
from steelyard.weigh.graders.registry import find_graders
from weigh.cases.case_rig import failure, item, record

ZERO = Fraction(0)
SLOTS = item({"time": "9 pm", "people": "3"})
SENTENCE = item("The harbour was closed because of the storm last night.", "Why was it closed?")
TURNED = "the judge's opinion turned with the order"
EMPTY = Grade.unscored("the answer holds nothing")


def graded(grader: str, answer: str, sample: Item, **more: Any) -> Failure:
    """A failure with the grade that the grader itself gives."""
    found = find_graders()[grader]
    return failure(grader, answer, grade_answer(found, answer, sample, {}), sample, **more)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (
            failure("label", "", Grade.unscored("upstream_timeout: 30 s"), is_answered=False),
            "no_answer:upstream_timeout",
        ),
        (failure("label", "x", Grade(ZERO), finish_reason="content_filter"), "filtered"),
        (failure("label", " ", EMPTY), "empty"),
        (failure("label", "<think>hm</think>", EMPTY), "empty:thoughts:"),
        (failure("label", "<think>hm", EMPTY, finish_reason="length"), "empty:cut:"),
        (
            failure("x", "y", Grade.unscored("the grader raised 'KeyError' at 17")),
            "not_graded:the grader raised … at …",
        ),
        (graded("label", "No.", item(labels=("yes", "no"))), "wrong_label:yes → no"),
        (graded("label", "Maybe", item(labels=("yes", "no"))), "wrong_form:no label in the answer"),
        (graded("json_slots", "none", SLOTS), "wrong_form:no JSON object in the answer"),
        (graded("number", "99", item("100")), "wrong_number:near:"),
        (graded("number", "-100", item("100")), "wrong_number:sign:"),
        (graded("number", "1,000", item("100")), "wrong_number:scale:"),
        (graded("number", "7", item("100")), "wrong_number:far:"),
        (graded("number", "7", item("0")), "wrong_number:far:"),
        (graded("exact", "I'm sorry, but I can't help with that.", item()), "refusal"),
        (graded("exact", "抱歉，我无法回答这个问题。", item()), "refusal"),
        (graded("exact", "The long story", SENTENCE, finish_reason="length"), "cut_off"),
        (graded("exact", "因为昨天晚上的暴风雨太大所以关闭了港口", SENTENCE), "wrong_language"),
        (
            graded("exact", "Why was it closed? Why was it closed?", SENTENCE),
            "repeats",
        ),
        (graded("exact", "word " * 60, SENTENCE), "too_long"),
        (graded("exact", "Storm.", SENTENCE), "too_short"),
        (graded("exact", "It was the fault of the mayor again.", SENTENCE), "wrong_text"),
        (failure("code_tests", "def f(", Grade(ZERO, "SyntaxError: '(' was never closed")),
         "code_failed:SyntaxError"),
        (failure("code_tests", "x = 1", Grade(ZERO, "the code ran longer than 10 s")),
         "code_failed:the code ran longer than … s"),
        (failure("sql", "SELECT", Grade(ZERO, "the query does not run: no such table: shop")),
         "query_failed:the query does not run"),
        (failure("judge", "so", Grade(ZERO, "", "second")), "judged:worse:"),
        (failure("judge", "so", Grade(Fraction(1, 2), "", "tie")), "judged:tie:"),
        (
            failure("judge", "so", Grade(Fraction(1, 2), TURNED)),
            "judged:turned:",
        ),
        (failure("mine", "so", Grade(Fraction(1, 3), "3 of 9 points")), "other:… of … points"),
    ],
)  # fmt: skip
def test_the_first_look_that_recognises_a_failure_names_it(given: Failure, kind: str) -> None:
    assert given.record.grade.value != 1
    assert str(kind_of(given)) == kind


def test_fields_are_told_apart_as_missing_wrong_and_made_up() -> None:
    kind = kind_of(graded("json_slots", '{"time": "8 pm", "where": "here", "x": ""}', SLOTS))
    assert (kind.slug, kind.parts) == (
        "wrong_slots",
        ("extra:where", "missing:people", "wrong:time"),
    )
    cut = failure("json_slots", "{}", Grade(ZERO, "wrong or missing: time, people", '{"a'), SLOTS)
    assert kind_of(cut).parts == ("wrong:people", "wrong:time")
    odd = failure("json_schema", "{}", Grade(ZERO, "price is no number", '{"a'), item("x"))
    assert str(kind_of(odd)) == "wrong_slots:price is no number"


def test_broken_rules_become_parts() -> None:
    reason = "not named: 颜色; must not be there: 最; 8 characters, not 10 to 20"
    kind = kind_of(failure("facts", "x", Grade(ZERO, reason)))
    assert kind.parts == ("forbidden:", "not_named:", "too_short:")
    reason = "not found: ^客官; found: 微信; 30 characters, not 10 to 20"
    assert kind_of(failure("manner", "x", Grade(ZERO, reason))).parts == (
        *("forbidden:", "not_found:", "too_long:"),
    )
    reason = "not followed: punctuation:no_comma, length:words"
    assert kind_of(failure("ifeval", "x", Grade(ZERO, reason))).parts == (
        *("not_followed:length:words", "not_followed:punctuation:no_comma"),
    )


def test_an_option_is_told_by_its_fault_wherever_it_was_shown() -> None:
    original = item("A", choices=("good", "rude", "late"), extras={"faults": ["", "manners", ""]})
    shown = item("C", choices=("rude", "late", "good"), labels=("A", "B", "C"))
    wrong = record(grade=Grade(ZERO, "the reference is C", "A"), answer="A")
    assert str(kind_of(Failure(wrong, shown, original, "choice"))) == "wrong_choice:fault:manners"
    other = record(grade=Grade(ZERO, "the reference is C", "B"), answer="B")
    assert str(kind_of(Failure(other, shown, original, "choice"))) == "wrong_choice:chose:B"


def test_a_label_with_a_cut_answer_is_a_wrong_label_since_it_was_found() -> None:
    given = graded("label", "No, since", item(labels=("yes", "no")), finish_reason="length")
    assert kind_of(given).slug == "wrong_label"


def test_reasons_lose_what_differs_from_item_to_item() -> None:
    assert reason_class("column 'a b' at  3.5 of \"x\"") == "column … at … of …"
    assert reason_class("the function gave 7.0, not a number from 0 to 1") == (
        "the function gave …, not a number from 0 to 1"
    )
    assert reason_class("from 10 to 35.5, from 0 to 12") == "from … to …, from … to …"
    assert reason_class("the judge's opinion of 'x', it's cut: \"so and") == (
        "the judge's opinion of …, it's cut: …"
    )
    assert len(reason_class("x" * 500)) == 60


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("London", "expected yes, got London"),
        ("Paris at night", "expected yes, got Paris at night"),
        ("the answer is a long story", "expected yes, got the answer is a long"),
        ("its end", "expected yes, got `its end"),
        ("伦敦", "expected yes, got 伦敦"),
    ],
)
def test_a_reason_that_repeats_the_answer_makes_no_kind_of_each(answer: str, reason: str) -> None:
    for grade in (Grade(ZERO, reason), Grade.unscored(reason)):
        found = kind_of(failure("mine", answer, grade))
        assert (found.slug, found.detail) in {
            ("other", "expected …, got …"),
            ("not_graded", "expected …, got …"),
        }
