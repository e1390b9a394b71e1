"""Vendors over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_vendors_are_listed_with_what_channels_need(ask: Callable[..., Any]) -> None:
    rows = {row["name"]: row for row in ask("GET", "/api/vendors").json()["data"]}
    assert rows["anthropic"]["credential_header"] == "x-api-key"
    assert "local" not in rows


def test_one_can_be_asked_for(ask: Callable[..., Any]) -> None:
    (row,) = ask("GET", "/api/vendors?name=azure-openai").json()["data"]
    assert row["parameters"] == {"resource": "name of the Azure OpenAI resource"}
    missing = ask("GET", "/api/vendors?name=nobody")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
