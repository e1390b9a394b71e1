"""``cases``: what is asked of control, what is printed and written."""

from __future__ import annotations

import csv
import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.domain.errors import ConfigError

Run = Callable[..., Result]
ANSWER: dict[str, Any] = {
    **{"offer": "shop/one", "is_failure": True, "kind": "wrong_label:yes → no", "parts": []},
    **{"grade": "0", "reason": "the reference is yes", "extracted": "no", "answer": "=1+1\x1b[2J"},
    **{"finish_reason": "stop", "output_tokens": 2, "cost_pico": "1000", "currency": "CNY"},
    **{"time_s": 0.5, "model_answered": "m", "call_id": "c", "finished_at": "2026"},
    **{"tags": [], "note": ""},
}
GOOD = {
    **ANSWER,
    "offer": "shop/two",
    "is_failure": False,
    "grade": "1",
    "kind": "",
    "answer": "yes",
}
CASE: dict[str, Any] = {
    **{"sample": "item-a", "input": "Is a so?", "reference": "yes", "labels": ["yes", "no"]},
    **{"choices": [], "failing": ["shop/one"], "only": "shop/one", "is_failed_by_all": False},
    **{"is_disputed": True, "tags": ["late"], "note": "@odd", "answers": [ANSWER, GOOD]},
}
CLUSTER: dict[str, Any] = {
    **{"kind": "wrong_label", "detail": "yes → no", "terms": ["a\x1b"], "is_rest": False},
    **{"failures": 1, "items": 1, "parts": [], "samples": ["item-a"]},
    "offers": {
        "shop/one": {"failures": 1, "share": 1.0},
        "shop/two": {"failures": 0, "share": 0.0},
    },
}
TALLY = {"offer": "shop/one", "asked": 3, "failed": 1, "unscored": 1}
FOUND: dict[str, Any] = {
    **{"data": [CASE], "task": "mood", "title": "Moods", "total": 1, "items": 3, "failures": 1},
    **{"is_outdated": False, "clusters": [CLUSTER], "tags": [], "problems": []},
    "offers": [TALLY, {**TALLY, "offer": "shop/two", "failed": 0, "unscored": 0}],
}


@pytest.fixture(autouse=True)
def _answers(api: FakeApi) -> None:
    api.answers["GET /api/cases"] = FOUND
    api.answers["GET /api/cases/one"] = {"task": "mood", **CASE}
    api.answers["GET /api/cases/report"] = {"task": "mood", "html": "<p>案例\n", "problems": ["x"]}


def test_the_task_alone_lists_its_cases(run: Run, api: FakeApi) -> None:
    result = run("cases", "mood", "--offer", "shop/one", "--only-fails-here", "--tag", "late")
    assert result.exit_code == 0 and "item-a" in result.stdout and "\x1b" not in result.stdout
    assert api.asked == [
        (
            *("GET", "/api/cases", None),
            {"task": "mood", "offer": "shop/one", "tag": "late", "only_fails_here": "1"}
            | {"limit": "10"},
        )
    ]
    assert as_json(run("cases", "list", "mood", "--json")) == FOUND
    assert "Case analysis" in run("cases", "--help").stdout


def test_one_case_is_shown(run: Run, api: FakeApi) -> None:
    shown = run("cases", "show", "mood", "a").stdout
    assert "Is a so?" in shown and "\x1b" not in shown
    assert api.asked[-1][3] == {"task": "mood", "sample": "a"}
    assert as_json(run("cases", "show", "mood", "a", "--json"))["sample"] == "item-a"
    assert "yes" in run("cases", "show", "mood", "a", "--against", "shop/two").stdout
    refused = run("cases", "show", "mood", "a", "--against", "none")
    assert isinstance(refused.exception, ConfigError) and "shop/two did" in str(refused.exception)


