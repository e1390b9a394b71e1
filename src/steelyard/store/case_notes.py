"""Notes and tags that people put on cases: one sample of a task, as one offer answered it or all.

Append-only: the newest note of a case holds, the older ones say who thought otherwise before.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Index, Integer, Table, Text, func, insert, select

from steelyard.store.schema import metadata

case_notes = Table(
    "case_notes",
    metadata,
    Column("note_number", Integer, primary_key=True),
    Column("task", Text, nullable=False),
    Column("sample", Text, nullable=False),
    Column("offer", Text, nullable=False, server_default=""),
    Column("tags", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("at_ns", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("case_notes_sample", case_notes.c.task, case_notes.c.sample)


class CaseNote(NamedTuple):
    """What somebody says of a case."""

    task: str
    sample: str
    at_ns: int
    """UTC, nanoseconds."""
    actor: str
    tags: tuple[str, ...] = ()
    """Single words."""
    note: str = ""
    offer: str = ""
    """Whose answer it is about; empty for all of them."""


def add(connection: Connection, note: CaseNote) -> None:
    """Appends a note."""
    values = note._asdict() | {"tags": " ".join(note.tags)}
    connection.execute(insert(case_notes).values(values))


def latest(connection: Connection, task: str) -> dict[tuple[str, str], CaseNote]:
    """The newest note of each case of a task, by sample and offer."""
    newest = (
        select(func.max(case_notes.c.note_number))
        .where(case_notes.c.task == task)
        .group_by(case_notes.c.sample, case_notes.c.offer)
    )
    query = select(case_notes).where(case_notes.c.note_number.in_(newest))
    found = map(_note, connection.execute(query))
    return {(each.sample, each.offer): each for each in found}


def _note(row: Any) -> CaseNote:
    return CaseNote(
        *(row.task, row.sample, row.at_ns, row.actor),
        *(tuple(row.tags.split()), row.note, row.offer),
    )
