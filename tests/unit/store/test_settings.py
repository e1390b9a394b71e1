"""Settings."""

from __future__ import annotations

from sqlalchemy import Connection

from steelyard.store import revisions, settings
from steelyard.store.revisions import Change

NS = 10**9
NOON_NS = 1_770_000_000 * NS


def step(tx: Connection, at_ns: int = NOON_NS) -> Change:
    return revisions.begin(tx, at_ns, "test", "a test")


def test_settings_are_any_json(tx: Connection) -> None:
    settings.put(tx, "engines", [{"name": "m"}])
    settings.put(tx, "engines", [])
    assert settings.get(tx, "engines") == []
    assert settings.get(tx, "none", 3) == 3
