"""The desk: batches, order, trims before refusals, and a database that fails."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest

from steelyard.control.workers.desk import LeaseDesk
from steelyard.control.workers.link import WorkerLink
from steelyard.store.database import Database

CNY = 10**12
TEXT = "accounts: {acme: {limits: [{money: 10 CNY, period: day}]}}"
SCOPE = "account:acc_1"


class FakeLink(WorkerLink):
    """A link whose frames are kept."""

    def __init__(self, incarnation: int) -> None:
        self.incarnation = incarnation
        self.sent: list[tuple[Any, ...]] = []
        self.on_trim: Callable[[], None] | None = None

    def send(self, *fields: object) -> None:
        self.sent.append(fields)
        if fields[0] == "trim" and self.on_trim is not None:
            self.on_trim()


def run(desk: LeaseDesk, done: Callable[[], bool]) -> None:
    async def until_done() -> None:
        task = asyncio.get_running_loop().create_task(desk.run())
        while not done():
            await asyncio.sleep(0.002)
        task.cancel()

    asyncio.run(asyncio.wait_for(until_done(), 20))


def ask(desk: LeaseDesk, link: FakeLink, request: int, need: int) -> None:
    desk.take(link, "lease", [request, SCOPE, "money", need, time.time_ns()])


def test_askings_are_answered_in_their_order(
    database: Database, put: Callable[..., list[str]]
) -> None:
    put(TEXT)
    link = FakeLink(1)
    desk = LeaseDesk(database, lambda: [link])
    for request in range(1, 4):
        ask(desk, link, request, CNY)
    run(desk, lambda: len(link.sent) == 3)
    assert [frame[:2] for frame in link.sent] == [("lease", 1), ("lease", 2), ("lease", 3)]
    totals = [frame[3] for frame in link.sent]
    assert totals == sorted(totals)


def test_others_are_trimmed_before_anybody_is_refused(
    database: Database, put: Callable[..., list[str]]
) -> None:
    put(TEXT)
    rich, poor = FakeLink(1), FakeLink(2)
    desk = LeaseDesk(database, lambda: [rich, poor])
    ask(desk, rich, 1, 9 * CNY)
    run(desk, lambda: len(rich.sent) == 1)
    lease_id = rich.sent[0][2]
    rich.on_trim = lambda: desk.take(rich, "shrink", [lease_id, 0])
    ask(desk, poor, 1, 5 * CNY)
    run(desk, lambda: len(poor.sent) == 1)
    assert rich.sent[-1] == ("trim", SCOPE)
    assert poor.sent[0][0] == "lease"


def test_who_holds_it_all_himself_is_refused_at_once(
    database: Database, put: Callable[..., list[str]]
) -> None:
    put(TEXT)
    link = FakeLink(1)
    desk = LeaseDesk(database, lambda: [link])
    ask(desk, link, 1, 9 * CNY)
    ask(desk, link, 2, 5 * CNY)
    run(desk, lambda: len(link.sent) == 2)
    assert link.sent[1][:3] == ("denied", 2, "insufficient_quota")
    assert ("trim", SCOPE) not in link.sent


def test_a_database_that_fails_is_a_refusal_and_then_works_again(
    database: Database, put: Callable[..., list[str]]
) -> None:
    put(TEXT)
    impatient = Database(database.path, busy_timeout_s=0.01)
    link = FakeLink(1)
    desk = LeaseDesk(impatient, lambda: [link])
    locker = sqlite3.connect(database.path, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    ask(desk, link, 1, CNY)
    run(desk, lambda: len(link.sent) == 1)
    assert link.sent[0][:3] == ("denied", 1, "limits_unavailable")
    locker.execute("ROLLBACK")
    locker.close()
    ask(desk, link, 2, CNY)
    run(desk, lambda: len(link.sent) == 2)
    assert link.sent[1][0] == "lease"
    impatient.close()


@pytest.mark.parametrize(
    "fields",
    [
        [1, "account:x", "money", 1, 0],
        [1, SCOPE, "tea", 1, 0],
        [1, SCOPE, "money", 0, 0],
        [1, SCOPE, "money", 1, 0],
        [1, SCOPE],
    ],
    ids=["scope", "unit", "need", "another day", "short"],
)
def test_frames_of_nonsense(database: Database, fields: list[object]) -> None:
    desk = LeaseDesk(database, list)
    with pytest.raises(ValueError):  # any of them ends the link
        desk.take(FakeLink(1), "lease", fields)
