"""DuckDB within bounds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
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


def test_parts_are_read_by_several_threads_at_once(tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.parquet" for n in range(4)]
    for n, file in enumerate(files):
        pq.write_table(pa.table({"n": [n, 10 * n]}), file)
    statement = "SELECT sum(n), {plus} FROM read_parquet([{files}])"
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda file: sql.rows_of([file], statement, plus=1), files))
    assert found == [[(11 * n, 1)] for n in range(4)]
    assert sql.rows_of(files, statement, plus=2) == [(66, 2)]
    assert sql.rows_of([], statement, plus=3) == []


def test_a_part_that_is_gone_or_damaged_is_an_os_error(tmp_path: Path) -> None:
    statement = "SELECT 1 FROM read_parquet([{files}])"
    part = tmp_path / "part.parquet"
    with pytest.raises(OSError, match="cannot be read"):
        sql.rows_of([part], statement)
    for damaged in (b"", b"PAR1", b"x" * 100):
        part.write_bytes(damaged)
        with pytest.raises(OSError, match=r"cannot be read: .*part\.parquet'.*$"):
            sql.rows_of([part], statement)
