from __future__ import annotations

import hashlib
from typing import Any

import pytest

from control.api.conftest import Ask
from steelyard.control.control import Control
from steelyard.gateway.keytable import KeyTable
from steelyard.gateway.snapshot import KEYS_FILE

SECRET = b"sk-old"
HASH = hashlib.sha256(SECRET).hexdigest()
ACCOUNT = {"path": "one-api/alice", "limits": [{"money": "0.00 USD", "period": "total"}]}
KEY = {"hash": HASH, "hint": "sk-old…", "account": "one-api/alice", "name": "测试"}


def _batch(**more: Any) -> dict[str, Any]:
    return {"source": "one-api", "accounts": [ACCOUNT], "keys": [KEY], **more}


def test_accounts_and_keys_come_once(ask: Ask, control: Control) -> None:
    taken = ask("POST", "/api/moving", json=_batch())
    assert taken.json() == {"accounts": 2, "keys": 1, "keys_known": 0}
    assert ask("POST", "/api/moving", json=_batch()).json() == {
        "accounts": 0,
        "keys": 0,
        "keys_known": 1,
    }
    (key,) = ask("GET", "/api/keys", params={"account": "one-api/alice"}).json()["data"]
    assert (key["name"], key["hint"], key["managed_by"]) == ("测试", "sk-old…", "api")
    rows = {row["path"]: row for row in ask("GET", "/api/accounts").json()["data"]}
    assert rows["one-api/alice"]["limits"][0]["text"] == "0.00 USD in all"
    log = ask("GET", "/api/audit").json()["data"]
    assert "keys" in [line["subject"] for line in log]


def test_workers_know_the_key(ask: Ask, control: Control) -> None:
    more = {"limits": [{"requests": 5}], "expires_at": "2100-01-01T00:00:00+00:00"}
    ask("POST", "/api/moving", json=_batch(keys=[{**KEY, **more}]))
    control.publisher.prepare()
    table = KeyTable(control.places.snapshot / KEYS_FILE)
    record = table.find(bytes.fromhex(HASH))
    table.close()
    assert record is not None
    assert record.expires_at_ns == 4_102_444_800 * 10**9
    assert len(record.meters) == 1


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (_batch(accounts=[{"path": "One API"}]), "lower-case letters"),
        (_batch(accounts=[{"path": "a//b"}]), "lower-case letters"),
        (_batch(accounts=[{"path": "weighing"}]), "steelyard's own"),
        (_batch(accounts=[{"path": "a", "policy": "none"}]), "no policy is called 'none'"),
        (_batch(accounts=[]), "no account 'one-api/alice'"),
        (_batch(keys=[{**KEY, "hash": "00"}]), "keys.0.hash"),
        (_batch(keys=[{**KEY, "name": ""}]), "keys.0.name"),
        (_batch(keys=[{**KEY, "limits": [{"money": "5"}]}]), "keys.0.limits.0"),
        (_batch(source="One API"), "source"),
    ],
)
def test_what_is_refused_leaves_nothing(ask: Ask, batch: dict[str, Any], words: str) -> None:
    refused = ask("POST", "/api/moving", json=batch)
    assert refused.status_code == 400
    assert words in refused.json()["error"]["message"]
    assert len(ask("GET", "/api/accounts").json()["data"]) == 1


def test_only_the_admin_may(ask: Ask) -> None:
    assert ask("POST", "/api/moving", token="wrong", json=_batch()).status_code == 401
