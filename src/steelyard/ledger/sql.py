"""DuckDB as the ledger uses it: in memory, without extensions, within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

_MEMORY_MAX = "500MB"
_UNREADABLE = (duckdb.IOException, duckdb.InvalidInputException, duckdb.OutOfMemoryException)


@contextmanager
def connected(tail: pa.Table, memory_max: str, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the live tail as ``tail``; ``memory_max`` such as ``1GB``."""
    connection = _open(memory_max, threads)
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
        OSError: a file cannot be read: it is gone, damaged, or more than memory holds.
    """
    if not files:
        return []
    names = ", ".join(quoted(str(file)) for file in files)
    with _parts_database().cursor() as connection:
        try:
            return connection.execute(statement.format(files=names, **named)).fetchall()
        except _UNREADABLE as error:
            told = str(error).partition("\n")[0]
            raise OSError(f"a part of the ledger cannot be read: {told}") from error


@cache
def _parts_database() -> duckdb.DuckDBPyConnection:
    """One for the process: opening it takes 30 ms of CPU, and watches look every two seconds."""
    return _open(_MEMORY_MAX, threads=1)


def _open(memory_max: str, threads: int) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": memory_max,
            "threads": str(threads),
        },
    )


def quoted(text: str) -> str:
    """The text as a constant of SQL: for names of our own files only."""
    return "'" + text.replace("'", "''") + "'"
