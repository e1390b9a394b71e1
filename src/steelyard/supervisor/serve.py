"""The supervisor: one lock, the sockets, and every process of a state folder.

Order of life: lock, sockets, control, workers, engines. Order of death: workers drain while control
still answers their leases, then control, then the engines, which the last calls may still use.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
from collections.abc import Coroutine
from typing import Any

from steelyard.local.files import ModelStore, default_folder
from steelyard.local.sources import SourceSettings
from steelyard.supervisor import home as home_files
from steelyard.supervisor import sockets
from steelyard.supervisor.api import Api
from steelyard.supervisor.child import Child, Spec
from steelyard.supervisor.engines import STATE_FILE, WISHES_FILE, Engines
from steelyard.supervisor.greeter import Greeter
from steelyard.supervisor.native import worker_environment
from steelyard.supervisor.settings import Settings
from steelyard.supervisor.teller import Teller

CONTROL_GRACE_S = 10.0
_PROCESSES_FILE = "processes.json"
"""In the runtime folder; one that is there before the start was left by a kill."""
_LEFT_OVER_S = 15.0
"""Within this time a killed supervisor's worker has closed its socket, busy as it may be."""
_SETTLE_S = 5.0
"""What a worker gets after its drain to settle what was cut."""
_LOOK_S = 1.0
"""Seconds between looks at logs and engine wishes."""
_SNAPSHOT_WAIT_S = 30.0
"""How long a first start waits for control before workers are started regardless."""


def serve(settings: Settings, teller: Teller) -> int:
    """Runs everything until a signal says stop; the process's exit code.

    Raises:
        ConfigError: the state folder or the port is taken, or cannot be used.
    """
    home_files.make_private(settings.home)
    home_files.make_private(settings.runtime)
    lock = home_files.HomeLock(settings.home)
    try:
        listeners = listen(settings)
        for left_over in (STATE_FILE, WISHES_FILE):
            (settings.runtime / left_over).unlink(missing_ok=True)
        settings = dataclasses.replace(settings, port=listeners[0].getsockname()[1])
        return asyncio.run(Supervisor(settings, teller, lock, listeners).run())
    finally:
        lock.release()


def listen(settings: Settings) -> list[socket.socket]:
    """The sockets of a run; who follows a killed supervisor waits for its workers to let go.

    Raises:
        ConfigError: the port is taken, by others as far as can be told.
    """
    was_killed = (settings.runtime / _PROCESSES_FILE).exists()
    wait_s = _LEFT_OVER_S if was_killed else sockets.BIND_WAIT_S
    return sockets.bind(settings.host, settings.port, settings.workers, wait_s)


class Supervisor:
    """Owns every child process of one state folder."""

    def __init__(
        self,
        settings: Settings,
        teller: Teller,
        lock: home_files.HomeLock,
        listeners: list[socket.socket],
    ) -> None:
        self._settings = settings
        self._teller = teller
        self._lock = lock
        self._listeners = listeners
        self._api = Api(settings.home, settings.runtime)
        self._stop_asked = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._control = self._child(self._control_spec())
        self._workers = [self._child(self._worker_spec(n)) for n in range(settings.workers)]
        store = ModelStore(default_folder(os.environ), SourceSettings.from_environment(os.environ))
        self._engines = Engines(settings.home, settings.runtime, store, teller)
        self._greeter = Greeter(settings, teller, self._api, self._engines)
        self._has_failed = False

    async def run(self) -> int:
        """Starts all, waits for the signal, drains all; 0 when everything ended by itself."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        self._own(self._control.run())
        self._own(self._start_workers())
        watches = [self._own(self._look()), self._own(self._engines.run())]
        watches.append(self._own(self._greeter.run()))
        await self._stop_asked.wait()
        for watch in watches:
            watch.cancel()
        return await self._drain()

    def _own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts a task that this supervisor keeps; one that fails stops everything, loudly."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._teller.warn(f"the supervisor itself failed: {type(error).__name__}: {error}")
        self._has_failed = True
        self._stop_asked.set()

    async def _start_workers(self) -> None:
        """Starts the workers: at once from the last snapshot, on a first start after control."""
        has_snapshot = (self._settings.home / "snapshot" / "core.msgpack").exists()
        deadline = asyncio.get_running_loop().time() + _SNAPSHOT_WAIT_S
        while not has_snapshot and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
            has_snapshot = await asyncio.to_thread(self._api.answers)
        if not self._stop_asked.is_set():
            for worker in self._workers:
                self._own(worker.run())

    async def _look(self) -> None:
        """Shows what children log of importance, again and again."""
        while True:
            for child in [self._control, *self._workers]:
                for line in child.log.look():
                    self._teller.warn(f"{child.spec.name}: {line}")
            await asyncio.sleep(_LOOK_S)

    async def _drain(self) -> int:
        self._teller.say("stopping: calls in flight may end; interrupt again to stop at once")
        drain_s = self._settings.drain_s
        groups = (
            (self._workers, drain_s + _SETTLE_S),
            ([self._control], CONTROL_GRACE_S),
        )
        slow: list[str] = []
        for children, grace_s in groups:
            ended = await asyncio.gather(*(child.stop(grace_s) for child in children))
            slow += [c.spec.name for c, ok in zip(children, ended, strict=True) if not ok]
        await self._engines.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.close()
        (self._settings.runtime / _PROCESSES_FILE).unlink(missing_ok=True)
        if slow:
            self._teller.warn(f"had to be ended: {', '.join(slow)}")
        self._teller.say("stopped")
        return int(self._has_failed)

    def _on_stop(self) -> None:
        if not self._stop_asked.is_set():
            self._stop_asked.set()
            return
        for child in [*self._workers, self._control]:
            child.kill()

    def _on_hangup(self) -> None:
        self._own(self._apply())

    async def _apply(self) -> None:
        """Has control read the configuration file again; says how that went."""
        for line in await asyncio.to_thread(self._api.apply):
            self._teller.say(line)

    def _child(self, spec: Spec) -> Child:
        return Child(spec, self._teller, self._write_processes)

    def _write_processes(self) -> None:
        """Tells everyone who looks which process does what: the status page, tests, people."""
        children = [self._control, *self._workers]
        rows = {
            child.spec.name: {"pid": child.pid, "starts": child.starts, "argv": child.arguments}
            for child in children
        }
        state = {"address": self._settings.address, "pid": os.getpid(), "processes": rows}
        with contextlib.suppress(OSError):  # a full disk must not stop a restart
            home_files.write_state(self._settings.runtime / _PROCESSES_FILE, state)

    def _control_spec(self) -> Spec:
        settings = self._settings
        where = ("--home", str(settings.home), "--runtime", str(settings.runtime))
        command = (settings.control_module, *where, "--port", str(settings.port))
        return Spec("control", lambda: command, settings.home / "logs" / "control.log")

    def _worker_spec(self, number: int) -> Spec:
        settings, fd = self._settings, self._listeners[number].fileno()
        where = ("--home", str(settings.home), "--runtime", str(settings.runtime))

        def command() -> tuple[str, ...]:
            incarnation = str(self._lock.next_incarnation())
            return (
                settings.worker_module,
                *where,
                *("--incarnation", incarnation, "--worker", str(number)),
                *("--workers", str(settings.workers), "--fd", str(fd)),
                *("--drain-s", str(settings.drain_s)),
            )

        log = settings.home / "logs" / f"worker-{number}.log"
        # A worker may finish its calls when the supervisor is killed; the others cannot do without.
        environment = worker_environment(os.environ)
        return Spec(f"worker-{number}", command, log, (fd,), signal.SIGTERM, environment)
