"""Publishes the snapshot: writes the files, pokes the workers, and knows when they have taken it.

Changes are gathered for a moment and written once. Core and key table are written apart, so that a
price change never waits for a million keys, and a revoked key never waits for either: it goes to
the workers at once, the table follows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from steelyard.control.places import Places
from steelyard.control.snapshot.compile import compile_core, write_keys
from steelyard.control.workers.link import LinkServer
from steelyard.domain.errors import StoreError
from steelyard.domain.instants import NS
from steelyard.gateway import snapshot
from steelyard.store import keys
from steelyard.store.database import Database

log = logging.getLogger(__name__)

_GATHER_S = 0.02
_RETRY_S = 1.0
_EASE = 4
"""After a write that took t, the next one of its kind waits ``_EASE`` × t for more changes."""
_GATHER_S_MAX = 20.0
_CLOCK_S_MIN, _CLOCK_S_MAX = 0.2, 30.0
_REVOKED_KEPT_NS = 600 * 10**9
"""A revoked key stays listed this long beyond the table's rewrite; a superset does no harm."""


class Publisher:
    """Writes what workers serve from; ``run_core`` and ``run_keys`` are its tasks."""

    def __init__(
        self,
        places: Places,
        database: Database,
        links: LinkServer,
        secrets: Callable[[], dict[str, str]],
    ) -> None:
        """``secrets`` gives the credential values of the moment by name."""
        self._folder = places.snapshot
        self._database = database
        self._links = links
        self._secrets = secrets
        self.core = _Round("snapshot core")
        self.keys = _Round("key table")
        self._changes_at_ns = 0
        self._written = asyncio.Event()
        """Set when a core was written, which may change sooner than the one before."""
        self.revision = 0
        """Of the core written last."""
        self.key_count = 0
        """Keys in the table written last."""

    async def run_core(self) -> None:
        """Writes the core whenever it is wanted, for ever."""
        await self.core.run(self._write_core, self._on_core)

    async def run_clock(self) -> None:
        """Wants the core anew whenever time alone changes a price or a proof, for ever."""
        while True:
            self._written.clear()
            wait_s = (self._changes_at_ns - time.time_ns()) / NS
            if self._changes_at_ns and wait_s <= 0:
                self.core.want()
                await self.core.done()
                await asyncio.sleep(_CLOCK_S_MIN)
                continue
            with contextlib.suppress(TimeoutError):
                # Not in one wait: clocks are set.
                async with asyncio.timeout(min(max(wait_s, _CLOCK_S_MIN), _CLOCK_S_MAX)):
                    await self._written.wait()

    async def run_keys(self) -> None:
        """Writes the key table whenever it is wanted, for ever."""
        await self.keys.run(self._write_keys, self._poke)

    def prepare(self) -> None:
        """Writes everything once, before workers are served; blocks."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write_core()
        self._write_keys()

    def revoke(self, hashes: list[bytes]) -> None:
        """Tells all workers at once that keys no longer hold; the table follows."""
        self._links.broadcast("revoked", hashes)
        self.keys.want()

    async def settled(self, round_: _Round, timeout_s: float) -> bool:
        """Whether everything wanted so far was written and taken up by all workers in time."""
        before = {link: link.loads for link in self._links.links}
        try:
            async with asyncio.timeout(timeout_s):
                await round_.done()
                while any(link.is_open and link.loads <= n for link, n in before.items()):
                    self._links.taken.clear()
                    await self._links.taken.wait()
        except TimeoutError:
            return False
        return True

    def _write_core(self) -> None:
        with self._database.read() as connection:
            core = compile_core(connection, time.time_ns())
        # The secrets first: a channel in the core may need a new one.
        snapshot.write_secrets(self._folder, self._secrets())
        snapshot.write(self._folder, core)
        self.revision = core.revision
        self._changes_at_ns = core.changes_at_ns

    def _write_keys(self) -> None:
        now_ns = time.time_ns()
        with self._database.read() as connection:
            self.key_count = write_keys(connection, self._folder, now_ns)
            revoked = keys.revoked_since(connection, now_ns - _REVOKED_KEPT_NS)
        snapshot.write_revoked(self._folder, revoked)

    def _on_core(self) -> None:
        self._written.set()
        self._poke()

    def _poke(self) -> None:
        self._links.broadcast("snapshot", self.revision)


class _Round:
    """Gathers wishes for one file and has it written once for all of them."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._wanted = asyncio.Event()
        self._wishes = 0
        self._done = 0
        self._progress = asyncio.Condition()
        self._took_s = 0.0

    def want(self) -> None:
        """The file is out of date."""
        self._wishes += 1
        self._wanted.set()

    async def done(self) -> None:
        """Returns when everything wanted before this call is written."""
        wishes = self._wishes
        async with self._progress:
            await self._progress.wait_for(lambda: self._done >= wishes)

    async def run(self, write: Callable[[], None], poke: Callable[[], None]) -> None:
        """Writes on demand, for ever; a database or disk that fails is tried again."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(min(_GATHER_S_MAX, _GATHER_S + _EASE * self._took_s))
            self._wanted.clear()
            wishes, began_s = self._wishes, time.monotonic()
            try:
                await asyncio.to_thread(write)
            except (StoreError, OSError) as error:
                log.error("the %s cannot be written, trying again: %s", self._what, error)
                self._wanted.set()
                await asyncio.sleep(_RETRY_S)
                continue
            took_s = time.monotonic() - began_s
            # Small writes are not worth waiting for; only a long one makes the next one patient.
            self._took_s = took_s if took_s > 0.5 else 0.0
            poke()
            async with self._progress:
                self._done = wishes
                self._progress.notify_all()
