"""What control does by itself, again and again: owned tasks in one group.

A job that meets a database or disk that fails says so and tries again; anything else is a bug and
ends the process, which the supervisor starts anew. The ledger is imported in a thread once control
answers, because it is heavy and the first second is not the time for it.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from steelyard.control.answers.answered import AnswerWatch
from steelyard.control.authenticity.watch import AuthenticityWatch
from steelyard.control.control import Control
from steelyard.control.drift.job import DriftWatch
from steelyard.control.price_watch.loop import PriceLoop
from steelyard.control.prices import lists as price_lists
from steelyard.control.supply.measuring import Supplies
from steelyard.control.supply.watch import SupplyWatch
from steelyard.control.weighing.weighings import Weighings
from steelyard.domain.errors import SteelyardError, StoreError
from steelyard.store import leases, orders, settings

log = logging.getLogger(__name__)

SCRIBE_EVERY_S = 1.0
TEND_EVERY_S = 60.0
"""Between two rounds of merging small parts and giving back what journals no longer need."""
_LOOK_EVERY_S = 0.5
_ENGINES_EVERY_S = 0.25
_HOUSEKEEPING_EVERY_S = 2.0
_EXCHANGE_EVERY_S = 3600.0
_SEED_EVERY_S = 600.0
_ANSWERS_EVERY_S = 2.0
_RETEST_EVERY_S = 900.0
_DRIFT_EVERY_S = 15.0
_CAPTURES_TIDY_EVERY_S = 3600.0
_COUNTS_KEPT_NS = 3600 * 10**9
_REPEAT_LOG_S = 60.0


class Jobs:
    """All jobs of one control process."""

    def __init__(self, control: Control, weighings: Weighings) -> None:
        self._control = control
        self._weighings = weighings
        self.drift = DriftWatch(control)
        self.supplies = Supplies(control)
        self._scribe: Any = None
        self._scribing = threading.Lock()
        # Due at once: a control that lives shorter than a round must tend, too.
        self._tended_s = -TEND_EVERY_S
        self.booked = 0
        """Lines booked since the start."""

    async def run(self) -> None:
        """Runs all jobs until cancelled."""
        control = self._control
        answers = AnswerWatch(control)
        authenticity = AuthenticityWatch(control)
        supply = SupplyWatch(control)
        async with asyncio.TaskGroup() as group:
            group.create_task(control.desk.run())
            group.create_task(control.publisher.run_core())
            group.create_task(control.publisher.run_clock())
            group.create_task(control.publisher.run_keys())
            group.create_task(self._watch_config())
            group.create_task(self._weighings.run_when_idle())
            group.create_task(PriceLoop(control).run())
            group.create_task(_every(_ENGINES_EVERY_S, self._look_at_engines))
            group.create_task(_every(SCRIBE_EVERY_S, self.scribe_once))
            group.create_task(_every(SCRIBE_EVERY_S, control.orders.keep_once))
            group.create_task(_every(_HOUSEKEEPING_EVERY_S, self._keep_house))
            group.create_task(_every(_EXCHANGE_EVERY_S, self._refresh_exchange))
            group.create_task(_every(_SEED_EVERY_S, self._seed_prices))
            group.create_task(_every(SCRIBE_EVERY_S, control.captures.keep_once))
            group.create_task(_every(_CAPTURES_TIDY_EVERY_S, control.captures.tidy_once))
            group.create_task(_every(_ANSWERS_EVERY_S, answers.look_once))
            group.create_task(_every(_ANSWERS_EVERY_S, answers.tell_once))
            group.create_task(_every(_ANSWERS_EVERY_S, supply.look_once))
            group.create_task(_every(_ANSWERS_EVERY_S, supply.tell_once))
            group.create_task(_every(_ANSWERS_EVERY_S, authenticity.tell_once))
            group.create_task(_every(_RETEST_EVERY_S, authenticity.test_once))
            group.create_task(_every(_DRIFT_EVERY_S, self.drift.look_once))
            group.create_task(_every(_DRIFT_EVERY_S, self.drift.tell_once))

    async def scribe_once(self) -> None:
        """Books what the journals hold by now."""
        try:
            await asyncio.to_thread(self._scribe_now)
        except (SteelyardError, OSError) as error:
            self._control.ledger_problem = str(error)
            raise
        self._control.ledger_problem = ""

    async def finish(self) -> None:
        """Books the rest before control ends, and lets go of the ledger."""
        try:
            await self.scribe_once()
        except (SteelyardError, OSError) as error:
            log.error("the ledger is behind, the next start will book the rest: %s", error)
        with self._scribing:
            if self._scribe is not None:
                self._scribe.close()

    def _scribe_now(self) -> None:
        # A cancelled job leaves its thread running: the last run at the end must wait for it.
        with self._scribing:
            if self._scribe is None:
                module = importlib.import_module("steelyard.ledger.scribe")
                self._scribe = module.Scribe(self._control.places.home, self._control.database)
            self.booked += self._scribe.run_once(time.time_ns()).booked
            self._book_corrections()
            if time.monotonic() - self._tended_s >= TEND_EVERY_S:
                self._tended_s = time.monotonic()
                self._tend()

    def _book_corrections(self) -> None:
        """Books what corrected prices come to, which only the holder of the ledger may."""
        control = self._control
        with control.database.read() as connection:
            is_due = bool(settings.get(connection, price_lists.PENDING, []))
            has_ended = orders.has_unbooked(connection)
        if is_due:
            module = importlib.import_module("steelyard.control.rebooking.rerate")
            folder = control.places.home / "ledger"
            self.booked += module.rerate(control.database, folder, time.time_ns())
        if has_ended:
            module = importlib.import_module("steelyard.control.rebooking.order_ends")
            folder = control.places.home / "ledger"
            self.booked += module.book_ends(control.database, folder, time.time_ns())

    def _tend(self) -> None:
        """Tidies up; what fails is tried again in the next round, and booking goes on."""
        try:
            self._scribe.tend(time.time_ns())
        except (StoreError, OSError) as error:
            log.error("the ledger cannot be tidied up: %s", error)

    async def _watch_config(self) -> None:
        """Applies steelyard.yaml whenever it changes; a bad one leaves the old state."""
        seen = await asyncio.to_thread(_fingerprint, self._control.places.config)
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now = await asyncio.to_thread(_fingerprint, self._control.places.config)
            if now == seen:
                continue
            seen = now
            try:
                await self._control.read_config()
            except StoreError:
                seen = None  # the database's fault, not the file's: try again
            except SteelyardError:
                pass  # said and shown by ``read_config``

    async def _look_at_engines(self) -> None:
        if await asyncio.to_thread(self._control.engines.look):
            self._control.tell_engines()

    async def _keep_house(self) -> None:
        now_ns = time.time_ns()

        def close() -> None:
            with self._control.database.write() as connection:
                leases.close_finished(connection, now_ns)
                leases.forget_counts(connection, now_ns - _COUNTS_KEPT_NS)

        await asyncio.to_thread(close)

    async def _refresh_exchange(self) -> None:
        if await asyncio.to_thread(self._control.refresh_exchange):
            self._control.publisher.core.want()

    async def _seed_prices(self) -> None:
        """Takes over what came with this version and was not needed for the first answer."""
        database = self._control.database
        if await asyncio.to_thread(price_lists.seed, database, time.time_ns()):
            self._control.publisher.core.want()


async def _every(pause_s: float, job: Callable[[], Awaitable[object]]) -> None:
    """Runs a job again and again; what fails for now is said once a minute, not every time."""
    said_s = 0.0
    while True:
        try:
            await job()
        except (StoreError, OSError) as error:
            if time.monotonic() - said_s > _REPEAT_LOG_S:
                said_s = time.monotonic()
                log.error("%s failed and is tried again: %s", job.__name__, error)
        await asyncio.sleep(pause_s)


def _fingerprint(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
