"""Cases on a terminal: nothing that was answered steers it."""

from __future__ import annotations

from typing import Any

import pytest

from cli.test_cases import ANSWER, CASE, CLUSTER, FOUND
from steelyard.cli import case_views

EVIL = "\x1b[31mred\x07[bold]x[/bold] :smile: \u202e"


def told(capsys: pytest.CaptureFixture[str]) -> str:
    text = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    return text


def test_the_overview_tells_clusters_and_the_worst_cases(
    capsys: pytest.CaptureFixture[str],
) -> None:
    case = {**CASE, "input": EVIL, "answers": [{**ANSWER, "answer": EVIL}]}
    many = [{**CLUSTER, "is_rest": n % 2 == 1, "terms": []} for n in range(17)]
    parts = [{"part": "missing:days", "count": 2}, {"part": "wrong:x", "count": 1}]
    found = {**FOUND, "data": [case], "clusters": [*many, {**CLUSTER, "parts": parts}], "total": 4}
    case_views.print_overview({**found, "is_outdated": True, "problems": [EVIL]})
    text = told(capsys)
    assert "shop/one: 1 of 3 not right, 1 not graded" in text
    assert "Wrong label: yes → no" in text and "1 (100%)" in text and "the others" in text
    assert "[bold]x" in text and ":smile:" in text and "✗" in text and "#late" in text
    assert "and 3 smaller clusters with 3 failures" in text and "1 of 4 cases" in text
    assert "older test set" in text
    case_views.print_overview({**FOUND, "clusters": [{**CLUSTER, "parts": parts}], "data": []})
    assert "missing days × 2" in told(capsys)


def test_a_narrow_terminal_cuts_no_id_and_no_offer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sample, names = "reviews-en-06ee8633fa", [f"shop{n}/a-model-of-some-name" for n in range(3)]
    answers = [{**ANSWER, "offer": name, "answer": "many words " * 3} for name in names]
    case = {**CASE, "sample": sample, "input": "a long question " * 9, "answers": answers}
    failed = {name: {"failures": 1, "share": 0.5} for name in names}
    offers = [{**FOUND["offers"][0], "offer": name} for name in names]
    found = {**FOUND, "offers": offers, "clusters": [{**CLUSTER, "offers": failed}], "data": [case]}
    for width, words in ((80, ("by offer", f"1 (50%) {names[0]}", "right answer: ")), (200, ())):
        monkeypatch.setenv("COLUMNS", str(width))
        case_views.print_overview(found)
        text = told(capsys)
        for word in (sample, *words):
            assert word in text, word
        assert all(text.count(name) >= 3 for name in names)
        assert max(map(len, text.splitlines())) <= width


def test_nothing_to_show_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    case_views.print_overview({**FOUND, "offers": []})
    assert "steelyard weigh mood" in told(capsys)
    case_views.print_overview({**FOUND, "clusters": []})
    assert "no failures" in told(capsys)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"input": EVIL}, "[bold]x"),
        ({"choices": ["up", "down"], "labels": ["A", "B"], "reference": "B"}, "B. down  <- right"),
        ({"reference": {"x": EVIL}}, "field"),
        ({"reference": ["yes", "", "aye"]}, "right answer: yes | aye"),
        ({"reference": None, "note": EVIL}, "grade 0"),
        ({"answers": [{**ANSWER, "answer": "x" * 9_000}]}, "5000 more characters"),
        ({"answers": [{**ANSWER, "grade": None, "answer": "", "kind": "empty"}]}, "not graded"),
        ({"answers": [{**ANSWER, "parts": ["missing:days"], "kind": "wrong_slots"}]}, "days"),
        ({"answers": [{**ANSWER, "tags": ["t"], "note": EVIL}]}, "#t"),
        ({"answers": [ANSWER] * 5}, "wrong label: yes → no"),
    ],
)
def test_one_case_whole(
    capsys: pytest.CaptureFixture[str], changed: dict[str, Any], expected: str
) -> None:
    case_views.print_case({**CASE, **changed})
    assert expected.lower() in told(capsys).lower()


def test_what_differs_from_the_reference_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {**ANSWER, "answer": "within 14 days", "kind": "wrong_text"}
    panel = case_views._answer(answer, ["within 7 days"])
    text = panel.renderable
    assert str(text).startswith("within 7 14 days")
    styles = {str(span.style) for span in text.spans}  # type: ignore[union-attr]
    assert {"red strike", "green underline"} <= styles


def test_two_offers_answers_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    one = {**ANSWER, "answer": "pay within 7 days"}
    two = {**ANSWER, "offer": "shop/two", "answer": "pay within 14 days", "is_failure": False}
    case_views.print_case({**CASE, "answers": [one, two]}, "shop/one")
    assert "pay within 7 14 days" in told(capsys)
