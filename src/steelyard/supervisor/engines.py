"""The local models: fetched where they are missing, then each behind an engine of its own.

Control wishes (``engines.json``), this follows, and says in ``engines.state.json`` how far it got.
Files are fetched one at a time, the smallest first, and every engine starts as soon as its own file
is there, so that the first answer does not wait for the last byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from steelyard.domain.errors import ModelError
from steelyard.local.files import ModelStore
from steelyard.local.machine import threads_default
from steelyard.local.models import LocalModel, catalogue, own_model
from steelyard.local.process import EngineProcess, EngineReady, EngineSpec, ensure_key
from steelyard.supervisor.home import read_state, write_durably, write_state
from steelyard.supervisor.teller import Teller

WISHES_FILE = "engines.json"
STATE_FILE = "engines.state.json"
STOPPED_FILE = "engines.stopped"
"""In the state folder: names of engines that a person has stopped, one a line."""
_LOOK_S = 0.25
_REPORT_EVERY_BYTES = 1 << 20
_RETRY_FIRST_S = 15.0
_RETRY_MAX_S = 600.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Wish:
    """An engine that control wants."""

    name: str
    model_file: str = ""
    """A GGUF file of the user's own; empty for a model of the catalogue."""
    threads: int | None = None
    slots: int | None = None
    context: int | None = None
    """Tokens of each slot."""
    port: int | None = None


@dataclass(slots=True)
class EngineState:
    """How far one engine is."""

    state: str = "loading"
    """``fetching``, ``loading``, ``up`` or ``down``."""
    port: int = 0
    pid: int = 0
    detail: str = ""
    """For people: why it is not up."""
    done: int = 0
    """Bytes fetched."""
    total: int = 0
    """Bytes to fetch; 0 when the file is there."""


def read_wishes(path: Path) -> dict[str, Wish] | None:
    """The engines that the file asks for, by name; None while there is no readable file."""
    value = read_state(path)
    if not isinstance(value, dict) or not isinstance(value.get("engines"), list):
        return None
    known = Wish.__dataclass_fields__
    rows = [{k: v for k, v in row.items() if k in known} for row in value["engines"]]
    return {row["name"]: Wish(**row) for row in rows if isinstance(row.get("name"), str)}


def read_stopped(home: Path) -> frozenset[str]:
    """Engines that a person has stopped."""
    try:
        return frozenset((home / STOPPED_FILE).read_text("utf-8").split())
    except FileNotFoundError:
        return frozenset()


def set_stopped(home: Path, name: str, *, is_stopped: bool) -> None:
    """Stops an engine or lets it run again; the supervisor follows within a second."""
    names = read_stopped(home) | {name} if is_stopped else read_stopped(home) - {name}
    write_durably(home / STOPPED_FILE, "".join(f"{n}\n" for n in sorted(names)).encode())


