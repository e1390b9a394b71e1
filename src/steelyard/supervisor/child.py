"""One child process: started, watched, restarted with back-off, ended in good order.

The supervisor never gives up on a child: a gateway that answers badly for a while is better than
one that has ended for good. What changes with repetition is the pause and the tone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from steelyard.domain.errors import SteelyardError
from steelyard.supervisor.logs import Log
from steelyard.supervisor.teller import Teller

PAUSE_MIN_S = 0.1
PAUSE_MAX_S = 15.0
"""Pauses between restarts of a child that keeps dying: doubled each time, up to this."""
STEADY_S = 20.0
"""A child that lived this long is believed well again."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a child is."""

    name: str
    command: Callable[[], Sequence[str]]
    """Module and arguments; asked anew at each start, because an incarnation is used once."""
    log: Path
    fds: tuple[int, ...] = ()
    """Open files that the child inherits under the same numbers."""
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends the child when the supervisor dies."""
    environment: Mapping[str, str] | None = None
    """None for our own."""


class Child:
    """Keeps one process alive until told to stop."""

    def __init__(self, spec: Spec, teller: Teller, on_change: Callable[[], None]) -> None:
        self.spec = spec
        self.log = Log(spec.log)
        self.pid: int | None = None
        """The live process; None between two of them."""
        self.arguments: tuple[str, ...] = ()
        """What the live process was started with."""
        self.starts = 0
        self._teller = teller
        self._on_change = on_change
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Runs the child again and again; returns after ``stop``."""
        pause_s = 0.0
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began = loop.time()
            try:
                how = self._obituary(await self._run_once())
            except (OSError, SteelyardError) as error:  # no memory, no disk: that may pass
                how = f"cannot be started: {error}"
            if self._stopping.is_set():
                return
            if loop.time() - began >= STEADY_S:
                pause_s = 0.0
            again = f"in {pause_s:.1f} s" if pause_s else "now"
            self._teller.warn(f"{self.spec.name} {how}; starting it again {again}")
            await self._wait_stopping(pause_s)
            pause_s = min(PAUSE_MAX_S, max(PAUSE_MIN_S, pause_s * 2))

    async def stop(self, grace_s: float) -> bool:
        """Asks the process to end, and makes it after ``grace_s``; whether it ended by itself."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return True
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), grace_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            return False
        return True

    def kill(self) -> None:
        """Ends the process at once; ``run`` starts another unless it is stopping."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def _run_once(self) -> int:
        self.arguments = tuple(self.spec.command())
        log = self.log.open()
        try:
            # A group of its own: Ctrl-C in the terminal reaches the supervisor alone, which then
            # drains. -P: no module in the current folder may take the place of one of ours.
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "steelyard.supervisor.launch"),
                *(str(os.getpid()), str(int(self.spec.death_signal)), *self.arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self.spec.fds,
                process_group=0,
                env=self.spec.environment,
            )
        finally:
            os.close(log)
        self.starts += 1
        self.pid = self._process.pid
        self._on_change()
        if self._stopping.is_set():  # stop() came while the process was being made
            self._process.terminate()
        code = await self._process.wait()
        self.pid = None
        self._on_change()
        return code

    def _obituary(self, code: int) -> str:
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        said = self.log.last_line()
        self.log.look()  # the same words need not be told twice
        return f"ended with {code}{f' ({said})' if said else ''}, log: {self.log.path}"

    async def _wait_stopping(self, pause_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause_s)
