"""The worker process: sockets in, a journal out.

Started by the supervisor as ``python -m steelyard.gateway.worker`` with the listening socket
inherited; serves from the last snapshot whether control is there or not; on SIGTERM it lets calls
under way end, settles what is cut, and leaves.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import uvloop

from steelyard.domain.errors import SteelyardError, StoreUnavailable
from steelyard.gateway.admin import AdminRelay
from steelyard.gateway.link import Link
from steelyard.gateway.routes import Routes, refuse
from steelyard.gateway.state import WorkerState, load_view
from steelyard.journal.process_log import log_to_stderr
from steelyard.journal.segment import Journal
from steelyard.wire.server import Server, ServerLimits
from steelyard.wire.timers import TimerWheel

log = logging.getLogger("steelyard.worker")

SYNC_S = 0.05
"""Between two fdatasyncs of the journal: what a power cut can lose."""
GIVE_BACK_S = 5.0
DRAIN_S = 25.0
_GC_EVERY = 20_000
_SWITCH_S = 0.0005
"""How soon a thread that loads a snapshot or syncs the journal gives way to the loop."""


class Worker:
    """One worker's parts and its life from first socket to last settlement."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._home = Path(options.home)
        self._runtime = Path(options.runtime)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._reload = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._wheel = TimerWheel(loop)
        self._journal = Journal(self._home / "journal", options.incarnation)
        hello = [options.incarnation, options.worker, os.getpid(), 0]
        self._link = Link(str(self._runtime / "control.link"), hello, self._news)
        self.state = WorkerState(
            incarnation=options.incarnation,
            journal=self._journal,
            link=self._link,
            workers=options.workers,
            wheel=self._wheel,
            loop=loop,
        )
        self._admin = AdminRelay(str(self._runtime / "control.http"), self._wheel)
        routes = Routes(self.state, self._admin)
        self._server = Server(routes.handle, ServerLimits(), self._wheel, refuse)

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stopping.set)
        own = self._runtime / f"worker-{self._options.worker}.http"
        await self._load()
        await self._link.open()
        await self._server.listen(socket.socket(fileno=self._options.fd))
        await self._server.listen(_unix_socket(own))
        self._own(self._sync_journal())
        self._own(self._follow_snapshots())
        self._own(self._give_back())
        gc.collect()
        gc.freeze()
        # Calls leave no cycles behind; looking for some after every 700 objects is for others.
        gc.set_threshold(_GC_EVERY)
        await self._stopping.wait()
        await self._stop()

    async def _stop(self) -> None:
        self.state.is_draining = True
        await self._server.drain(self._options.drain_s)
        # Clients that were cut off have ended their attempts: each settled in that very callback.
        for task in self._tasks:
            task.cancel()
        self.state.channels.close()
        self._admin.close()
        self._link.close()
        self._journal.sync()
        self._journal.close()
        self._wheel.close()

    def _own(self, coroutine: Any) -> None:
        """Keeps a task of the worker; one that dies takes the worker with it, loudly."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a worker's own task died: %r", task.exception())
            self._stopping.set()

    def _news(self, kind: str, fields: list[Any]) -> None:
        if kind == "snapshot":
            self._reload.set()
        else:
            self.state.told(kind, fields)

    async def _follow_snapshots(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            await self._load()

    async def _load(self) -> None:
        """Decodes the snapshot off the loop and swaps it in; a bad one leaves the old in place."""
        try:
            view, revoked = await asyncio.to_thread(load_view, self._home / "snapshot")
        except StoreUnavailable as error:
            if self.state.has_view:
                log.error("snapshot not taken: %s", error)
            return
        except SteelyardError as error:
            log.error("snapshot not taken: %s", error)
            return
        before = self.state.swap(view, revoked)
        self._link.send("loaded", view.revision)
        # What a snapshot holds lives until the next: the collector need never walk it.
        gc.freeze()
        if before is not None:
            await asyncio.to_thread(before.close)

    async def _sync_journal(self) -> None:
        """Keeps the journal durable and the next segment ready, in another thread."""
        while True:
            await asyncio.sleep(SYNC_S)
            await asyncio.to_thread(self._tend_journal)

    def _tend_journal(self) -> None:
        if self._journal.needs_prepare:
            self._journal.prepare()
        self._journal.sync()

    async def _give_back(self) -> None:
        while True:
            await asyncio.sleep(GIVE_BACK_S)
            self.state.give_back()


def _unix_socket(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(path))
    path.chmod(0o600)
    return sock


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="steelyard-worker", description=__doc__)
    parser.add_argument("--home", required=True, help="state folder")
    parser.add_argument("--runtime", required=True, help="folder of sockets")
    parser.add_argument("--incarnation", type=int, required=True, help="number of this life")
    parser.add_argument("--worker", type=int, default=0, help="number among the workers")
    parser.add_argument("--workers", type=int, default=1, help="how many workers there are")
    parser.add_argument("--fd", type=int, required=True, help="listening socket")
    parser.add_argument("--drain-s", type=float, default=DRAIN_S, help="grace for calls under way")
    return parser.parse_args()


async def _main(options: argparse.Namespace) -> None:
    await Worker(options).run()


def main() -> None:
    """Entry of the process."""
    options = _options()
    log_to_stderr("%(asctime)s worker %(levelname)s %(message)s")
    sys.setswitchinterval(_SWITCH_S)
    uvloop.run(_main(options))


if __name__ == "__main__":
    main()
