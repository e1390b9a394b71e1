from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.main import get_command
from typer.testing import CliRunner, Result

from steelyard.cli import place
from steelyard.cli.main import app
from steelyard.domain.errors import StoreUnavailable
from steelyard.supervisor.api import Api


class FakeApi(Api):
    """Answers from a table and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, Any, dict[str, str] | None]] = []
        self.is_up = True

    def call(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> Any:
        self.asked.append((method, path, body, query))
        if not self.is_up:
            raise StoreUnavailable("no steelyard runs on here; start one: steelyard serve")
        return self.answers[f"{method} {path}"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEELYARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "no-such-folder"))
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@cache
def _commands(of: Typer) -> Any:
    return get_command(of)


@pytest.fixture(autouse=True)
def _one_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree of commands is made once: it takes ten times as long as most of them."""
    monkeypatch.setattr("typer.testing._get_command", _commands)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests look at what tables hold, not where their lines are broken."""
    monkeypatch.setattr("steelyard.cli.output._WIDTH_PIPED", 400)


@pytest.fixture
def api(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    fake = FakeApi()
    monkeypatch.setattr(place, "api", lambda: fake)
    return fake


@pytest.fixture
def run(home: Path) -> Callable[..., Result]:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return invoke


def as_json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
