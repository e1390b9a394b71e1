from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from cli.conftest import as_json
from steelyard.cli import place
from steelyard.supervisor.engines import STATE_FILE, read_stopped

SMALL = "smollm2-135m-instruct"


def test_list_works_without_a_server(run: Callable[..., Result]) -> None:
    rows = as_json(run("models", "list", "--json"))
    assert [row["alias"] for row in rows] == ["small", "medium", "large"]
    assert not any(row["is_present"] for row in rows)
    assert "to fetch" in run("models", "list").stdout


def test_list_tells_what_runs_and_what_was_stopped(run: Callable[..., Result], home: Path) -> None:
    place.runtime().mkdir(parents=True)
    try:
        (place.runtime() / STATE_FILE).write_text(
            f'{{"{SMALL}": {{"state": "up"}}, "mine": {{"state": "down", "detail": "no file"}}}}'
        )
        rows = {row["name"]: row for row in as_json(run("models", "list", "--json"))}
        assert rows[SMALL]["state"] == "up"
        assert rows["mine"]["state"] == "down"
        run("models", "stop", "small")
        rows = {row["name"]: row for row in as_json(run("models", "list", "--json"))}
        assert rows[SMALL]["state"] == "stopped"
    finally:
        (place.runtime() / STATE_FILE).unlink()
        place.runtime().rmdir()


def test_stop_and_start_by_alias(run: Callable[..., Result], home: Path) -> None:
    assert "steelyard models start smollm2" in run("models", "stop", "small").stdout
    assert read_stopped(home) == {SMALL}
    assert run("models", "start", SMALL).stdout == f"{SMALL} starts\n"
    assert read_stopped(home) == frozenset()


def test_unknown_model_is_refused_with_the_nearest_name(run: Callable[..., Result]) -> None:
    result = run("models", "pull", "smol")
    assert result.exit_code == 1
    assert "known:" in str(result.exception)
