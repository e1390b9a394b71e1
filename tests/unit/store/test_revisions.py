"""Revisions and the audit log."""

from __future__ import annotations

from sqlalchemy import Connection

from steelyard.store import revisions
from steelyard.store.revisions import Change

NS = 10**9
NOON_NS = 1_770_000_000 * NS


def step(tx: Connection, at_ns: int = NOON_NS) -> Change:
    return revisions.begin(tx, at_ns, "test", "a test")


def test_the_audit_log_says_who_did_what(tx: Connection) -> None:
    change = step(tx)
    revisions.note(tx, change, "add", "account/acc_1", name="acme")
    (line,) = revisions.audit_lines(tx, 10)
    assert (line["actor"], line["action"], line["detail"]) == ("test", "add", '{"name": "acme"}')
    assert revisions.latest(tx) == change.revision


def test_the_times_of_revisions_by_number(tx: Connection) -> None:
    first, second = step(tx), step(tx, NOON_NS + 5)
    found = revisions.times(tx, {first.revision, second.revision, 99})
    assert found == {first.revision: NOON_NS, second.revision: NOON_NS + 5}
