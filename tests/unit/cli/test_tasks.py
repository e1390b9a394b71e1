from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.config.load import load
from steelyard.control.configuration import resolve
from steelyard.domain.errors import ConfigError, StoreUnavailable

Run = Callable[..., Result]
LOG = Path(__file__).parents[2] / "fixtures" / "imports" / "sums.eval"


@pytest.fixture
def down(api: FakeApi) -> FakeApi:
    api.is_up = False
    return api


def error(result: Result) -> str:
    assert isinstance(result.exception, ConfigError), result.output
    return result.exception.message


def test_tasks_are_listed_by_scenario_and_language(run: Run) -> None:
    rows = as_json(run("tasks", "list", "--json", "--scenario", "after-sales"))
    assert [row["task"] for row in rows] == [
        "after-sales/intent-zh",
        "after-sales/slots-zh",
        "bank/intent",
    ]
    assert rows[2]["items"] == 250
    result = run("tasks", "list", "--language", "en-zh")
    assert "translation/en-zh" in result.stdout and "bank/intent" not in result.stdout
    assert "did you mean after-sales" in error(run("tasks", "list", "--scenario", "aftersales"))


def test_coverage_names_the_holes(run: Run) -> None:
    result = run("tasks", "coverage")
    assert "every scenario has tasks in both" in result.stdout
    rows = {row["scenario"]: row for row in as_json(run("tasks", "coverage", "--json"))}
    assert rows["role-play"]["holes"] == []
    assert rows["after-sales"]["tasks"]["en"] == ["bank/intent"]


def test_a_task_is_shown_and_its_items_only_when_asked_for(run: Run) -> None:
    result = run("tasks", "show", "data-sql", "--language", "zh")
    assert result.exit_code == 0, result.output
    assert "task: data/sql-zh" in result.stdout and "{input}" in result.stdout
    assert "SELECT" not in result.stdout
    assert "=> SELECT" in run("tasks", "show", "data/sql-zh", "--items", "1").stdout
    told = as_json(run("tasks", "show", "bank-intent", "--json"))
    assert told["licences"] == ["CC-BY-4.0"] and "samples" not in told
    assert (
        len(as_json(run("tasks", "show", "bank/intent", "--json", "--items", "2"))["samples"]) == 2
    )


def test_the_issue_s_own_command_works(run: Run, home: Path, api: FakeApi) -> None:
    api.answers["POST /api/config/apply"] = {}
    result = run("tasks", "add", "after-sales-intent", "--floor", "0.85")
    assert result.exit_code == 0, result.output
    assert "also there: bank/intent (--language en)" in result.stdout
    assert api.asked[0][1] == "/api/config/apply"
    config = load(home / "steelyard.yaml", {}, resolve.RULES)
    task = config.tasks["after-sales/intent-zh"]
    assert task is not None and str(task.floor) == "0.85"
    path = home / "sets" / "after-sales-intent-zh.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "speaks of the task" in error(run("tasks", "add", "after-sales-intent"))


def test_a_copy_may_have_another_name_and_be_shown_first(
    run: Run, home: Path, down: FakeApi
) -> None:
    result = run("tasks", "add", "bank/intent", "--as", "mine/intent", "--dry-run")
    assert "mine/intent:" in result.stdout
    assert list(home.iterdir()) == []
    assert run("tasks", "add", "bank/intent", "--as", "mine/intent").exit_code == 0
    rows = as_json(run("tasks", "list", "--json", "--scenario", "after-sales"))
    assert "mine/intent" in [row["task"] for row in rows]


def test_a_judged_task_says_what_is_missing(run: Run, down: FakeApi) -> None:
    assert "name the offer that judges" in run("tasks", "add", "office/open-questions").stdout


@pytest.mark.parametrize("floor", ["high", "0", "1.5", "nan"])
def test_a_floor_that_is_none_is_refused(run: Run, floor: str) -> None:
    assert "--floor" in error(run("tasks", "add", "bank/intent", "--floor", floor))


def test_tests_of_another_program_become_tasks(run: Run, home: Path, down: FakeApi) -> None:
    first = run("tasks", "import", str(LOG), "--from", "inspect", "--dry-run")
    assert "sums: 2 items, grader number" in first.stdout and "told, not taken" in first.stdout
    assert list(home.iterdir()) == []
    (row,) = as_json(run("tasks", "import", str(LOG), "--from", "inspect", "--json"))
    assert (row["task"], row["items"], row["faults"], row["written"]) == ("sums", 2, 0, True)
    assert "task: sums" in run("tasks", "show", "sums").stdout
    assert "speaks of the task" in error(run("tasks", "import", str(LOG), "--from", "inspect"))
    again = run("tasks", "import", str(LOG), "--from", "inspect", "--name", "a/sums")
    assert again.exit_code == 0, again.output
    assert (home / "sets" / "a-sums.jsonl").exists()