def test_the_report_is_written_for_this_user_only(run: Run, api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "cases.html"
    file.write_text("old")
    file.chmod(0o644)
    result = run("cases", "report", "mood", "--out", str(file), "--language", "zh", "--cases", "3")
    assert result.exit_code == 0 and "left out: x" in result.output
    assert file.read_text("utf-8") == "<p>案例\n" and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert api.asked[-1][3] == {"task": "mood", "language": "zh", "cases": "3"}
    result = run("cases", "report", "mood", "--out", str(tmp_path / "no" / "x.html"))
    assert result.exit_code == 1


def test_notes_and_tags_are_put(run: Run, api: FakeApi) -> None:
    made = {"task": "mood", "sample": "item-a", "offer": "shop/one", "tags": ["x"], "note": "n"}
    api.answers["POST /api/cases/notes"] = made
    arguments = ("--tag", "x", "--remove-tag", "y", "--note", "n", "--offer", "shop/one")
    assert "item-a (shop/one)\n#x n" in run("cases", "note", "mood", "a", *arguments).stdout
    assert api.asked[-1][2] == {
        **{"task": "mood", "sample": "a", "offer": "shop/one", "note": "n"},
        **{"add_tags": ["x"], "remove_tags": ["y"]},
    }
    assert as_json(run("cases", "note", "mood", "a", "--json")) == made
    assert api.asked[-1][2]["note"] is None


def test_a_case_becomes_an_item_and_stale_verdicts_are_told(run: Run, api: FakeApi) -> None:
    made = {"task": "mine", "set": "/x/mine.jsonl", "item": "mine-1"}
    api.answers["POST /api/cases/promote"] = made
    shown = run("cases", "promote", "mood", "a", "--to", "mine", "--input", "q").stdout
    assert "mine-1 added" in shown and "verdicts on mine are stale" in shown
    assert api.asked[-1][2] == {"task": "mood", "sample": "a", "to_task": "mine", "input": "q"}
    assert as_json(run("cases", "promote", "mood", "a", "--json")) == made


def test_export_as_jsonl_fetches_page_after_page(run: Run, api: FakeApi, tmp_path: Path) -> None:
    api.answers["GET /api/cases"] = {**FOUND, "total": 3}
    lines = run("cases", "export", "mood").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [CASE] * 3
    offsets = [query["offset"] for *_, query in api.asked if query]
    assert offsets == ["0", "1", "2"]
    file = tmp_path / "out.jsonl"
    run("cases", "export", "mood", "--limit", "1", "--out", str(file))
    assert json.loads(file.read_text("utf-8")) == CASE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_half_a_surrogate_pair_is_exported_as_its_code(
    run: Run, api: FakeApi, tmp_path: Path
) -> None:
    odd = {**CASE, "input": "x\ud800"}
    api.answers["GET /api/cases"] = {**FOUND, "data": [odd], "total": 1}
    file = tmp_path / "odd.jsonl"
    assert run("cases", "export", "mood", "--out", str(file)).exit_code == 0
    assert json.loads(file.read_bytes()) == odd
    assert json.loads(run("cases", "export", "mood").stdout) == odd


def test_no_cell_of_the_csv_is_a_formula(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    run("cases", "export", "mood", "--format", "csv", "--out", str(file))
    assert not file.read_bytes().startswith(b"\xef\xbb\xbf")
    text = file.read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["offer"] for row in rows] == ["shop/one", "shop/two"]
    assert rows[0]["answer"] == "'=1+1\x1b[2J" and rows[0]["note"] == "'@odd"
    assert rows[0]["tags"] == "late" and rows[0]["is_failure"] == "true"
    assert not [
        cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r\n") - {""}
    ]


def test_structures_become_json_in_a_cell(run: Run, api: FakeApi) -> None:
    odd = {**CASE, "reference": {"x": "1"}, "answers": [{**ANSWER, "grade": None, "answer": "\0"}]}
    api.answers["GET /api/cases"] = {**FOUND, "data": [odd]}
    text = run("cases", "export", "mood", "--format", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["reference"] == '{"x": "1"}' and row["grade"] == "" and row["answer"] == "\ufffd"
