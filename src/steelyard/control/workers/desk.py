"""The desk where workers ask for leases: askings are decided in batches, one transaction each.

All that arrive while a transaction runs go into the next one, so that a crowd of workers costs one
commit, not one each. Frames of one worker are handled in their order. The database runs in a
thread; a database that is locked or full makes refusals, never a stall of the loop.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from steelyard.control.workers.leases import UNAVAILABLE, Ask, Denied, Granted, Leases
from steelyard.control.workers.link import WorkerLink
from steelyard.domain.budgets import Unit
from steelyard.domain.errors import StoreError
from steelyard.store.database import Database

log = logging.getLogger(__name__)

_BATCH_MAX = 500
_TRIM_WAIT_S = 0.02
"""How long the other workers get to give back what they do not use, before a refusal."""

_SCOPE = re.compile(r"account:acc_[0-9]{1,15}|key:key_[0-9]{1,15}")
_CLOCK_APART_NS = 24 * 3600 * 10**9


class _Asking(NamedTuple):
    link: WorkerLink
    request: int
    ask: Ask


class _Shrinking(NamedTuple):
    link: WorkerLink
    lease_id: int
    amount: int


_Errand = _Asking | _Shrinking


class LeaseDesk:
    """Takes lease frames in, sends answers out; ``run`` is its one task."""

    def __init__(self, database: Database, links: Callable[[], Iterable[WorkerLink]]) -> None:
        """``links`` gives all links of the moment."""
        self._database = database
        self._links = links
        self._leases = Leases()
        self._errands: asyncio.Queue[_Errand] = asyncio.Queue()

    def take(self, link: WorkerLink, kind: str, fields: list[Any]) -> None:
        """Queues a ``lease`` or ``shrink`` frame.

        Raises:
            ValueError: the frame is not what it should be.
        """
        if kind == "lease":
            request, scope, unit, need, asked_at_ns = fields[:5]
            if not (isinstance(scope, str) and _SCOPE.fullmatch(scope) and int(need) > 0):
                raise ValueError("a lease frame without scope or need")
            if abs(int(asked_at_ns) - time.time_ns()) > _CLOCK_APART_NS:
                raise ValueError("a lease frame from another day")
            ask = Ask(link.incarnation, scope, Unit(unit), int(need), int(asked_at_ns))
            self._errands.put_nowait(_Asking(link, int(request), ask))
        else:
            lease_id, amount = fields[:2]
            self._errands.put_nowait(_Shrinking(link, int(lease_id), int(amount)))

    async def run(self) -> None:
        """Decides what is queued, for ever."""
        while True:
            batch = [await self._errands.get()]
            while len(batch) < _BATCH_MAX and not self._errands.empty():
                batch.append(self._errands.get_nowait())
            short = await self._handle(batch, is_last_word=False)
            if short:
                self._trim(short)
                await asyncio.sleep(_TRIM_WAIT_S)
                given_back: list[_Errand] = []
                while not self._errands.empty():
                    given_back.append(self._errands.get_nowait())
                # What was given back goes first, or those who were short would be short again.
                given_back.sort(key=lambda errand: isinstance(errand, _Asking))
                shrunk = [e for e in given_back if isinstance(e, _Shrinking)]
                asked = [e for e in given_back if isinstance(e, _Asking)]
                await self._handle([*shrunk, *short, *asked], is_last_word=True)

    async def _handle(self, batch: list[_Errand], *, is_last_word: bool) -> list[_Asking]:
        """Answers what can be answered; returns those that a trim of others may help."""
        workers = len(list(self._links()))
        began_s = time.monotonic()
        try:
            answers = await asyncio.to_thread(self._decide, batch, workers)
        except StoreError as error:
            log.warning("leases cannot be granted: %s", error.message)
            refusal = Denied(UNAVAILABLE, "Limits cannot be checked now; try again soon.", 1.0)
            answers = [(e, refusal) for e in batch if isinstance(e, _Asking)]
        if time.monotonic() - began_s > 1:
            log.warning("the database took %.1f s over leases", time.monotonic() - began_s)
        short = []
        for asking, answer in answers:
            if isinstance(answer, Denied) and answer.is_held_by_others and not is_last_word:
                short.append(asking)
            else:
                _answer(asking, answer)
        return short

    def _decide(self, batch: list[_Errand], workers: int) -> list[tuple[_Asking, Granted | Denied]]:
        answers: list[tuple[_Asking, Granted | Denied]] = []
        with self._database.write() as connection:
            for errand in batch:
                if isinstance(errand, _Asking):
                    answer = self._leases.decide(connection, errand.ask, workers)
                    answers.append((errand, answer))
                else:
                    incarnation = errand.link.incarnation
                    self._leases.shrink(connection, incarnation, errand.lease_id, errand.amount)
        return answers

    def _trim(self, short: list[_Asking]) -> None:
        for scope in {asking.ask.scope for asking in short}:
            askers = {asking.link for asking in short if asking.ask.scope == scope}
            for link in self._links():
                if link not in askers or len(askers) > 1:
                    link.send("trim", scope)


def _answer(asking: _Asking, answer: Granted | Denied) -> None:
    if isinstance(answer, Granted):
        asking.link.send(
            "lease",
            asking.request,
            answer.lease_id,
            answer.granted,
            answer.window_end_ns,
            answer.currency,
        )
    else:
        asking.link.send(
            "denied", asking.request, answer.code, answer.message, answer.retry_after_s
        )
