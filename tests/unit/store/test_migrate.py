"""Migrations: they make what the schema says, once, and refuse what is newer."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from steelyard.domain.errors import SchemaMismatch
from steelyard.store import answered, books, case_notes, measurements, orders, probes, schema
from steelyard.store.database import Database
from steelyard.store.migrate import newest_version, upgrade


def test_migrations_make_exactly_the_schemas_tables(tmp_path: Path) -> None:
    own = (answered.answered, probes.probes, case_notes.case_notes, measurements.measurements)
    for table in (books.leases, orders.order_ends, *own):
        assert table.metadata is schema.metadata
    database = Database(tmp_path / "c.db")
    assert upgrade(database)
    with database.read() as connection, warnings.catch_warnings():
        # SQLite cannot reflect the one index over an expression.
        warnings.simplefilter("ignore")
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    database.close()


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "c.db")
    upgrade(database)
    assert not upgrade(database)
    database.close()


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "c.db")
    upgrade(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch, match="made by a newer steelyard"):
        upgrade(database)
    database.close()
    assert newest_version() < "9999"
