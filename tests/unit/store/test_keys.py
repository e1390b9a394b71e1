"""Keys: used once, found again, streamed in order."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from steelyard.domain.budgets import Period, Unit
from steelyard.domain.errors import InvalidRequest
from steelyard.store import accounts, keys, limits, revisions
from steelyard.store.revisions import Change
from steelyard.store.schema import API

NS = 10**9
NOON_NS = 1_770_000_000 * NS


def step(tx: Connection, at_ns: int = NOON_NS) -> Change:
    return revisions.begin(tx, at_ns, "test", "a test")


def key(tx: Connection, letter: bytes = b"a", name: str = "k", **more: object) -> str:
    new = keys.NewKey(letter * 32, f"sk-{letter.decode()}…", "acc_1", name)
    return keys.add(tx, step(tx), new._replace(**more))


class TestKeys:
    @pytest.fixture(autouse=True)
    def account(self, tx: Connection) -> None:
        accounts.add(tx, step(tx), None, "acme", API)

    def test_a_secret_and_a_name_are_used_once(self, tx: Connection) -> None:
        key(tx)
        with pytest.raises(InvalidRequest, match="is key key_1 already"):
            key(tx, name="other")
        with pytest.raises(InvalidRequest, match="has a key 'k' already"):
            key(tx, b"b")

    def test_a_name_is_free_again_after_its_key_was_revoked(self, tx: Connection) -> None:
        key(tx)
        (old,) = keys.find(tx, name="k")
        assert keys.revoke(tx, step(tx), old, API)
        (old,) = keys.find(tx, name="k")
        assert not keys.revoke(tx, step(tx), old, API)
        assert key(tx, b"b") == "key_2"
        assert keys.revoked_since(tx, NOON_NS) == [b"a" * 32]

    def test_only_live_keys_are_streamed_by_hash_with_their_limits(self, tx: Connection) -> None:
        key(tx, b"c", "c")
        key(tx, b"a", "a")
        key(tx, b"b", "b", expires_at_ns=NOON_NS - 1)
        key(tx, b"d", "d")
        keys.revoke(tx, step(tx), keys.find(tx, name="d")[0], API)
        day = limits.Terms(Unit.MONEY, 10**20, Period.DAY, "CNY")
        minute = limits.Terms(Unit.REQUESTS, 5, Period.MINUTE)
        limits.replace(tx, step(tx), "key:key_2", [day, minute], API)
        streamed = list(keys.live_with_limits(tx, NOON_NS))
        assert [stored.name for stored, _ in streamed] == ["a", "c"]
        assert [limit.amount for limit in streamed[0][1]] == [10**20, 5]
        assert streamed[0][1][0].scope == "key:key_2"
        assert streamed[1][1] == ()

    def test_keys_come_in_pages(self, tx: Connection) -> None:
        for letter in b"abc":
            key(tx, bytes([letter]), chr(letter))
        first = keys.page(tx, "acc_1", None, 2)
        assert [stored.name for stored in first] == ["a", "b"]
        assert [s.name for s in keys.page(tx, None, first[-1].key_id, 2)] == ["c"]

    def test_a_key_is_found_by_id_name_or_the_beginning_of_its_secret(self, tx: Connection) -> None:
        key(tx, hint="sk-abcd…")
        for wanted in ("key_1", "k", "sk-abcdefg"):
            assert [found.key_id for found in keys.matching(tx, wanted)] == ["key_1"]
        assert keys.matching(tx, "key_2") == []

    def test_a_hash_of_another_length_is_refused(self, tx: Connection) -> None:
        with pytest.raises(IntegrityError):
            key(tx, b"aa")
