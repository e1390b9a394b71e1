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
    ],
)
def test_what_has_no_counterpart_is_named(kind: str, value: Any) -> None:
    expected = expected_of([{"type": kind, "value": value}])
    assert (expected.grader, expected.left) == ("", [kind])


def test_texts_join_and_other_kinds_are_left_out() -> None:
    expected = expected_of(
        [
            {"type": "contains", "value": "a"},
            {"type": "not-icontains", "value": "b"},
            {"type": "regex", "value": "c"},
            {"type": "latency", "threshold": 3},
        ]
    )
    assert (expected.grader, expected.is_folded) == ("contains", True)
    assert expected.fields == {"reference": None, "contains": {"all": ["a"], "none": ["b"]}}
    assert sorted(expected.left) == ["latency", "regex"]
    assert expected_of([{"type": "regex", "value": v} for v in "ab"]).left == ["regex"]


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
        ("icontains-any: a, b", "icontains-any", ["a", "b"]),
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
