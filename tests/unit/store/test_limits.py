"""Limits: exact, and their ids outlive a changed amount."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from steelyard.domain.budgets import Period, Unit
from steelyard.store import accounts, limits, revisions
from steelyard.store.revisions import Change
from steelyard.store.schema import API, FILE

NS = 10**9
NOON_NS = 1_770_000_000 * NS


def step(tx: Connection, at_ns: int = NOON_NS) -> Change:
    return revisions.begin(tx, at_ns, "test", "a test")


class TestLimits:
    @pytest.fixture(autouse=True)
    def account(self, tx: Connection) -> None:
        accounts.add(tx, step(tx), None, "acme", API)

    def test_an_amount_beyond_64_bits_survives(self, tx: Connection) -> None:
        year = limits.Terms(Unit.MONEY, 10**25 + 1, Period.TOTAL, "CNY", "Asia/Shanghai")
        limits.replace(tx, step(tx), "account:acc_1", [year], API)
        (stored,) = limits.of_scope(tx, "account:acc_1")
        assert stored.limit.amount == 10**25 + 1
        assert stored.limit.zone == "Asia/Shanghai"

    def test_a_changed_amount_keeps_the_id_and_another_period_does_not(
        self, tx: Connection
    ) -> None:
        day = limits.Terms(Unit.MONEY, 5, Period.DAY, "CNY")

        def put(*terms: limits.Terms) -> list[int]:
            limits.replace(tx, step(tx), "account:acc_1", terms, API)
            return [s.limit.limit_id for s in limits.of_scope(tx, "account:acc_1")]

        assert put(day) == [1]
        assert put(day._replace(amount=9)) == [1]
        assert put(day._replace(period=Period.MONTH)) == [2]
        assert put() == []

    def test_the_files_limits_and_the_apis_stand_side_by_side(self, tx: Connection) -> None:
        day = limits.Terms(Unit.MONEY, 5, Period.DAY, "CNY")
        limits.replace(tx, step(tx), "account:acc_1", [day], FILE)
        limits.replace(tx, step(tx), "account:acc_1", [day._replace(amount=3)], API)
        limits.replace(tx, step(tx), "account:acc_1", [], FILE)
        assert [s.limit.amount for s in limits.of_scope(tx, "account:acc_1")] == [3]
        assert limits.currencies(tx) == {"CNY"}
