import asyncio
import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from steelyard.control import jobs
from steelyard.control.control import Control
from steelyard.control.jobs import Jobs
from steelyard.control.places import Places
from steelyard.control.weighing import Weighings
from steelyard.domain.errors import StoreUnavailable
from steelyard.ledger.scribe import ScribeReport


class FakeScribe:
    """Says what it was asked, and whether two threads were in it at once."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.did: list[str] = []
        self.overlaps = 0
        self.fails: Exception | None = None
        self._takes_s = takes_s
        self._busy = threading.Lock()

    def run_once(self, now_ns: int) -> ScribeReport:
        self._work("run")
        return ScribeReport(booked=2)

    def tend(self, now_ns: int) -> None:
        self._work("tend")
        if self.fails is not None:
            raise self.fails

    def close(self) -> None:
        self._work("close")

    def _work(self, what: str) -> None:
        if not self._busy.acquire(blocking=False):
            self.overlaps += 1
            return
        self.did.append(what)
        time.sleep(self._takes_s)
        self._busy.release()


def make(tmp_path: Path, scribe: FakeScribe) -> tuple[Jobs, Control]:
    control = Control(Places(tmp_path, tmp_path, 8080), {})
    made = Jobs(control, cast(Weighings, None))
    vars(made)["_scribe"] = cast(Any, scribe)
    return made, control


def test_the_ledger_is_tended_at_the_start_and_then_now_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scribe = FakeScribe()
    made, control = make(tmp_path, scribe)
    asyncio.run(made.scribe_once())
    asyncio.run(made.scribe_once())
    assert scribe.did == ["run", "tend", "run"]
    monkeypatch.setattr(jobs, "TEND_EVERY_S", 0.0)
    asyncio.run(made.scribe_once())
    assert scribe.did == ["run", "tend", "run", "run", "tend"]
    assert made.booked == 6
    control.close()


def test_a_ledger_that_cannot_be_tended_is_written_all_the_same(tmp_path: Path) -> None:
    scribe = FakeScribe()
    scribe.fails = StoreUnavailable("no room")
    made, control = make(tmp_path, scribe)
    asyncio.run(made.scribe_once())
    asyncio.run(made.scribe_once())
    assert scribe.did == ["run", "tend", "run"]
    assert control.ledger_problem == ""
    control.close()


def test_the_last_booking_waits_for_one_that_was_cancelled(tmp_path: Path) -> None:
    """A thread goes on when the task that waits for it is cancelled, as it is at every stop."""
    scribe = FakeScribe(takes_s=0.1)
    made, control = make(tmp_path, scribe)

    async def stop_while_booking() -> None:
        running = asyncio.get_running_loop().create_task(made.scribe_once())
        while not scribe.did:  # noqa: ASYNC110 - the other thread has no event of this loop
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.wait({running})
        await made.finish()

    asyncio.run(stop_while_booking())
    assert scribe.overlaps == 0
    assert scribe.did[-2:] == ["run", "close"]
    control.close()
