"""An engine as a child process: started, watched, started again after a death, stopped.

The supervisor owns one ``EngineProcess`` per local model and runs ``run`` in a task of its own. The
engine lives in its own session, so that Ctrl-C reaches the supervisor alone, which stops engines
only after the workers have drained; the kernel kills the engine when the supervisor dies.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from steelyard.domain.errors import ModelError
from steelyard.local.machine import threads_default

_EXIT_HOPELESS = 2
"""The engine's exit code when starting it again will not help."""
_STDERR_LINES = 20


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What to start."""

    name: str
    """Name of the model in answers."""
    path: Path
    """GGUF file, verified by whoever made the spec."""
    port: int
    """Port on 127.0.0.1; 0 takes a free one, and later starts take the same again."""
    key_file: Path
    """File of mode 0600 with the key that callers must show; see ``ensure_key``."""
    slots: int = 1
    """Generations at a time, one or two: more share the same cores out, they add no speed."""
    threads: int = field(default_factory=threads_default)
    context_tokens: int = 8192
    """Context of each slot."""
    waiting_max: int = 16
    """Requests that may wait for a slot before one more is refused with 503."""
    waiting_s: float = 30.0
    """How long a request may wait for a slot."""

    def command(self, port: int, python: str = sys.executable) -> list[str]:
        """Return the command line, which holds no secret."""
        return [
            *(python, "-m", "steelyard.local.engine", "--name", self.name),
            *("--model", str(self.path), "--port", str(port), "--key-file", str(self.key_file)),
            *("--slots", str(self.slots), "--threads", str(self.threads)),
            *("--context", str(self.context_tokens), "--waiting-max", str(self.waiting_max)),
            *("--waiting-s", str(self.waiting_s), "--parent-pid", str(os.getpid())),
        ]


@dataclass(frozen=True, slots=True)
class EngineReady:
    """An engine that answers."""

    port: int
    pid: int
    load_s: float
    """Seconds the model took to load."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what."""

    ready_s: float = 120.0
    """For an engine to load its model."""
    stop_s: float = 5.0
    """For an engine to end before it is killed."""
    pause_first_s: float = 0.5
    """Before the first new start; doubled after every further death."""
    pause_max_s: float = 30.0
    """Longest pause, and so the highest rate of starts in the long run."""
    steady_s: float = 60.0
    """An engine that lived this long starts the pauses anew."""


class EngineProcess:
    """One engine, kept running while ``run`` runs."""

    def __init__(
        self,
        spec: EngineSpec,
        *,
        patience: Patience | None = None,
        on_change: Callable[[EngineReady | None, str], None] | None = None,
        command: Callable[[int], Sequence[str]] | None = None,
    ) -> None:
        """Prepare; nothing starts yet.

        Args:
            spec: what to start.
            patience: how long to wait for what.
            on_change: told with the ready engine, or None and the reason, whenever that changes.
            command: gives the command line for a port instead of the spec's own, for tests.
        """
        self.spec = spec
        self.ready: EngineReady | None = None
        """The engine that answers now, if one does."""
        self.starts = 0
        """Starts so far, failed ones included."""
        self._patience = patience or Patience()
        self._on_change = on_change
        self._command = command or spec.command
        self._port = spec.port
        self._process: Process | None = None
        self._is_stopping = asyncio.Event()
        self._has_ended = asyncio.Event()
        self._has_ended.set()

    async def run(self) -> None:
        """Keep the engine running until ``stop``; a cancellation ends it as well.

        Raises:
            ModelError: code ``engine_failed``: starting it again will not help, and why.
        """
        self._has_ended.clear()
        pause_s = self._patience.pause_first_s
        try:
            while not self._is_stopping.is_set():
                began = time.monotonic()
                death = await self._live_once()
                if death.is_hopeless and not self._is_stopping.is_set():
                    raise ModelError(death.reason, code="engine_failed")
                if time.monotonic() - began >= self._patience.steady_s:
                    pause_s = self._patience.pause_first_s
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._is_stopping.wait(), pause_s)
                pause_s = min(2 * pause_s, self._patience.pause_max_s)
        finally:
            self._has_ended.set()

    async def stop(self) -> None:
        """End the engine, and return once ``run`` is about to."""
        self._is_stopping.set()
        if self._process is not None:
            await self._end(self._process)
        await self._has_ended.wait()

    async def _live_once(self) -> _Death:
        """Start the engine and return how it died."""
        self.starts += 1
        process = await asyncio.create_subprocess_exec(
            *self._command(self._port), stdout=PIPE, stderr=PIPE, start_new_session=True
        )
        self._process = process
        said: deque[str] = deque(maxlen=_STDERR_LINES)
        loop = asyncio.get_running_loop()
        listening = loop.create_task(_collect(process.stderr, said))
        hint = ""
        try:
            if not self._is_stopping.is_set():
                async with asyncio.timeout(self._patience.ready_s):
                    self._has_become_ready(await _read_ready(process.stdout))
                await process.wait()
        except TimeoutError:
            hint = f"not ready within {self._patience.ready_s:g} s"
        finally:
            await self._end(process)
            self._process = None
            await listening
            hint = hint or (said[-1] if said else f"ended with code {process.returncode}")
            self._change(None, "stopped" if self._is_stopping.is_set() else hint)
        return _Death(hint, is_hopeless=process.returncode == _EXIT_HOPELESS)

    def _has_become_ready(self, line: dict[str, object] | None) -> None:
        if line is not None and self._process is not None:
            port, load_s = int(str(line["port"])), float(str(line["load_s"]))
            self._port = port
            self._change(EngineReady(port, self._process.pid, load_s), "ready")

    def _change(self, ready: EngineReady | None, reason: str) -> None:
        self.ready = ready
        if self._on_change is not None:
            self._on_change(ready, reason)

    async def _end(self, process: Process) -> None:
        """Ask the engine to end, then make it."""
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(self._patience.stop_s):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class _Death:
    """How one life of an engine ended."""

    reason: str
    is_hopeless: bool


def ensure_key(path: Path) -> str:
    """Return the key in ``path``; make one, readable by the owner only, if there is none."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    key = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w", encoding="ascii") as writer:
        writer.write(key + "\n")
    return key


async def _read_ready(stdout: asyncio.StreamReader | None) -> dict[str, object] | None:
    """Return the engine's line that it is ready, None when it ended before."""
    while stdout is not None and (line := await stdout.readline()):
        with suppress(ValueError):
            fields = json.loads(line)
            if isinstance(fields, dict) and fields.get("ready") is True:
                return fields
    return None


async def _collect(stderr: asyncio.StreamReader | None, said: deque[str]) -> None:
    """Keep the last lines an engine said, so that its pipe never fills."""
    while stderr is not None and (line := await stderr.readline()):
        said.append(line.decode("utf-8", "replace").rstrip())
