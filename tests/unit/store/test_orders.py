"""How orders ended, until the books know."""

from __future__ import annotations

from sqlalchemy import Connection

from steelyard.domain.usage import Usage
from steelyard.store import orders
from steelyard.store.orders import End

FIRST = End((1, 2, 3), 4, True, Usage(1, 2, extras=(("image", 3),)), 20)
LATER = End((1, 2, 4), 4, False, None, 10)


def test_what_is_told_first_holds(tx: Connection) -> None:
    orders.keep(tx, [FIRST])
    orders.keep(tx, [FIRST._replace(is_done=False, usage=None), LATER])
    assert orders.unbooked(tx, 10) == [LATER, FIRST]
    assert orders.unbooked(tx, 1) == [LATER]


def test_what_is_booked_waits_no_more(tx: Connection) -> None:
    assert not orders.has_unbooked(tx)
    orders.keep(tx, [FIRST, LATER])
    orders.mark_booked(tx, FIRST, 30)
    assert orders.unbooked(tx, 10) == [LATER]
    assert orders.has_unbooked(tx)
    orders.keep(tx, [FIRST])
    assert orders.unbooked(tx, 10) == [LATER]


def test_what_is_done_after_it_failed_waits_again(tx: Connection) -> None:
    orders.keep(tx, [LATER])
    orders.mark_booked(tx, LATER, 30)
    done = LATER._replace(is_done=True, usage=Usage(1), told_at_ns=40)
    orders.keep(tx, [done, LATER, done._replace(usage=Usage(2))])
    assert orders.unbooked(tx, 10) == [done]
    # Whoever was booking the failure meanwhile has not booked this.
    orders.mark_booked(tx, LATER, 50)
    assert orders.unbooked(tx, 10) == [done]
    orders.mark_booked(tx, done, 50)
    orders.keep(tx, [done, LATER])
    assert not orders.has_unbooked(tx)
