"""DuckDB as the ledger uses it: in memory, without extensions, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa


@contextmanager
def connected(tail: pa.Table, memory_max: str, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the live tail as ``tail``; ``memory_max`` such as ``1GB``."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": memory_max,
            "threads": str(threads),
        },
    )
    try:
        connection.register("tail", tail)
        yield connection
    finally:
        connection.close()


def quoted(text: str) -> str:
    """The text as a constant of SQL: for names of our own files only."""
    return "'" + text.replace("'", "''") + "'"
