"""Captured requests over the API: for admins alone, and each reading is in the audit log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from steelyard.control.control import Control
from steelyard.store import accounts
from steelyard.store.revisions import audit_lines


def test_draw_and_delete(ask: Callable[..., Any], control: Control) -> None:
    body = {"messages": [{"role": "user", "content": "call 13812345678"}]}
    with control.database.read() as connection:
        account_id = accounts.tree(connection).id_by_path["acme"]
    for _ in range(2):
        control.captures.take([account_id, "open", "", "m", json.dumps(body).encode()], 10**18)
    asyncio.run(control.captures.keep_once())
    found = ask("GET", "/api/captures").json()
    assert found["data"] == [{"account": "acme", "task": "", "day": "2001-09-09", "requests": 2}]
    assert found["dropped"] == {}
    drawn = ask("POST", "/api/captures/draw", json={"account": "acme", "items": 9}).json()
    assert drawn["policy"] == "open"
    (item,) = drawn["data"]
    assert item["messages"][0]["content"] == "call [PHONE_1]"
    gone = ask("POST", "/api/captures/delete", json={"account": "acme"}).json()
    assert gone == {"account": "acme", "deleted": 2}
    refused = ask("POST", "/api/captures/draw", json={"account": "acme"})
    assert refused.status_code in (400, 422) and "captures" in refused.json()["error"]["message"]
    assert ask("GET", "/api/captures", token="sk-other").status_code == 401
    with control.database.read() as connection:
        subjects = [(line["action"], line["subject"]) for line in audit_lines(connection, 2)]
    assert subjects == [("deleted", "captures/acme"), ("drawn", "captures/acme")]
