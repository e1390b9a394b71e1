"""Cases over the API: for admins, filtered, noted, reported, turned into items."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control.api.conftest import Ask
from control.case_home import ONE, SECRET, TWO, make_home
from steelyard.control.control import Control


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = make_home(tmp_path)
    yield made
    made.close()


def get(ask: Ask, path: str = "/api/cases", **query: str) -> Any:
    answer = ask("GET", path, params={"task": "mood", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_cases_are_listed_and_filtered(ask: Ask) -> None:
    found = get(ask)
    assert [row["sample"] for row in found["data"]] == ["item-a", "item-b"]
    assert (found["total"], found["items"], found["failures"]) == (2, 3, 3)
    assert [row["offer"] for row in found["offers"]] == [ONE, TWO] and len(found["clusters"]) == 1
    assert not found["is_outdated"] and found["problems"] == [] == found["tags"]
    assert [row["sample"] for row in get(ask, offer=TWO)["data"]] == ["item-a"]
    assert [row["sample"] for row in get(ask, only_fails_here="1")["data"]] == ["item-b"]
    assert get(ask, kind="cut_off")["total"] == 0
    page = get(ask, limit="1", offset="1")
    assert [row["sample"] for row in page["data"]] == ["item-b"] and page["total"] == 2


def test_one_case_whole(ask: Ask) -> None:
    row = get(ask, "/api/cases/one", sample="-a")
    assert row["task"] == "mood" and [each["offer"] for each in row["answers"]] == [ONE, TWO]


def test_notes_are_put_and_found_again(ask: Ask) -> None:
    body = {"task": "mood", "sample": "-b", "note": "odd", "add_tags": ["late"]}
    made = ask("POST", "/api/cases/notes", json=body)
    assert made.json() == {
        **{"task": "mood", "sample": "item-b", "offer": ""},
        **{"tags": ["late"], "note": "odd"},
    }
    assert [row["note"] for row in get(ask, tag="late")["data"]] == ["odd"]
    assert get(ask)["tags"] == ["late"]
    assert "odd" in get(ask, "/api/cases/report")["html"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"task": "moot"}, "did you mean"),
        ({"offer": "shop/x"}, f"known: {ONE}, {TWO}"),
        ({"kind": "wrong_labl"}, "did you mean 'wrong_label'"),
        ({"tag": "late"}, "no tag is called 'late'; known: none"),
    ],
)
def test_unknown_names_are_told(ask: Ask, query: dict[str, str], told: str) -> None:
    answer = ask("GET", "/api/cases", params={"task": "mood", **query})
    assert answer.status_code == 400 and told in answer.json()["error"]["message"]


def test_the_report_in_two_languages(ask: Ask) -> None:
    html = get(ask, "/api/cases/report", cases="1")["html"]
    assert html.startswith("<!doctype html>") and html.count("<article>") == 1
    assert "not weighed to the end" in html
    assert "案例分析" in get(ask, "/api/cases/report", language="zh")["html"]


def test_a_case_becomes_an_item(ask: Ask, control: Control) -> None:
    body = {"task": "mood", "sample": "-a", "input": "Is it not?", "reference": "no"}
    made = ask("POST", "/api/cases/promote", json=body)
    assert made.status_code == 201 and made.json()["item"].startswith("mood-")
    assert get(ask)["is_outdated"]
    again = ask("POST", "/api/cases/promote", json=body)
    assert again.status_code == 400 and "already" in again.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/cases", {}),
        ("/api/cases", {"task": "moot"}),
        ("/api/cases", {"task": "mood", "offer": "none"}),
        ("/api/cases", {"task": "mood", "limit": "-1"}),
        ("/api/cases/one", {"task": "mood", "sample": "none"}),
        ("/api/cases/report", {"task": "mood", "language": "fr"}),
    ],
)
def test_wrong_questions_are_refused(ask: Ask, path: str, query: dict[str, str]) -> None:
    assert ask("GET", path, params=query).status_code == 400 or query.get("task") == "moot"
    assert ask("GET", path, params=query).status_code >= 400


def test_answers_are_for_admins_and_reach_no_log(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        assert SECRET in str(get(ask))
        for method, path in (
            ("GET", "/api/cases?task=mood"),
            ("GET", "/api/cases/one?task=mood&sample=item-a"),
            ("GET", "/api/cases/report?task=mood"),
            ("POST", "/api/cases/notes"),
            ("POST", "/api/cases/promote"),
        ):
            refused = ask(method, path, token="sk-of-a-tenant")  # noqa: S106 - none
            assert refused.status_code == 401 and SECRET not in refused.text
    assert SECRET not in caplog.text
