"""The ledger's files: Parquet parts, written so that a crash leaves none half, and merged.

A part is in the ledger only once the manifest names it. Its name says which records it holds, so
that after a crash the same batch makes the same file again; a file without a row is rubbish.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from steelyard.domain.entries import Entry
from steelyard.ledger.lines import SCHEMA, to_entries
from steelyard.store import books
from steelyard.store.books import NS_PER_DAY, AttemptKey, Part
from steelyard.store.database import Database

SUFFIX = ".parquet"
_UNFINISHED_SUFFIX = ".unfinished"

FAN_IN = 16
"""Parts of one day and level that are merged into one of the next level."""
ROWS_MAX = 4_000_000
"""Lines that one merge puts into one part at most."""
_ROW_GROUP_ROWS = 131_072

DELETE_AFTER_NS = 3600 * 10**9
"""How long a file that no manifest names is left to queries that began when one did."""


def write_part(folder: Path, name: str, tables: Iterable[pa.Table]) -> None:
    """Writes a part that either is there whole or not at all; blocks until it is on the disk.

    Raises:
        OSError: the disk is full or failing.
    """
    unfinished = folder / f"{name}{_UNFINISHED_SUFFIX}"
    with unfinished.open("wb") as file:
        with pq.ParquetWriter(
            file, SCHEMA, compression="zstd", use_dictionary=True, write_statistics=True
        ) as writer:
            for table in tables:
                writer.write_table(table, row_group_size=_ROW_GROUP_ROWS)
        file.flush()
        os.fsync(file.fileno())
    os.rename(unfinished, folder / name)
    _sync_folder(folder)


def read_part(folder: Path, part: Part) -> pa.Table:
    """A part's lines, with columns that are newer than the part filled with nulls."""
    table = pq.ParquetFile(folder / part.name).read()
    missing = [field for field in SCHEMA if field.name not in table.schema.names]
    for field in missing:
        table = table.append_column(field, pa.nulls(len(table), field.type))
    return table.select(SCHEMA.names)


def lines_of(database: Database, folder: Path, key: AttemptKey) -> list[Entry]:
    """What the ledger holds of one attempt; their order is that of booking."""
    with database.read() as connection:
        current = books.manifest(connection)
    names = ("incarnation", "sequence", "attempt")
    filters = [(name, "=", value) for name, value in zip(names, key, strict=True)]
    found: list[Entry] = []
    for part in current:
        # The file, not its name: a name would bring pyarrow's dataset guessing along.
        with (folder / part.name).open("rb") as file:
            found.extend(to_entries(pq.read_table(file, filters=filters)))
    return found


def describe(folder: Path, name: str, table: pa.Table, now_ns: int, level: int = 0) -> Part:
    """The manifest's row of a written part whose lines were all booked on one day."""
    called = pc.min_max(table["called_at_ns"]).as_py()
    return Part(
        name=name,
        day=table["booked_at_ns"][0].as_py() // NS_PER_DAY,
        level=level,
        rows=len(table),
        bytes=(folder / name).stat().st_size,
        called_min_ns=called["min"],
        called_max_ns=called["max"],
        made_at_ns=now_ns,
    )


def compact(database: Database, folder: Path, now_ns: int) -> int:
    """Merges small parts of one booked day into larger ones; returns how many parts went.

    Each merge is one write of the manifest, so a reader sees either the old parts or the new one.
    An open day's parts are merged ``FAN_IN`` at a time, a closed day's all together.
    """
    with database.read() as connection:
        current = books.manifest(connection)
        closed = books.closed_days(connection)
    count = 0
    for batch in _batches(current, closed):
        merged = _merge(folder, batch, now_ns)
        with database.write() as connection:
            books.replace_parts(connection, batch, merged)
        count += len(batch)
    return count


def clean(database: Database, folder: Path, now_ns: int) -> int:
    """Deletes files that nobody can be reading any more; returns how many.

    These are parts that were replaced, and files that a crash left without a name in the
    manifest, both for ``DELETE_AFTER_NS`` at least.
    """
    before_ns = now_ns - DELETE_AFTER_NS
    with database.read() as connection:
        replaced = books.replaced_parts(connection, before_ns)
        named = books.part_names(connection)
    # The file first: a row without a file is cleaned again, a file without a row is found below.
    for part in replaced:
        (folder / part.name).unlink(missing_ok=True)
    if replaced:
        with database.write() as connection:
            books.forget_parts(connection, replaced)
    rubbish = [
        path
        for path in folder.iterdir()
        if path.suffix in (SUFFIX, _UNFINISHED_SUFFIX)
        and path.name not in named
        and path.stat().st_mtime_ns < before_ns
    ]
    for path in rubbish:
        path.unlink()
    return len(replaced) + len(rubbish)


def _batches(current: Sequence[Part], closed: set[int]) -> Iterator[list[Part]]:
    """Parts to be merged together, each in at most one batch."""

    def place(part: Part) -> tuple[int, int]:
        return part.day, 0 if part.day in closed else part.level

    for (day, _), group in groupby(sorted(current, key=place), key=place):
        fan_in = 2 if day in closed else FAN_IN
        batch: list[Part] = []
        for part in sorted(group, key=lambda part: part.part_id):
            if sum(chosen.rows for chosen in batch) + part.rows > ROWS_MAX:
                if len(batch) >= fan_in:
                    yield batch
                batch = []
            batch.append(part)
        if len(batch) >= fan_in:
            yield batch


def _merge(folder: Path, batch: list[Part], now_ns: int) -> Part:
    """Writes the part that holds all lines of ``batch``."""
    first, last = batch[0], batch[-1]
    name = f"day-{first.day:06d}-{first.part_id}-{last.part_id}-{len(batch)}{SUFFIX}"
    write_part(folder, name, _row_groups(read_part(folder, part) for part in batch))
    return Part(
        name=name,
        day=first.day,
        level=max(part.level for part in batch) + 1,
        rows=sum(part.rows for part in batch),
        bytes=(folder / name).stat().st_size,
        called_min_ns=min(part.called_min_ns for part in batch),
        called_max_ns=max(part.called_max_ns for part in batch),
        made_at_ns=now_ns,
    )


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The tables joined into pieces of about one row group, so that memory stays small."""
    pending: list[pa.Table] = []
    for table in tables:
        pending.append(table)
        if sum(map(len, pending)) >= _ROW_GROUP_ROWS:
            yield pa.concat_tables(pending)
            pending = []
    if pending:
        yield pa.concat_tables(pending)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
