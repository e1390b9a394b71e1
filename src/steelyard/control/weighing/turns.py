"""Whose turn it is to weigh: one weighing at a time, the rest waits, and any can be stopped.

One that waits for its turn is over the moment it is stopped. One that runs asks nothing more;
calls under way are finished, graded and said, unless they shall be cut off (``weigh.halting``).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from steelyard.control.weighing.orders import Job
from steelyard.domain.errors import RequestError
from steelyard.domain.instants import instant_of
from steelyard.store import proofs
from steelyard.weigh.halting import by_hand

_SWITCH_S = 0.0005
"""How long a thread may hold the interpreter while a weighing waits for it: with the usual 5 ms
every answer that comes while the ledger is written would wait as long as it takes to grade ten."""
_LOOKED_AT_MAX = 1_000
"""Weighings, newest first, among which one that is over is looked for."""


class WeighingNotFound(RequestError):
    """There is no such weighing."""

    code = "weighing_not_found"
    status = 404


class WeighingOver(RequestError):
    """The weighing has ended."""

    code = "weighing_over"
    status = 409


@dataclass(frozen=True, slots=True)
class Stop:
    """Which weighings shall end: those of a task, or the one that a number belongs to."""

    who: str
    task: str = ""
    number: int = 0
    """Of any offer's part: offers that are weighed together end together."""
    is_cut: bool = False
    """Whether calls under way are not waited for."""

    def means(self, job: Job) -> bool:
        """Whether a weighing is meant."""
        if self.number:
            return any(standing.number == self.number for standing in job.standings)
        return job.task.name == self.task


class Turns:
    """The weighings that run or wait, in the order in which they came."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._known: list[tuple[Job, asyncio.Task[object] | None]] = []
        self._running: Job | None = None

    @asynccontextmanager
    async def turn(self, job: Job) -> AsyncIterator[None]:
        """A weighing's turn, once all before it are over.

        Raises:
            CancelledError: it was stopped before.
        """
        one = (job, asyncio.current_task())
        self._known.append(one)
        try:
            async with self._lock:
                self._running = job
                with _quick_turns():
                    yield
        finally:
            self._known.remove(one)
            if self._running is job:
                self._running = None

    def stop(self, wish: Stop) -> list[Job]:
        """The weighings that end for it; none when none of those meant runs or waits."""
        found = [(job, task) for job, task in self._known if wish.means(job)]
        for job, task in found:
            job.halt.ask(by_hand(wish.who), is_cut=wish.is_cut)
            for standing in job.standings:
                standing.stopping = job.halt.reason
            if job is not self._running and task is not None:
                task.cancel()
        return [job for job, _ in found]


def refusal(connection: Connection, wish: Stop) -> RequestError:
    """Why nothing could be stopped: what is meant is over, or was never there."""
    name = f"weighing {wish.number}" if wish.number else f"weighing of {wish.task}"
    for row in proofs.recent_weighings(connection, _LOOKED_AT_MAX):
        if wish.number != row["weighing_number"] and wish.task != row["task"]:
            continue
        if row["ended_at_ns"] is None:
            return WeighingOver(f"The {name} is just beginning, or ending; look again.")
        at = f"{instant_of(row['ended_at_ns']):%Y-%m-%d %H:%M} UTC"
        how = f"{row['state']}: {row['detail']}" if row["detail"] else row["state"]
        return WeighingOver(f"The {name} is over since {at} ({how}).")
    return WeighingNotFound(f"There is no {name}; steelyard weighings lists them.")


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Lets the loop have its turn soon while a thread, such as the scribe's, works on."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)
