"""Rows of grants."""

from __future__ import annotations

from sqlalchemy import Connection

from steelyard.store import leases
from steelyard.store.leases import StoredLease


def lease(begin: int, end: int, *, incarnation: int = 1, granted: int = 10) -> StoredLease:
    return StoredLease(
        0, "account:acc_1", "money", begin, end, incarnation, "CNY", granted, 0, None
    )


def test_windows_overlap_with_their_end_exclusive(tx: Connection) -> None:
    ids = [
        leases.add(tx, lease(0, 10)),
        leases.add(tx, lease(10, 20)),
        leases.add(tx, lease(5, 30)),
    ]

    def found(begin: int, end: int) -> list[int]:
        rows = leases.overlapping(tx, "account:acc_1", "money", begin, end)
        return [row.lease_id for row in rows]

    assert found(0, 5) == [ids[0]]
    assert found(10, 20) == [ids[1], ids[2]]
    assert found(30, 40) == []
    assert leases.overlapping(tx, "account:acc_2", "money", 0, 99) == []
    assert leases.overlapping(tx, "account:acc_1", "requests", 0, 99) == []


def test_what_is_held_is_what_is_granted_and_not_booked(tx: Connection) -> None:
    open_lease = lease(0, 10)
    assert open_lease.held == 10
    assert open_lease._replace(consumed=4).held == 6
    assert open_lease._replace(consumed=14).held == 0
    assert open_lease._replace(closed_at_ns=3).held == 0
    lease_id = leases.add(tx, open_lease)
    leases.set_granted(tx, lease_id, 3)
    stored = leases.by_id(tx, lease_id)
    assert stored is not None
    assert stored.granted == 3
    assert leases.by_id(tx, lease_id + 1) is None
