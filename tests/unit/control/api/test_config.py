"""Configuration and state over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from steelyard.control.control import Control


def test_the_state_of_the_whole(ask: Callable[..., Any], control: Control) -> None:
    control.ledger_problem = "the disk is full"
    state = ask("GET", "/api/status").json()
    assert (state["offers"], state["keys"], state["workers"]) == (1, 0, [])
    assert state["ledger_problem"] == "the disk is full"


def test_a_change_is_applied_on_demand(ask: Callable[..., Any], control: Control) -> None:
    text = control.places.config.read_text()
    control.places.config.write_text(text.replace("2.5 CNY", "3 CNY"))
    applied = ask("POST", "/api/config/apply").json()
    assert applied["changes"] == ["offers changed"]
    assert ask("POST", "/api/config/apply").json()["changes"] == []
    assert ask("GET", "/api/config").json()["problem"] == ""


def test_the_schema_is_for_editors(ask: Callable[..., Any]) -> None:
    assert ask("GET", "/api/config/schema").json()["title"] == "steelyard.yaml"


def test_the_audit_log_is_there(ask: Callable[..., Any]) -> None:
    rows = ask("GET", "/api/audit").json()["data"]
    assert {"add", "put"} <= {row["action"] for row in rows}
    assert {row["actor"] for row in rows} <= {"file", "seed"}
