"""DuckDB as the ledger uses it: in memory, without extensions, within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from steelyard.ledger.lines import SCHEMA

_NO_TAIL = SCHEMA.empty_table()
_MEMORY_MAX = "500MB"


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


def rows_of(files: Sequence[Path], statement: str, **named: object) -> list[tuple[Any, ...]]:
    """What a statement says of closed parts alone, with little memory and one thread.

    Args:
        files: the parts; of none nothing is said.
        statement: with ``{files}`` where ``read_parquet`` takes them.
        named: what else stands in braces in it.

    Raises:
        OSError: a file cannot be read.
    """
    if not files:
        return []
    names = ", ".join(quoted(str(file)) for file in files)
    with connected(_NO_TAIL, _MEMORY_MAX, threads=1) as connection:
        try:
            return connection.execute(statement.format(files=names, **named)).fetchall()
        except duckdb.IOException as error:
            raise OSError(f"a part of the ledger cannot be read: {error}") from error


def quoted(text: str) -> str:
    """The text as a constant of SQL: for names of our own files only."""
    return "'" + text.replace("'", "''") + "'"
