"""``steelyard audit``: one line when all is well; what differs, and exit code 1, when not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.cli import offline

PATH = "GET /api/ledger/recompute"
SOUND: dict[str, Any] = {
    "lines": 9,
    "equal": 5,
    "nothing_used": 2,
    "unpriced": 1,
    "adjustments": 1,
    "findings": [],
}
WRONG = {"attempt_id": "c-1-2-1", "what": "books 3 pico-units, its rates say 2"}


def test_a_clean_bill(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers[PATH] = SOUND
    result = run("audit")
    assert result.exit_code == 0
    assert result.stdout.startswith("9 lines: 5 follow from their rates to the last digit")
    assert as_json(run("audit", "--json")) == SOUND


def test_a_line_that_differs_is_shown_and_fails(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers[PATH] = {**SOUND, "findings": [WRONG]}
    result = run("audit")
    assert result.exit_code == 1
    assert "c-1-2-1" in result.stdout and WRONG["what"] in result.stdout
    assert run("audit", "--json").exit_code == 1


def test_it_works_without_a_server(
    run: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.is_up = False
    monkeypatch.setattr(offline, "get", lambda *_: SOUND)
    assert run("audit").exit_code == 0