def test_what_is_left_out_of_a_whole_file_is_told_once(
    run: Run, tmp_path: Path, down: FakeApi
) -> None:
    tests = [{"assert": [{"type": kind, "value": "a"}]} for kind in ("equals", "icontains")]
    tests.append({"assert": [{"type": "javascript", "value": "1"}]})
    file = tmp_path / "promptfooconfig.yaml"
    file.write_text(json.dumps({"description": "q", "prompts": ["x", "y"], "tests": tests}))
    shown = run("tasks", "import", str(file), "--from", "promptfoo", "--dry-run").stdout
    assert "q-exact: 1 item," in shown and "q-contains: 1 item," in shown
    assert shown.count("further prompts left out") == shown.count("javascript") == 1


def test_two_tasks_of_one_name_are_not_mixed_up(run: Run, tmp_path: Path, down: FakeApi) -> None:
    (tmp_path / "s.jsonl").write_text('{"input": "x", "ideal": "y"}\n')
    spec = {n: {"class": "x:Match", "args": {"samples_jsonl": "s.jsonl"}} for n in ("a.b", "a-b")}
    (tmp_path / "r.yaml").write_text(json.dumps(spec))
    result = run("tasks", "import", str(tmp_path / "r.yaml"), "--from", "openai-evals")
    assert "two tasks would be called a-b" in error(result)


def test_a_set_is_checked_line_by_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("id,input,reference\na,1+1?,2\na,x,y\nb,2+2?,four\n")
    result = run("tasks", "check", str(path))
    assert result.exit_code == 1
    assert "line 3: the id a occurs twice\n2 items, 1 fault," in result.stdout
    result = run("tasks", "check", str(path), "--grader", "number", "--json")
    assert result.exit_code == 1
    assert [fault["where"] for fault in json.loads(result.stdout)["faults"]] == ["line 3", "b"]
    path.write_text("id,input,reference\na,1+1?,2\n")
    assert run("tasks", "check", str(path)).exit_code == 0
    assert "a set ends in" in error(run("tasks", "check", str(tmp_path / "mine.xlsx")))


def test_a_table_is_written_as_jsonl_and_nothing_over_it(run: Run, tmp_path: Path) -> None:
    table, lines = tmp_path / "mine.csv", tmp_path / "mine.jsonl"
    table.write_text("nr,q,reference\na,1+1?,2\na,x,y\n")
    (tmp_path / "mine.csv.yaml").write_text("columns: {id: nr, input: q}\n")
    result = run("tasks", "convert", str(table), "--to", str(lines))
    assert result.exit_code == 0, result.output
    assert f"{lines}: 1 item, 1 left out" in result.stdout
    assert "line 3: the id a occurs twice" in result.stderr
    assert json.loads(lines.read_text()) == {"id": "a", "input": "1+1?", "reference": "2"}
    assert lines.stat().st_mode & 0o777 == 0o600
    assert "is there already" in error(run("tasks", "convert", str(table), "--to", str(lines)))
    (tmp_path / "other.jsonl.yaml").write_text("columns: {input: q}\n")
    other = tmp_path / "other.jsonl"
    assert "is there already" in error(run("tasks", "convert", str(table), "--to", str(other)))
    assert not other.exists()
    assert "end in .jsonl" in error(run("tasks", "convert", str(table), "--to", "x.csv"))
    assert "a set ends in" in error(run("tasks", "convert", "x.xlsx", "--to", str(other)))
    lost = run("tasks", "convert", str(table), "--to", str(tmp_path / "no" / "x.jsonl"))
    assert isinstance(lost.exception, StoreUnavailable)


def test_many_faults_are_counted_not_listed(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"id": "a", "input": "x", "reference": "y"}\n' + "{\n" * 60)
    assert "… and 10 more" in run("tasks", "check", str(path)).stdout


def test_a_file_with_mistakes_leaves_the_shipped_tasks(run: Run, home: Path) -> None:
    (home / "steelyard.yaml").write_text("listne: x\n")
    result = run("tasks", "list")
    assert result.exit_code == 0
    assert "shipped tasks only" in result.output and "bank/intent" in result.stdout
