from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from steelyard.domain.errors import LeaseConflict
from steelyard.domain.money import PICO
from steelyard.store import books
from steelyard.store.books import NS_PER_HOUR, JournalState, Part, Sums
from steelyard.store.database import Database
from steelyard.store.migrate import upgrade
from steelyard.store.schema import metadata

PART = Part("a.parquet", 20_000, 0, 5, 999, 100, 200, 300)


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(tmp_path / "control.db")
    with opened.write() as connection:
        metadata.create_all(connection)
    yield opened
    opened.close()


@pytest.fixture
def connection(database):
    with database.write() as opened:
        yield opened


def test_the_migration_makes_the_same_tables(tmp_path, database):
    migrated = Database(tmp_path / "migrated.db")
    upgrade(migrated)

    def shape(of: Database, table: str):
        inspector = inspect(of.engine)
        columns = [
            (c["name"], str(c["type"]), c["nullable"], c["default"], c["primary_key"])
            for c in inspector.get_columns(table)
        ]
        return columns, sorted(map(str, inspector.get_indexes(table)))

    for table in ("journals", "open_intents", "parts", "days", "balances", "findings", "leases"):
        assert shape(migrated, table) == shape(database, table)
    migrated.close()


@pytest.mark.parametrize("amount", [0, 1, -1, PICO, -PICO, PICO - 1, 10**26 + 7, -(10**26) - 7])
def test_split_amounts_join_again(amount):
    whole, pico = books.split(amount)
    assert 0 <= pico < PICO
    assert books.join(whole, pico) == amount


def test_a_cursor_moves_only_from_where_it_was(connection):
    first = JournalState(7, 1, 100)
    books.advance(connection, None, first)
    moved = JournalState(7, 2, 0, finished_at_ns=9)
    books.advance(connection, first, moved)
    assert books.journal_states(connection) == {7: moved}
    with pytest.raises(LeaseConflict, match="00000007"):
        books.advance(connection, first, moved)


def test_intents_stay_until_they_are_settled(connection):
    books.add_intents(connection, {(7, 1, 1): b"one", (7, 1, 2): b"two", (8, 1, 1): b"other"})
    books.add_intents(connection, {})
    books.drop_intents(connection, [(7, 1, 1)])
    assert list(books.intents(connection, 7)) == [((7, 1, 2), b"two")]


def test_the_manifest_swaps_parts(connection):
    books.add_part(connection, PART)
    books.add_part(
        connection, PART._replace(name="b.parquet", called_min_ns=500, called_max_ns=600)
    )
    old = books.manifest(connection)
    assert [part.name for part in old] == ["a.parquet", "b.parquet"]
    assert [part.name for part in books.manifest(connection, 0, 500)] == ["a.parquet"]
    assert [part.name for part in books.manifest(connection, 201)] == ["b.parquet"]
    merged = PART._replace(name="ab.parquet", level=1, made_at_ns=1000)
    books.replace_parts(connection, old, merged)
    assert [part.name for part in books.manifest(connection)] == ["ab.parquet"]
    with pytest.raises(LeaseConflict):
        books.replace_parts(connection, old, merged._replace(name="again.parquet"))
    assert books.replaced_parts(connection, 1000) == []
    gone = books.replaced_parts(connection, 1001)
    assert {part.name for part in gone} < books.part_names(connection)
    books.forget_parts(connection, gone)
    assert books.part_names(connection) == {"ab.parquet"}


def test_days_close_once(connection):
    books.close_days(connection, [3, 4], at_ns=1)
    assert books.closed_days(connection) == {3, 4}


def test_balances_add_up_past_64_bits_and_below_zero(connection):
    key = ("account:acc_1", 5, "CNY")
    amounts = (9 * 10**6 * PICO + 7, 10**25, -1, -(10**19), PICO - 1, 1)
    for amount in amounts:
        books.add_balances(connection, {key: Sums(amount, -amount, 1, 1, 10, 20)})
    row = connection.execute(select(books.balances)).one()
    assert 0 <= row.cost_pico < PICO and 0 <= row.charge_pico < PICO
    total = sum(amounts)
    assert books.balance(connection, "account:acc_1") == {"CNY": Sums(total, -total, 6, 6, 60, 120)}


def test_balances_are_kept_apart_by_hour_scope_and_currency(connection):
    one = Sums(1, 2, 3, 4, 5, 6)
    books.add_balances(connection, {("s", hour, "CNY"): one for hour in (1, 2, 3)})
    books.add_balances(connection, {("s", 2, "USD"): one, ("other", 2, "CNY"): one})
    books.add_balances(connection, {})
    found = books.balance(connection, "s", 2 * NS_PER_HOUR, 3 * NS_PER_HOUR + 1)
    assert found == {"CNY": one.plus(one), "USD": one}
    assert books.balance(connection, "nobody") == {}


def test_leases_are_consumed_exactly_and_unknown_ones_told(connection):
    connection.execute(
        books.leases.insert().values(
            lease_id=5,
            scope="account:acc_1",
            unit="money",
            window_begin_ns=0,
            window_end_ns=9,
            incarnation=7,
            currency="CNY",
            granted_whole=1,
            granted_pico=0,
        )
    )
    for amount in (PICO - 1, 2, -5):
        assert books.consume(connection, {5: amount, 6: 1}) == [6]
    row = connection.execute(select(books.leases)).one()
    assert books.join(row.consumed_whole, row.consumed_pico) == PICO - 4


def test_findings_are_kept(connection):
    books.add_finding(connection, 1, 7, "stray", "c-7-1-1")
    assert tuple(connection.execute(select(books.findings)).one()) == (1, 1, 7, "stray", "c-7-1-1")
