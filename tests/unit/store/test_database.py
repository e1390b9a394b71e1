"""The database file: who waits for whom, and what a failure looks like."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from steelyard.domain.errors import SchemaMismatch, StoreUnavailable
from steelyard.store.database import Database


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(tmp_path / "c.db", busy_timeout_s=0.05)
    with opened.write() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    yield opened
    opened.close()


def test_the_file_is_its_owners_alone(database: Database) -> None:
    assert stat.S_IMODE(database.path.stat().st_mode) == 0o600


def test_a_write_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
        raise ZeroDivisionError
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM t")) == 0


def test_readers_see_one_state_and_do_not_wait(database: Database) -> None:
    with database.read() as reader:
        assert reader.scalar(text("SELECT count(*) FROM t")) == 0
        with database.write() as writer:
            writer.execute(text("INSERT INTO t VALUES (1)"))
        assert reader.scalar(text("SELECT count(*) FROM t")) == 0
    with database.read() as reader:
        assert reader.scalar(text("SELECT count(*) FROM t")) == 1


def test_a_locked_database_is_unavailable_and_then_works_again(database: Database) -> None:
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="database is locked"), database.write():
        pass
    other.execute("ROLLBACK")
    other.close()
    with database.write() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))


@pytest.mark.parametrize("asked", ["SELECT newer FROM t", "SELECT 1 FROM newer"])
def test_tables_of_an_earlier_steelyard_say_what_brings_them_up_to_date(
    database: Database, asked: str
) -> None:
    with (
        pytest.raises(SchemaMismatch, match=r"earlier steelyard .*newer.*: steelyard serve"),
        database.read() as connection,
    ):
        connection.execute(text(asked))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot write"):
        Database(tmp_path / "none" / "c.db")


def test_parameters_stay_out_of_errors(database: Database) -> None:
    with pytest.raises(Exception, match="t_none") as caught, database.read() as connection:
        connection.execute(text("SELECT * FROM t_none WHERE x = :x"), {"x": "sk-secret"})
    assert "sk-secret" not in str(caught.value)
