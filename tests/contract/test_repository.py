"""What every store must promise; SQLite today, and whoever joins later meets the same suite.

The nouns' own tests are in ``tests/unit/store``; here stands what bills and budgets rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from steelyard.domain.budgets import Period, Unit
from steelyard.store import accounts, books, leases, limits, prices, revisions
from steelyard.store.database import Database
from steelyard.store.leases import StoredLease
from steelyard.store.migrate import upgrade
from steelyard.store.schema import API

NOON_NS = 1_770_000_000 * 10**9


@pytest.fixture(params=["sqlite"])
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "control.db")
    upgrade(opened)
    yield opened
    opened.close()


def step(tx: Connection) -> revisions.Change:
    return revisions.begin(tx, NOON_NS, "test", "a test")


def test_rates_cannot_be_edited_or_deleted_by_anybody(database: Database) -> None:
    with database.write() as tx:
        price = prices.Terms(0, Fraction(1, 3), "CNY")
        prices.record(tx, step(tx), "o", {"input": [price]})
    for statement in ("UPDATE rates SET numerator = '2'", "DELETE FROM rates"):
        with pytest.raises(IntegrityError, match="superseded, never"), database.write() as tx:
            tx.execute(text(statement))
    with database.read() as tx:
        assert prices.of_offers(tx)["o"][0].amount == Fraction(1, 3)


def test_an_id_is_never_used_again(database: Database) -> None:
    with database.write() as tx:
        first = accounts.add(tx, step(tx), None, "acme", API)
        accounts.retire(tx, step(tx), accounts.tree(tx).by_id[first], API)
    with database.write() as tx:
        assert accounts.add(tx, step(tx), None, "acme", API) != first


def test_amounts_of_any_size_are_exact(database: Database) -> None:
    huge = 10**25 + 7
    with database.write() as tx:
        account = accounts.add(tx, step(tx), None, "acme", API)
        terms = limits.Terms(Unit.MONEY, huge, Period.TOTAL, "CNY")
        limits.replace(tx, step(tx), f"account:{account}", [terms], API)
        lease = StoredLease(0, "account:acc_1", "money", 0, 10, 1, "CNY", huge, 0, None)
        lease_id = leases.add(tx, lease)
        books.consume(tx, {lease_id: huge - 1})
    with database.read() as tx:
        assert limits.of_scope(tx, f"account:{account}")[0].limit.amount == huge
        stored = leases.by_id(tx, lease_id)
        assert stored is not None
        assert (stored.granted, stored.consumed, stored.held) == (huge, huge - 1, 1)


def test_what_fails_in_the_middle_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        accounts.add(tx, step(tx), None, "acme", API)
        raise ZeroDivisionError
    with database.read() as tx:
        assert accounts.tree(tx).by_id == {}
        assert revisions.latest(tx) == 0
