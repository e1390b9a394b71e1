"""Grants: rows of ``books.leases`` as control writes them; the scribe adds what was consumed.

One row per (scope, unit, window, incarnation); only control changes what is granted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, insert, select, update

from steelyard.store.books import join, journals, leases, split


class StoredLease(NamedTuple):
    """A grant, and how much of it the books know to be consumed."""

    lease_id: int
    scope: str
    unit: str
    window_begin_ns: int
    window_end_ns: int
    incarnation: int
    currency: str
    granted: int
    consumed: int
    closed_at_ns: int | None

    @property
    def held(self) -> int:
        """What may still be consumed, or has been and is not booked yet."""
        return max(0, self.granted - self.consumed) if self.closed_at_ns is None else 0


def overlapping(
    connection: Connection, scope: str, unit: str, begin_ns: int, end_ns: int
) -> list[StoredLease]:
    """All leases of the scope and unit whose window overlaps [begin, end), closed ones too."""
    query = select(leases).where(
        leases.c.scope == scope,
        leases.c.unit == unit,
        leases.c.window_begin_ns < end_ns,
        leases.c.window_end_ns > begin_ns,
    )
    return _stored(connection, query)


def by_id(connection: Connection, lease_id: int) -> StoredLease | None:
    """The lease of that id."""
    found = _stored(connection, select(leases).where(leases.c.lease_id == lease_id))
    return found[0] if found else None


def add(connection: Connection, lease: StoredLease) -> int:
    """Records a new grant; returns its id."""
    whole, pico = split(lease.granted)
    row = connection.execute(
        insert(leases)
        .values(
            scope=lease.scope,
            unit=lease.unit,
            window_begin_ns=lease.window_begin_ns,
            window_end_ns=lease.window_end_ns,
            incarnation=lease.incarnation,
            currency=lease.currency,
            granted_whole=whole,
            granted_pico=pico,
        )
        .returning(leases.c.lease_id)
    )
    return int(row.scalar_one())


def set_granted(connection: Connection, lease_id: int, granted: int) -> None:
    """Changes what is granted in all."""
    whole, pico = split(granted)
    connection.execute(
        update(leases)
        .where(leases.c.lease_id == lease_id)
        .values(granted_whole=whole, granted_pico=pico)
    )


def close_finished(connection: Connection, at_ns: int) -> int:
    """Closes the leases of incarnations whose journal is booked to its very end; returns how many.

    A broken link or a dead process is no reason: what its journal still holds would be granted
    twice.
    """
    finished = select(journals.c.incarnation).where(journals.c.finished_at_ns.is_not(None))
    found = connection.execute(
        update(leases)
        .where(leases.c.closed_at_ns.is_(None), leases.c.incarnation.in_(finished))
        .values(closed_at_ns=at_ns)
    )
    return found.rowcount


def forget_counts(connection: Connection, before_ns: int) -> int:
    """Drops leases of counted units whose window ended before an instant; money stays for ever."""
    found = connection.execute(
        delete(leases).where(leases.c.currency == "", leases.c.window_end_ns < before_ns)
    )
    return found.rowcount


def _stored(connection: Connection, query: Select[Any]) -> list[StoredLease]:
    return [
        StoredLease(
            row.lease_id,
            row.scope,
            row.unit,
            row.window_begin_ns,
            row.window_end_ns,
            row.incarnation,
            row.currency,
            join(row.granted_whole, row.granted_pico),
            join(row.consumed_whole, row.consumed_pico),
            row.closed_at_ns,
        )
        for row in connection.execute(query.order_by(leases.c.lease_id))
    ]
