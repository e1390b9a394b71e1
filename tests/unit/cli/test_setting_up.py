from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from cli.conftest import FakeApi, as_json


def test_check_for_programs(run: Callable[..., Result], home: Path) -> None:
    (home / "steelyard.yaml").write_text("workers: many\n")
    result = run("check", "--json")
    assert result.exit_code == 2
    assert '"line": 1' in result.stdout
    good = home / "good.yaml"
    good.write_text("workers: 2\n")
    assert as_json(run("check", str(good), "--json")) == {
        "ok": True,
        "findings": [],
        "warnings": [],
    }
    assert run("check", str(good)).stdout == f"{good}: good\n"


def test_check_warns_of_items_that_are_not_asked(run: Callable[..., Result], home: Path) -> None:
    item = '{"id": "1", "input": "q", "reference": "a"}\n'
    (home / "own.jsonl").write_text(item * 3)
    file = home / "steelyard.yaml"
    file.write_text("tasks: {own: {set: own.jsonl, grader: exact, floor: 0.5, form: {id: v1}}}\n")
    warning = "tasks.own: 2 of 3 items are not asked; line 2: the id 1 occurs twice"
    assert as_json(run("check", "--json"))["warnings"] == [warning]
    said = run("check")
    assert (said.stdout, said.stderr) == (f"{file}: good\n", f"warning: {warning}\n")


def test_apply_tells_what_changed(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["POST /api/config/apply"] = {"revision": 3, "changes": ["offers changed"]}
    assert run("apply").stdout == "offers changed\nrevision 3\n"
    api.answers["POST /api/config/apply"] = {"revision": 3, "changes": []}
    assert run("apply").stdout == "nothing changed\nrevision 3\n"


def test_schema_knows_the_keys(run: Callable[..., Result]) -> None:
    assert "offers" in as_json(run("schema"))["properties"]
