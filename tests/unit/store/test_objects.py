"""Objects: history, ownership, and names that the file may claim."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from steelyard.domain.errors import Forbidden
from steelyard.store import objects, revisions
from steelyard.store.revisions import Change
from steelyard.store.schema import API, FILE

NS = 10**9
NOON_NS = 1_770_000_000 * NS


def step(tx: Connection, at_ns: int = NOON_NS) -> Change:
    return revisions.begin(tx, at_ns, "test", "a test")


class TestObjects:
    def test_a_change_ends_the_old_row_and_keeps_it(self, tx: Connection) -> None:
        first = step(tx)
        assert objects.put(tx, first, "channel", "a", {"x": 1}, managed_by=API)
        assert not objects.put(tx, step(tx), "channel", "a", {"x": 1}, managed_by=API)
        second = step(tx)
        assert objects.put(tx, second, "channel", "a", {"x": 2}, managed_by=API)
        assert objects.current(tx, "channel")["a"].body == {"x": 2}
        rows = tx.execute(text("SELECT revision_from, revision_to FROM objects ORDER BY 1"))
        assert [tuple(row) for row in rows] == [
            (first.revision, second.revision),
            (second.revision, None),
        ]

    def test_only_the_file_changes_what_the_file_manages(self, tx: Connection) -> None:
        objects.put(tx, step(tx), "channel", "a", {"x": 1}, managed_by=FILE)
        with pytest.raises(Forbidden, match="managed by steelyard.yaml"):
            objects.put(tx, step(tx), "channel", "a", {"x": 2}, managed_by=API)
        with pytest.raises(Forbidden, match="managed by steelyard.yaml"):
            objects.retire(tx, step(tx), "channel", "a", API)

    def test_what_vanished_from_the_file_ends_and_the_rest_is_left_alone(
        self, tx: Connection
    ) -> None:
        objects.put(tx, step(tx), "channel", "mine", {"x": 0}, managed_by=API)
        assert objects.replace_managed(tx, step(tx), "channel", {"a": {"x": 1}, "b": {"x": 2}})
        assert objects.replace_managed(tx, step(tx), "channel", {"b": {"x": 2}})
        assert not objects.replace_managed(tx, step(tx), "channel", {"b": {"x": 2}})
        assert set(objects.current(tx, "channel")) == {"b", "mine"}

    def test_the_file_may_claim_a_name(self, tx: Connection) -> None:
        objects.put(tx, step(tx), "channel", "a", {"x": 1}, managed_by=API)
        assert objects.replace_managed(tx, step(tx), "channel", {"a": {"x": 1}})
        assert objects.current(tx, "channel")["a"].managed_by == FILE


def test_the_history_of_some_names_only(tx: Connection) -> None:
    change = revisions.begin(tx, NOON_NS, "test", "a test")
    for name in ("a", "b"):
        objects.put(tx, change, "offer", name, {"n": name}, managed_by=API)
    assert set(objects.history(tx, "offer")) == {"a", "b"}
    assert set(objects.history(tx, "offer", {"b", "c"})) == {"b"}


def test_when_names_came_into_being_also_those_that_are_gone(tx: Connection) -> None:
    first = revisions.begin(tx, NOON_NS, "test", "a test")
    for name in ("a", "b"):
        objects.put(tx, first, "offer", name, {"n": 1}, managed_by=API)
    second = revisions.begin(tx, NOON_NS, "test", "a test")
    objects.put(tx, second, "offer", "a", {"n": 2}, managed_by=API)
    objects.retire(tx, second, "offer", "b", API)
    assert objects.first_revisions(tx, "offer") == {"a": first.revision, "b": first.revision}
