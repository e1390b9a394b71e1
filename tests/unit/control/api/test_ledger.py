"""Questions to the ledger over the API: an empty one here, a real one in ``tests/integration``."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.control.api import ledger


def test_an_empty_ledger_answers(ask: Callable[..., Any]) -> None:
    assert (
        ask("GET", "/api/ledger?by=account,day&account=acme&since=2026-01-01").json()["data"] == []
    )
    assert ask("GET", "/api/ledger/lines?limit=5&model=m&model=n").json()["data"] == []
    assert ask("GET", "/api/calls/c-1-1").status_code == 404


@pytest.mark.parametrize(
    "question", ["by=tea", "since=yesterday", "weather=fine", "account=nobody", "until=2026-13-01"]
)
def test_questions_that_make_no_sense(ask: Callable[..., Any], question: str) -> None:
    answer = ask("GET", f"/api/ledger?{question}")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_an_expired_key_sees_no_calls(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"account": "acme", "name": "k", "expires_at": "2100-01-01T00:00:00Z"}
    made = ask("POST", "/api/keys", json=wanted).json()["secret"]
    assert ask("GET", "/api/calls/c-1-1", token=made).status_code == 404
    year_2100_ns = 4_102_444_800 * 10**9
    monkeypatch.setattr(ledger, "time", SimpleNamespace(time_ns=lambda: year_2100_ns))
    assert ask("GET", "/api/calls/c-1-1", token=made).status_code == 401


def test_a_stranger_sees_no_calls(ask: Callable[..., Any]) -> None:
    made = ask("POST", "/api/keys", json={"account": "acme", "name": "k"}).json()["secret"]
    assert ask("GET", "/api/calls/c-1-1", token="sk-nobody").status_code == 401
    assert ask("GET", "/api/calls/c-1-1", token=made).status_code == 404
    assert ask("GET", "/api/ledger", token=made).status_code == 401
