"""Law: whatever workers, crashes, shrinks and scribes do, a hard limit is never granted twice.

The model knows what each worker really used. At every moment: what was settled, plus what live or
dead-but-unbooked leases may still use, fits the limit, except for recorded overruns. And a limit is
not lost either: when all is booked and every lease is closed, whatever was not used can be granted.
"""

from __future__ import annotations

import itertools
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from steelyard.control.workers.leases import Ask, Denied, Granted, Leases
from steelyard.domain.budgets import Period, Unit
from steelyard.store import accounts, books, leases, limits, revisions
from steelyard.store.database import Database
from steelyard.store.schema import API, metadata

LIMIT = 1_000
START_NS = int(datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()) * 10**9
HOUR = START_NS // books.NS_PER_HOUR


class Worker:
    """What one incarnation holds and has used."""

    def __init__(self) -> None:
        self.lease_id = 0
        self.granted = 0
        self.used = 0
        self.unbooked = 0
        self.is_dead = False


class LeaseMachine(RuleBasedStateMachine):
    """Workers that ask, use, overrun, shrink and die; a scribe that books late."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(Path(self.folder.name) / "control.db")
        with self.database.write() as tx:
            metadata.create_all(tx)
        self.keeper = Leases()
        self.workers: dict[int, Worker] = {}
        self.numbers = itertools.count(1)
        self.overrun = 0
        self.clock_ns = START_NS
        self.limit = self.highest = LIMIT
        self.closed_use = 0
        with self.database.write() as tx:
            change = revisions.begin(tx, START_NS, "test", "")
            self.account = accounts.add(tx, change, None, "acme", API)
            self.scope = f"account:{self.account}"
            self._set_limit(tx, LIMIT)

    def _set_limit(self, tx, amount: int) -> None:
        terms = limits.Terms(Unit.MONEY, amount, Period.DAY, "CNY")
        limits.replace(tx, revisions.begin(tx, START_NS, "test", ""), self.scope, [terms], API)

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    def live(self) -> list[int]:
        return [n for n, w in self.workers.items() if not w.is_dead]

    def pick(self, data: st.DataObject) -> tuple[int, Worker]:
        number = data.draw(st.sampled_from(self.live()))
        return number, self.workers[number]

    @precondition(lambda self: len(self.live()) < 3)
    @rule()
    def start_worker(self) -> None:
        self.workers[next(self.numbers)] = Worker()

    @precondition(lambda self: self.live())
    @rule(data=st.data(), need=st.integers(1, 400))
    def ask(self, data: st.DataObject, need: int) -> None:
        number, worker = self.pick(data)
        self.clock_ns += 1_000_000
        request = Ask(number, self.scope, Unit.MONEY, need, self.clock_ns)
        with self.database.write() as tx:
            answer = self.keeper.decide(tx, request, len(self.live()))
        if isinstance(answer, Granted):
            assert answer.granted >= worker.granted + need
            worker.lease_id, worker.granted = answer.lease_id, answer.granted
            assert self.settled() + self.reserved() - self.overrun <= self.limit
        else:
            assert isinstance(answer, Denied)
            free = self.limit - self.settled() - self.reserved()
            assert free < need, "refused although there was room"

    @precondition(lambda self: any(w.granted > w.used for w in self.workers.values()))
    @rule(data=st.data())
    def use(self, data: st.DataObject) -> None:
        holders = [n for n in self.live() if self.workers[n].granted > self.workers[n].used]
        if not holders:
            return
        worker = self.workers[data.draw(st.sampled_from(holders))]
        amount = data.draw(st.integers(1, worker.granted - worker.used))
        worker.used += amount
        worker.unbooked += amount

    @precondition(lambda self: any(w.lease_id for w in self.workers.values()))
    @rule(data=st.data(), amount=st.integers(1, 50))
    def overrun_quote(self, data: st.DataObject, amount: int) -> None:
        number = data.draw(st.sampled_from([n for n, w in self.workers.items() if w.lease_id]))
        worker = self.workers[number]
        if worker.is_dead:
            return
        worker.used += amount
        worker.unbooked += amount
        self.overrun += amount

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def shrink(self, data: st.DataObject) -> None:
        number, worker = self.pick(data)
        if worker.lease_id and worker.granted > worker.used:
            with self.database.write() as tx:
                self.keeper.shrink(tx, number, worker.lease_id, worker.used)
            worker.granted = worker.used

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def book(self, data: st.DataObject) -> None:
        """The scribe books a part of what one journal holds, in one transaction."""
        worker = self.workers[data.draw(st.sampled_from(sorted(self.workers)))]
        amount = data.draw(st.integers(0, worker.unbooked))
        self._book(worker, amount)

    def _book(self, worker: Worker, amount: int) -> None:
        if amount:
            with self.database.write() as tx:
                assert books.consume(tx, {worker.lease_id: amount}) == []
                books.add_balances(tx, {(self.scope, HOUR, "CNY"): books.Sums(amount)})
            worker.unbooked -= amount

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self.pick(data)[1].is_dead = True

    @precondition(lambda self: any(w.is_dead for w in self.workers.values()))
    @rule(data=st.data())
    def finish_journal(self, data: st.DataObject) -> None:
        """A dead worker's journal is sealed and booked to its end; only now its leases close."""
        dead = sorted(n for n, w in self.workers.items() if w.is_dead)
        number = data.draw(st.sampled_from(dead))
        self._book(self.workers[number], self.workers[number].unbooked)
        with self.database.write() as tx:
            books.advance(tx, None, books.JournalState(number, 1, 0, self.clock_ns))
            leases.close_finished(tx, self.clock_ns)
        self.closed_use += self.workers.pop(number).used

    @rule()
    def housekeeping_closes_nothing_else(self) -> None:
        with self.database.write() as tx:
            assert leases.close_finished(tx, self.clock_ns) == 0

    @rule(amount=st.integers(100, 2_000))
    def change_limit(self, amount: int) -> None:
        with self.database.write() as tx:
            self._set_limit(tx, amount)
        self.limit = amount

    def settled(self) -> int:
        return self.closed_use + sum(w.used for w in self.workers.values())

    def reserved(self) -> int:
        return sum(max(0, w.granted - w.used) for w in self.workers.values())

    @invariant()
    def never_more_than_the_limit(self) -> None:
        # A lowered limit takes nothing back that is granted already: that is what trims are for.
        self.highest = max(self.highest, self.limit)
        assert self.settled() + self.reserved() - self.overrun <= self.highest


LeaseMachine.TestCase.settings = settings(
    max_examples=settings.default.max_examples // 2, stateful_step_count=40
)
TestLeases = LeaseMachine.TestCase
