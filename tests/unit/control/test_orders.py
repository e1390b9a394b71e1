"""What workers tell of orders is in the database before anything else happens."""

from __future__ import annotations

import asyncio

import pytest

from steelyard.control.orders import Orders
from steelyard.domain.errors import StoreUnavailable
from steelyard.domain.usage import Usage
from steelyard.store import orders
from steelyard.store.database import Database

FRAME = [[18, 7, 1, 5], True, [0, 9, 0, 0, 0, 1, [["video", 8]]]]


def kept(database: Database) -> list[orders.End]:
    with database.read() as connection:
        return orders.unbooked(connection, 10)


def test_a_frame_is_kept(database: Database) -> None:
    desk = Orders(database)
    desk.told(FRAME, 100)
    desk.told([[18, 8, 1, 5], False, None], 101)
    asyncio.run(desk.keep_once())
    first, second = kept(database)
    usage = Usage(0, 9, extras=(("video", 8),))
    assert first == orders.End((18, 7, 1), 5, True, usage, 100)
    assert second == orders.End((18, 8, 1), 5, False, None, 101)
    asyncio.run(desk.keep_once())
    assert len(kept(database)) == 2


def test_a_usage_that_no_vendor_means_is_none(database: Database) -> None:
    desk = Orders(database)
    for number, counts in enumerate(([0, -9, 0, 0, 0, 1, []], [0, 1, 0, 0, 0, 1, [["x", 1]]])):
        desk.told([[18, number, 1, 5], True, counts], 100)
    asyncio.run(desk.keep_once())
    assert [end.usage for end in kept(database)] == [None, None]


@pytest.mark.parametrize("frame", [[], [[1, 2], True, None], [["a", 1, 1, 1], True, None]])
def test_nonsense_is_no_frame(database: Database, frame: list[object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Orders(database).told(frame, 0)


def test_what_cannot_be_kept_now_is_kept_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Orders(database)
    desk.told(FRAME, 100)

    def fail(*_: object) -> None:
        raise StoreUnavailable("busy")

    with monkeypatch.context() as patched:
        patched.setattr(orders, "keep", fail)
        with pytest.raises(StoreUnavailable):
            asyncio.run(desk.keep_once())
    asyncio.run(desk.keep_once())
    assert len(kept(database)) == 1
