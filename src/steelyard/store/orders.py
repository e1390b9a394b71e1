"""How ordered work ended, as vendors told it: kept until the books are corrected by it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Boolean, Column, Connection, Index, Integer, Table, Text, select, update
from sqlalchemy.dialects.sqlite import insert

from steelyard.domain.usage import Usage, usage_of
from steelyard.store.books import AttemptKey
from steelyard.store.schema import metadata

order_ends = Table(
    "order_ends",
    metadata,
    Column("incarnation", Integer, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("called_at_ns", Integer, nullable=False),
    Column("is_done", Boolean, nullable=False),
    Column("usage", Text, nullable=False, server_default=""),
    # Nothing goes in there any more: vendors quote the order in what they say about it.
    Column("error", Text, nullable=False, server_default=""),
    Column("told_at_ns", Integer, nullable=False),
    Column("booked_at_ns", Integer),
)
Index("order_ends_open", order_ends.c.booked_at_ns)
_MAY_CHANGE = ("is_done", "usage", "told_at_ns")


class End(NamedTuple):
    """How one order ended."""

    key: AttemptKey
    called_at_ns: int
    """Of the attempt that was booked, UTC."""
    is_done: bool
    usage: Usage | None
    """What the vendor counted; None where it says nothing."""
    told_at_ns: int


def keep(connection: Connection, ends: Iterable[End]) -> None:
    """Keeps how orders ended; what is known already stays as it was told first.

    But what was made was made: an order that is told to be done after it was told to have failed
    is done, and waits to be booked once more.
    """
    for end in ends:
        incarnation, sequence, attempt = end.key
        values = {
            "incarnation": incarnation,
            "sequence": sequence,
            "attempt": attempt,
            "called_at_ns": end.called_at_ns,
            "is_done": end.is_done,
            "usage": "" if end.usage is None else json.dumps(end.usage),
            "told_at_ns": end.told_at_ns,
        }
        told = insert(order_ends).values(values)
        is_late = told.excluded.is_done & ~order_ends.c.is_done
        changed = {name: told.excluded[name] for name in _MAY_CHANGE}
        connection.execute(
            told.on_conflict_do_update(set_=changed | {"booked_at_ns": None}, where=is_late)
        )


def unbooked(connection: Connection, most: int) -> list[End]:
    """Ends that the books do not know yet, the oldest first."""
    query = (
        select(order_ends)
        .where(order_ends.c.booked_at_ns.is_(None))
        .order_by(order_ends.c.told_at_ns)
        .limit(most)
    )
    return [
        End(
            (row.incarnation, row.sequence, row.attempt),
            row.called_at_ns,
            row.is_done,
            usage_of(json.loads(row.usage)) if row.usage else None,
            row.told_at_ns,
        )
        for row in connection.execute(query)
    ]


def has_unbooked(connection: Connection) -> bool:
    """Whether there are such ends."""
    query = select(order_ends.c.sequence).where(order_ends.c.booked_at_ns.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def mark_booked(connection: Connection, end: End, at_ns: int) -> None:
    """The books know of this end, unless it was told otherwise since; ``at_ns`` is UTC."""
    table = order_ends.c
    incarnation, sequence, attempt = end.key
    connection.execute(
        update(order_ends)
        .where(
            table.incarnation == incarnation,
            table.sequence == sequence,
            table.attempt == attempt,
            table.is_done == end.is_done,
        )
        .values(booked_at_ns=at_ns)
    )
