"""Accounts, keys and limits over the API; mistakes are in ``tests/integration``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steelyard.control.api import accounts as api
from steelyard.control.control import Control
from steelyard.store import keys


def test_accounts_show_their_limits_and_how_far_they_are_used(ask: Callable[..., Any]) -> None:
    (row,) = ask("GET", "/api/accounts").json()["data"]
    assert row["path"] == "acme"
    assert (row["limits"][0]["text"], row["limits"][0]["used"]) == ("10.00 CNY per day", "0.00")


def test_a_secret_is_shown_once_and_only_its_hash_is_kept(
    ask: Callable[..., Any], control: Control
) -> None:
    made = ask("POST", "/api/keys", json={"account": "acme", "name": "k"}).json()
    assert made["secret"].startswith("sk-")
    assert made["secret"] not in ask("GET", "/api/keys").text
    assert made["secret"].encode() not in control.places.database.read_bytes()
    with control.database.read() as tx:
        assert keys.find(tx, name="k")[0].key_id == made["id"]


def test_keys_come_in_pages(ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_KEYS_SHOWN", 2)
    for name in "abc":
        ask("POST", "/api/keys", json={"account": "acme", "name": name})
    first = ask("GET", "/api/keys").json()
    assert [row["name"] for row in first["data"]] == ["a", "b"]
    assert first["has_more"]
    rest = ask("GET", f"/api/keys?after={first['data'][-1]['id']}").json()
    assert [row["name"] for row in rest["data"]] == ["c"]
    assert not rest["has_more"]
