from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.conftest import FakeApi
from steelyard.cli import exchange, offline
from steelyard.domain.errors import ConfigError

RATE = {
    **{"id": "ecb-2024-05-17-USD-CNY", "base": "USD", "quote": "CNY", "day": "2024-05-17"},
    **{"value": "29/4", "about": "7.25", "source": "European Central Bank", "is_recorded": True},
}
PATH = "POST /api/exchange/import"


@pytest.fixture
def run(home: Path) -> Callable[..., Result]:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(exchange.app, list(arguments))

    return invoke


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "finance.csv"
    path.write_text("2024-05-17,USD,CNY,7.3\n")
    return path


def test_rates_are_listed_with_day_and_source(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/exchange"] = {"data": [RATE]}
    shown = run("list", "--pair", "USD/CNY", "--since", "2024-05-01").stdout
    assert "2024-05-17" in shown and "7.25" in shown and "European Central Bank" in shown
    assert api.asked[-1][3] == {"pair": "USD/CNY", "since": "2024-05-01"}
    assert json.loads(run("list", "--json").stdout) == [RATE]


def test_without_control_its_files_are_asked(
    run: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.is_up = False
    monkeypatch.setattr(offline, "get", lambda *asked: {"data": [{**RATE, "id": str(asked[2:])}]})
    assert "('/api/exchange', {'pair': 'USD/CNY'})" in run("list", "--pair", "USD/CNY").stdout


def test_a_file_is_sent_as_it_is(run: Callable[..., Result], api: FakeApi, file: Path) -> None:
    api.answers[PATH] = {"ok": True, "rates": 3, "added": 2, "findings": []}
    assert run("import", str(file), "--yes").stdout == "2 rates taken over, 1 known\n"
    sent = api.asked[-1][2]
    assert base64.b64decode(sent.pop("content")) == file.read_bytes()
    assert sent == {
        **{"name": "finance.csv", "dry_run": False},
        **{"is_far_right": True, "is_correction": False},
    }
    api.answers[PATH]["added"] = 3
    assert run("import", str(file), "--correct").stdout == "3 rates taken over\n"
    assert "nothing was taken over" in run("import", str(file), "--dry-run").stdout
    assert api.asked[-1][2]["dry_run"] is True
    assert json.loads(run("import", str(file), "--json").stdout)["added"] == 3


def test_findings_are_told_with_their_lines_and_fail(
    run: Callable[..., Result], api: FakeApi, file: Path
) -> None:
    note: dict[str, Any] = {"kind": "encoding", "message": "read as GB18030", "line": 0}
    wrong = {"kind": "date_bad", "message": "no day", "line": 2, "is_error": True}
    told = {"ok": False, "rates": 1, "added": 0, "findings": [{**note, "is_error": False}, wrong]}
    api.answers[PATH] = told
    result = run("import", str(file))
    assert result.exit_code == 1
    assert f"{file}:2: no day" in result.stderr and "nothing was taken over" in result.stderr
    assert f"{file}: note: read as GB18030" in result.stdout


def test_a_file_that_is_not_there(run: Callable[..., Result], api: FakeApi, tmp_path: Path) -> None:
    result = run("import", str(tmp_path / "none.csv"))
    assert isinstance(result.exception, ConfigError) and "none.csv" in str(result.exception)
    assert not api.asked
