"""The control database: one SQLite file in WAL mode, opened once per process.

Readers never wait for the writer; writers queue at ``BEGIN IMMEDIATE``, so that whoever reads and
then writes in one go does so on the newest state. Amounts that may pass 64 bits are decimal text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from steelyard.domain.errors import SchemaMismatch, StoreUnavailable

BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for somebody else's lock before it gives up."""
_OLD = ("no such column", "no such table")
"""What SQLite says of tables that a newer version of steelyard has or has changed."""


class Database:
    """An open control database."""

    def __init__(self, path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """Opens (and makes, mode 0600) the file; its tables are ``migrate.upgrade``'s business.

        Raises:
            StoreUnavailable: the folder cannot be written.
        """
        try:
            path.touch(mode=0o600, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"cannot write {path}: {error.strerror}") from error
        self.path = path
        self.engine = _engine(path, busy_timeout_s)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database throughout.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        with _wrapped(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection that holds the write lock; commits at the end, or leaves all as it was.

        Raises:
            StoreUnavailable: the lock did not come in time, or the disk is full.
        """
        with (
            _wrapped(),
            self.engine.connect().execution_options(steelyard_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()


@contextmanager
def _wrapped() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.OperationalError):
            if str(error.orig).startswith(_OLD):
                raise SchemaMismatch(
                    f"the control database is of an earlier steelyard ({error.orig}); a start of"
                    " this one brings it up to date: steelyard serve"
                ) from error
            # Only what SQLite says: the statement's parameters may be a key's hash.
            raise StoreUnavailable(f"the control database failed: {error.orig}") from error
        raise


def _engine(path: Path, busy_timeout_s: float) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": busy_timeout_s, "check_same_thread": False},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def on_connect(raw: Any, _record: Any) -> None:
        # The driver begins too late by itself (at the first write), so ``on_begin`` does.
        raw.isolation_level = None
        raw.execute("PRAGMA journal_mode = WAL")
        # A lease must be on disk before it is handed out, whatever happens to the power.
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        is_write = connection.get_execution_options().get("steelyard_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")

    return engine
