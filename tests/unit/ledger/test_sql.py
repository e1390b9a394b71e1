"""DuckDB within bounds."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from steelyard.ledger import sql


def test_the_tail_is_known_and_nothing_is_loaded_from_elsewhere() -> None:
    with sql.connected(pa.table({"n": [1, 2]}), "1GB", threads=1) as connection:
        assert connection.execute("SELECT sum(n) FROM tail").fetchall() == [(3,)]
        settings = "current_setting('autoinstall_known_extensions'), current_setting('threads')"
        assert connection.execute(f"SELECT {settings}").fetchall() == [(False, 1)]
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("SELECT 1")


def test_a_quoted_name_ends_no_constant() -> None:
    assert sql.quoted("a'b") == "'a''b'"