class Engines:
    """Keeps what control wishes running."""

    def __init__(self, home: Path, runtime: Path, store: ModelStore, teller: Teller) -> None:
        self.states: dict[str, EngineState] = {}
        """Every engine that is wished for, smallest model first."""
        self.wishes: dict[str, Wish] | None = None
        """What control last asked for; None until it did."""
        self._home = home
        self._runtime = runtime
        self._store = store
        self._teller = teller
        self._stopped: frozenset[str] = frozenset()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._fetching = asyncio.Lock()
        self._written: dict[str, Any] | None = None

    async def run(self) -> None:
        """Follows the wishes; a cancellation stops looking, the engines stay until ``stop``."""
        while True:
            wishes = read_wishes(self._runtime / WISHES_FILE)
            stopped = read_stopped(self._home)
            if wishes is not None and (wishes, stopped) != (self.wishes, self._stopped):
                await self._follow(wishes, stopped)
            self._write_states()
            await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        """Ends all engines and all fetching, and waits for them."""
        await self._end(list(self._tasks))

    async def _follow(self, wishes: dict[str, Wish], stopped: frozenset[str]) -> None:
        before, self.wishes, self._stopped = self.wishes or {}, wishes, stopped
        gone = [n for n in self._tasks if before.get(n) != wishes.get(n) or n in stopped]
        await self._end(gone)
        for name in self.states.keys() - wishes.keys():
            del self.states[name]
        models: dict[str, LocalModel] = {}
        for name, wish in wishes.items():
            if name in self._tasks:
                continue
            self.states[name] = EngineState()
            if name in stopped:
                self._down(name, f"stopped by hand; to start it: steelyard models start {name}")
                continue
            try:
                models[name] = _model_of(wish)
            except ModelError as error:
                self._down(name, error.message)
        fresh = sorted(models.items(), key=lambda item: item[1].bytes_total)
        self._announce([model for _, model in fresh])
        loop = asyncio.get_running_loop()
        for name, model in fresh:  # in this order they also queue for ``_fetching``
            self._tasks[name] = loop.create_task(self._keep(wishes[name], model))

    def _announce(self, models: list[LocalModel]) -> None:
        missing = [model for model in models if not self._store.is_present(model)]
        if not missing:
            return
        each = ", ".join(f"{m.name} {_mb(m.bytes_total)}" for m in missing)
        total = _mb(sum(model.bytes_total for model in missing))
        self._teller.say(f"to fetch once, {total} in all: {each} (into {self._store.folder})")

    async def _end(self, names: list[str]) -> None:
        tasks = [self._tasks.pop(name) for name in names]
        for name, task in zip(names, tasks, strict=True):
            self.states.pop(name, None)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, wish: Wish, model: LocalModel) -> None:
        """Brings the file, then keeps the engine running; tries again what may mend itself."""
        pause_s = _RETRY_FIRST_S
        while True:
            try:
                path = await self._fetch(wish.name, model)
                await self._run_engine(wish, path)
            except (ModelError, OSError) as error:
                self._down(wish.name, str(error))
            await asyncio.sleep(pause_s)
            pause_s = min(_RETRY_MAX_S, pause_s * 2)

    async def _fetch(self, name: str, model: LocalModel) -> Path:
        state = self.states[name]
        if not self._store.is_present(model):
            state.state, state.total = "fetching", model.bytes_total
        async with self._fetching:
            loop, is_over = asyncio.get_running_loop(), threading.Event()

            def progress(done: int, total: int, stage: str) -> None:
                if is_over.is_set():
                    raise ModelError("stopped", code="model_stopped")
                if done - seen[0] >= _REPORT_EVERY_BYTES or done >= total or done < seen[0]:
                    seen[0] = done
                    loop.call_soon_threadsafe(self._report, name, (done, total), stage)

            seen = [0]
            try:
                return await _in_daemon(lambda: self._store.pull(model, progress))
            finally:
                is_over.set()

    def _report(self, name: str, bytes_: tuple[int, int], stage: str) -> None:
        if (state := self.states.get(name)) is None:
            return
        state.done, state.total = bytes_
        state.state = "fetching" if stage == "download" else "loading"
        self._teller.progress(name, *bytes_, stage)

    async def _run_engine(self, wish: Wish, path: Path) -> None:
        key_file = self._runtime / f"engine-{wish.name.replace('/', '_')}.key"
        ensure_key(key_file)
        spec = EngineSpec(
            name=wish.name,
            path=path,
            port=wish.port or 0,
            key_file=key_file,
            slots=wish.slots or 1,
            threads=wish.threads or threads_default(),
            context_tokens=wish.context or 8192,
        )

        def on_change(ready: EngineReady | None, reason: str) -> None:
            self._on_change(wish.name, ready, reason)

        self.states[wish.name].state = "loading"
        await EngineProcess(spec, on_change=on_change).run()

    def _on_change(self, name: str, ready: EngineReady | None, reason: str) -> None:
        if (state := self.states.get(name)) is None:
            return  # being stopped
        if ready is not None:
            state.state, state.port, state.pid, state.detail = "up", ready.port, ready.pid, ""
            self._teller.say(f"{name} answers (loaded in {ready.load_s:.1f} s)")
        elif state.state == "up":
            self._down(name, reason)
        self._write_states()

    def _down(self, name: str, reason: str) -> None:
        state = self.states.setdefault(name, EngineState())
        if state.detail != reason:  # told once, however often it is tried again
            self._teller.warn(f"{name} is down: {reason}")
        state.state, state.detail, state.pid = "down", reason, 0
        self._write_states()

    def _write_states(self) -> None:
        rows = {name: asdict(state) for name, state in self.states.items()}
        if self.wishes is not None and rows != self._written:
            self._written = rows
            with contextlib.suppress(OSError):  # a full disk must not stop an engine
                write_state(self._runtime / STATE_FILE, rows)


def _model_of(wish: Wish) -> LocalModel:
    """The model behind a wish.

    Raises:
        ModelError: it is neither of the catalogue nor an existing file.
    """
    known = catalogue().get(wish.name)
    if known is not None and (not wish.model_file or Path(wish.model_file).name == known.file):
        return known
    return own_model(wish.name, Path(wish.model_file))


async def _in_daemon(work: Callable[[], _T]) -> _T:
    """The result of ``work`` in a thread that does not hold up the end of the process.

    The loop's own executor would: a download that stands still could then not be interrupted.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def finish(outcome: Callable[[], None]) -> None:
        if not future.done():
            outcome()

    def run() -> None:
        try:
            outcome = partial(future.set_result, work())
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            outcome = partial(future.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(finish, outcome)

    threading.Thread(target=run, name="fetch", daemon=True).start()
    return await future


def _mb(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
