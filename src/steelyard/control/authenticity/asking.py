"""Puts a test's questions, a few at a time, as long as there is money and somebody answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from steelyard.control.authenticity.calling import TRIES_MAX, Caller
from steelyard.control.authenticity.heard import Heard
from steelyard.control.authenticity.record import Record
from steelyard.control.authenticity.schedule import Slot, pause_s
from steelyard.control.authenticity.till import Till
from steelyard.domain.errors import StoreUnavailable
from steelyard.weigh.authenticity.probes import Probe

CONCURRENCY = 3
"""Calls at a time, both sides together."""
_SILENT_MAX = 12
"""Questions without an answer in a row after which a side is given up."""
Sleep = Callable[[float], Awaitable[None]]


class Told(NamedTuple):
    """How far a test is."""

    done: int
    total: int
    paid_pico: int
    """In the currency of the till."""
    lost: int
    """Questions without an answer."""


class Asking:
    """Asks what a record lacks."""

    def __init__(
        self,
        record: Record,
        till: Till,
        callers: Mapping[str, Caller],
        chance: Random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._record = record
        self._till = till
        self._callers = callers
        self._chance = chance
        self._sleep = sleep
        self._silent: Counter[str] = Counter()
        self.stopped = ""
        """Why not everything was asked; empty if it was."""

    async def run(
        self,
        slots: Sequence[Slot],
        probes: Mapping[str, Probe],
        mean_s: float,
        tell: Callable[[Told], None],
    ) -> None:
        """Asks, in order; returns when everything was asked or the money does not reach further.

        Args:
            slots: what to ask; what the record has is passed over.
            probes: by id.
            mean_s: mean pause between calls, seconds.
            tell: is told after each answer.

        Raises:
            AccessError, LimitError: no access or no money; what was answered is kept.
            StoreUnavailable: a side does not answer at all, or the record cannot be written.
        """
        left = iter([slot for slot in slots if slot not in self._record.sent])
        self._told(tell, len(slots))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(CONCURRENCY):
                    group.create_task(self._ask_all(left, probes, mean_s, (tell, len(slots))))
        except BaseExceptionGroup as errors:
            # Of several that fail at once, the first one says why.
            raise errors.exceptions[0] from None

    async def _ask_all(
        self,
        left: Iterator[Slot],
        probes: Mapping[str, Probe],
        mean_s: float,
        told: tuple[Callable[[Told], None], int],
    ) -> None:
        for slot in left:
            if self.stopped:
                return
            # Each of several at a time waits that much longer, so that together they keep pace.
            await self._sleep(pause_s(mean_s * CONCURRENCY, self._chance))
            caller, probe = self._callers[slot.side], probes[slot.probe]
            bound_pico = self._till.bound(slot.side, caller.body(probe, slot.sample))
            most_pico = TRIES_MAX * bound_pico
            if not self._till.hold(slot.side, most_pico):
                self.stopped = "the money does not reach further"
                return
            self._record.send(slot, most_pico)
            heard = await self._ask(caller, probe, slot.sample)
            heard.cost_pico += heard.lost * bound_pico
            self._till.settle(slot.side, most_pico, heard.cost_pico)
            self._record.hear(slot, heard)
            self._told(*told)
            self._watch(slot.side, heard)

    async def _ask(self, caller: Caller, probe: Probe, sample: int) -> Heard:
        asked_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        heard = await caller.ask(probe, sample)
        heard.asked_at = asked_at
        return heard

    def _watch(self, side: str, heard: Heard) -> None:
        self._silent[side] = 0 if heard.is_answer else self._silent[side] + 1
        if self._silent[side] >= _SILENT_MAX:
            raise StoreUnavailable(
                f"the {side} does not answer: {heard.error}; what was answered is kept"
            )

    def _told(self, tell: Callable[[Told], None], total: int) -> None:
        lost = sum(not heard.is_answer for heard in self._record.heard.values())
        tell(Told(len(self._record.heard), total, self._till.paid_pico, lost))
