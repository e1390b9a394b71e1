"""Laws: scribe twice = scribe once; a crash between any two of its steps changes nothing.

A crash is an exception that no code of ours catches, raised at one of the calls with which the
scribe touches a disk; afterwards a new scribe begins with what the disk holds.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from steelyard.domain.entries import LeaseUse
from steelyard.journal.segment import Journal
from steelyard.ledger import audit, parts
from steelyard.ledger.scribe import Scribe
from steelyard.store import books
from steelyard.store.database import Database
from steelyard.store.schema import metadata
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

NOW_NS = CALLED_AT_NS + 10**9


class Killed(BaseException):
    """The process died here."""


class Fuse:
    """Kills at the n-th step; counts them all."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.count = 0

    def step(self) -> None:
        self.count += 1
        self.left -= 1
        if self.left == 0:
            raise Killed


@contextmanager
def fused(fuse: Fuse, database: Database) -> Iterator[None]:
    """Lets the fuse burn before and after each rename, fsync and commit, and before each SQL."""

    def around(call):
        def stepped(*arguments, **options):
            fuse.step()
            result = call(*arguments, **options)
            fuse.step()
            return result

        return stepped

    def on_sql(*_):
        fuse.step()

    event.listen(database.engine, "before_cursor_execute", on_sql)
    event.listen(database.engine, "commit", on_sql)
    try:
        with (
            mock.patch.object(parts.os, "rename", around(os.rename)),
            mock.patch.object(parts.os, "fsync", around(os.fsync)),
        ):
            yield
    finally:
        event.remove(database.engine, "before_cursor_execute", on_sql)
        event.remove(database.engine, "commit", on_sql)


def make_database(home: Path) -> Database:
    database = Database(home / "control.db")
    with database.write() as connection:
        metadata.create_all(connection)
        connection.execute(
            books.leases.insert().values(
                lease_id=5,
                scope="account:acc_1",
                unit="money",
                window_begin_ns=0,
                window_end_ns=9,
                incarnation=18,
                currency="CNY",
                granted_whole=1,
                granted_pico=0,
            )
        )
    return database


steps = st.lists(
    st.tuples(
        st.sampled_from(["intent", "settle", "settle_again", "scribe", "crash", "die"]),
        st.integers(1, 40),
    ),
    max_size=25,
)


class World:
    """A worker and its journal, the scribe, and what the ledger must say in the end."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "journal").mkdir()
        self.database = make_database(home)
        self.incarnation = 0
        self.sequence = 0
        self.expected: dict[tuple[int, int, int], int] = {}
        """Cost of each attempt, by its last settlement."""
        self.start_worker()

    def start_worker(self) -> None:
        self.incarnation += 1
        self.journal = Journal(self.home / "journal", self.incarnation, segment_bytes=2**14)
        self.due: list = []
        self.settled: list = []

    def intent(self, _: int) -> None:
        self.sequence += 1
        intent = make_intent(
            self.sequence, incarnation=self.incarnation, leases=(LeaseUse(5, 1000),)
        )
        self.journal.append_intent(intent)
        self.due.append(intent)
        self.expected[intent[:3]] = intent.reserved_pico

    def settle(self, number: int) -> None:
        if self.due:
            intent = self.due.pop(number % len(self.due))
            self.settled.append(intent)
            self._settle(intent, 100 + number)

    def settle_again(self, number: int) -> None:
        if self.settled:
            self._settle(self.settled[number % len(self.settled)], 200 + number)

    def _settle(self, intent, cost: int) -> None:
        self.journal.append_settlement(
            make_settlement(intent, cost_pico=cost, leases=(LeaseUse(5, cost),))
        )
        self.expected[intent[:3]] = cost

    def scribe(self, _: int) -> None:
        with Scribe(self.home, self.database, batch_bytes=1) as scribe:
            scribe.run_once(NOW_NS)
            scribe.tend(NOW_NS)

    def crash(self, number: int) -> None:
        scribe = Scribe(self.home, self.database, batch_bytes=1)
        try:
            with fused(Fuse(number), self.database):
                scribe.run_once(NOW_NS)
                scribe.tend(NOW_NS)
        except Killed:
            pass
        finally:
            scribe.close()

    def die(self, _: int) -> None:
        self.journal.close()
        self.start_worker()

    def check(self) -> None:
        self.journal.close()
        self.scribe(0)
        assert audit.check_books(self.home, self.database) == []
        booked: dict[tuple[int, int, int], int] = {}
        for entry in audit.entries(self.home / "ledger", self.database):
            key = entry.intent[:3]
            booked[key] = booked.get(key, 0) + entry.settlement.cost_pico
        assert booked == self.expected
        with self.database.read() as connection:
            manifest = books.manifest(connection)
            assert connection.execute(select(books.open_intents)).all() == []
        self.scribe(0)
        with self.database.read() as connection:
            assert books.manifest(connection) == manifest
        self.database.close()


@settings(
    max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.too_slow]
)
@given(steps)
def test_whatever_dies_everything_is_booked_once(plan):
    with tempfile.TemporaryDirectory() as name:
        world = World(Path(name))
        for action, number in plan:
            getattr(world, action)(number)
        world.check()


def test_a_crash_at_every_single_step_changes_nothing():
    number, steps_seen = 0, 1
    while number < steps_seen:
        number += 1
        with tempfile.TemporaryDirectory() as name:
            world = World(Path(name))
            for _ in range(4):
                world.intent(0)
            world.scribe(0)
            for _ in range(2):
                world.intent(0)
            for count in range(3):
                world.settle(count)
            world.settle_again(1)
            world.journal.close()
            fuse = Fuse(number)
            scribe = Scribe(world.home, world.database)
            try:
                with fused(fuse, world.database):
                    scribe.run_once(NOW_NS)
            except Killed:
                steps_seen = number + 1
            finally:
                scribe.close()
            world.check()
    assert steps_seen > 15


def test_the_fuse_kills_before_a_commit_and_not_after(tmp_path):
    """The tool of this file works: what is killed at the commit is not in the database."""
    database = make_database(tmp_path)
    for number, closed in ((1, set()), (2, set()), (3, set()), (4, {1})):
        try:
            with fused(Fuse(number), database), database.write() as connection:
                books.close_days(connection, [1], 0)
        except Killed:
            pass
        with database.read() as connection:
            assert books.closed_days(connection) == closed
    database.close()
    assert sqlite3.connect(tmp_path / "control.db").execute("SELECT day FROM days").fetchall()
