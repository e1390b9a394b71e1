from typing import Any

import pytest

from steelyard.weigh.graders.base import Item, grade_answer
from steelyard.weigh.graders.registry import find_grader
from steelyard.weigh.importing.promptfoo_asserts import assertion_of, expected_of


def is_right(assertion: dict[str, Any], answer: str) -> bool:
    expected = expected_of([assertion])
    parameters = {"fold": expected.is_folded} if expected.grader in {"exact", "contains"} else {}
    grader = find_grader(expected.grader, parameters)
    reference = expected.fields.pop("reference")
    item = Item("a", "?", str(reference) if reference else (), extras=expected.fields)
    assert grader.fits(item) == ""
    return grade_answer(grader, answer, item, parameters).value == 1


@pytest.mark.parametrize(
    ("kind", "value", "right", "wrong"),
    [
        ("equals", "Paris", "Paris", "paris"),
        ("equals", 42, "42", "43"),
        ("equals", {"a": 1}, '{"a": 1}', '{"a": 2}'),
        ("contains", "Paris", "in Paris.", "in paris."),
        ("icontains", "Paris", "in PARIS.", "in Rome"),
        ("contains-all", ["a", "b"], "b and a", "a"),
        ("icontains-any", ["X", "Y"], "why y", "z"),
        ("not-contains", "sorry", "fine", "so sorry"),
        ("not-icontains-any", ["sorry", "no"], "fine", "NO"),
        ("contains-any", 'x, "a, b"', "a, b", "a b"),
        ("icontains-all", "a,b", "B, A", "a"),
        ("equals", True, "true", "True"),
        ("not-regex", r"\d{3}", "tel 12", "tel 123"),
        ("not-starts-with", "Sure", "Yes, Sure", "Sure. Yes"),
        ("regex", r"\d{3}", "tel 123", "tel 12"),
        ("regex", r"/paris/i", "PARIS", "Rome"),
        ("starts-with", "Yes.", "Yes. And", "Yes And"),
        ("is-json", None, '{"a": []}', "a"),
        ("is-json", {"type": "object", "required": ["b"]}, '{"b": 1}', '{"a": 1}'),
    ],
)
def test_an_assertion_means_the_same_here(kind: str, value: Any, right: str, wrong: str) -> None:
    assert is_right({"type": kind, "value": value}, right)
    assert not is_right({"type": kind, "value": value}, wrong)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("javascript", "output.length > 3"),
        ("python", "file://x.py"),
        ("similar", "hello"),
        ("cost", None),
        ("equals", "file://x.txt"),
        ("equals", ""),
        ("contains", ""),
        ("contains", [{}]),
        ("is-json", "file://schema.json"),
        ("not-equals", "x"),
        ("regex", 3),
        ("regex", "(?=x)"),
        ("llm-rubric", None),
    ],
)
def test_what_has_no_counterpart_is_named(kind: str, value: Any) -> None:
    expected = expected_of([{"type": kind, "value": value}])
    assert (expected.grader, expected.left) == ("", [kind])


def test_texts_join_and_other_kinds_are_left_out() -> None:
    expected = expected_of(
        [
            {"type": "icontains", "value": "a"},
            {"type": "not-icontains", "value": "b"},
            {"type": "llm-rubric", "value": "c"},
            {"type": "latency", "threshold": 3},
        ]
    )
    assert (expected.grader, expected.is_folded) == ("contains", True)
    assert expected.fields == {"reference": None, "contains": {"all": ["a"], "none": ["b"]}}
    assert sorted(expected.left) == ["latency", "llm-rubric"]


@pytest.mark.parametrize(
    ("assertions", "right", "wrong"),
    [
        ([("contains", "A"), ("icontains", "b")], "A B", "a b"),
        ([("contains", "a."), ("regex", r"\d")], "a. 1", "ab 1"),
        ([("contains-any", ["a", "b"]), ("contains-any", ["c", "d"])], "b c", "a b"),
        ([("regex", "a"), ("regex", "/B/i")], "ab", "ac"),
        ([("not-starts-with", "Sure"), ("not-contains", "AI")], "Well", "an AI"),
    ],
)
def test_what_one_plain_grader_cannot_ask_becomes_rules_of_manner(
    assertions: list[tuple[str, Any]], right: str, wrong: str
) -> None:
    expected = expected_of([{"type": kind, "value": value} for kind, value in assertions])
    assert (expected.grader, expected.left) == ("manner", [])
    fields = dict(expected.fields)
    assert fields.pop("reference") is None
    grader, item = find_grader("manner", {}), Item("a", "?", (), extras=fields)
    assert grader.fits(item) == ""
    assert grade_answer(grader, right, item, {}).value == 1
    assert grade_answer(grader, wrong, item, {}).value == 0


def test_rules_of_manner_may_be_asked_for() -> None:
    plain = [{"type": "contains", "value": "a"}]
    assert expected_of(plain).grader == "contains"
    assert expected_of(plain, as_manner=True).fields == {"reference": None, "must": ["(?:a)"]}


def test_rubrics_and_facts_are_for_a_judge() -> None:
    rubric = expected_of([{"type": "llm-rubric", "value": "is kind"}])
    assert (rubric.grader, rubric.fields) == ("judge", {"reference": None, "rubric": "is kind"})
    fact = expected_of([{"type": "factuality", "value": "It rains."}])
    assert fact.fields == {"reference": "It rains."}


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        ("Paris", "equals", "Paris"),
        ("Note: Paris", "equals", "Note: Paris"),
        ("contains: Paris", "contains", "Paris"),
        ("icontains-any: a, b", "icontains-any", "a, b"),
        ("fn: output > 3", "javascript", "output > 3"),
        ("grade: is kind", "llm-rubric", "is kind"),
        ("similar(0.8): hello", "similar", "hello"),
        ("not-regex: x", "not-regex", "x"),
        ("regex: a:b", "regex", "a:b"),
    ],
)
def test_a_cell_of_a_csv_says_what_is_expected(cell: str, kind: str, value: object) -> None:
    assert assertion_of(cell) == {"type": kind, "value": value}


def test_a_cell_may_ask_for_json() -> None:
    assert assertion_of("is-json") == {"type": "is-json"}
