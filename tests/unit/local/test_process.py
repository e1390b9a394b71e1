from __future__ import annotations

import asyncio
import os
import stat
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from steelyard.domain.errors import ModelError
from steelyard.local.process import (
    EngineProcess,
    EngineReady,
    EngineSpec,
    Patience,
    ensure_key,
)

QUICK = Patience(ready_s=10, stop_s=0.5, pause_first_s=0.01, pause_max_s=0.04)
READY = """
import json, sys, time
print(json.dumps({"ready": True, "port": %s, "load_s": 0.5}), flush=True)
"""


class Watched:
    """An engine made of a script, and what it told."""

    def __init__(self, script: str, patience: Patience = QUICK, port: int = 0) -> None:
        self.news: list[tuple[EngineReady | None, str]] = []
        self.ports: list[int] = []
        self.changed = asyncio.Event()
        spec = EngineSpec("tiny", Path("tiny.gguf"), port, Path("key"))
        self.engine = EngineProcess(
            spec, patience=patience, on_change=self._note, command=self._command
        )
        self.script = script

    def _command(self, port: int) -> list[str]:
        self.ports.append(port)
        return [sys.executable, "-I", "-S", "-c", self.script]

    def _note(self, ready: EngineReady | None, reason: str) -> None:
        self.news.append((ready, reason))
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 20))  # type: ignore[arg-type]


def test_the_command_line_holds_no_secret(tmp_path: Path) -> None:
    key = ensure_key(tmp_path / "key")
    spec = EngineSpec("tiny", Path("/m/tiny.gguf"), 0, tmp_path / "key", threads=1)
    command = spec.command(8123)
    assert key not in command
    assert command[1:3] == ["-m", "steelyard.local.engine"]
    assert command[command.index("--port") + 1] == "8123"
    assert command[command.index("--parent-pid") + 1] == str(os.getpid())


def test_a_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = ensure_key(path)
    assert len(key) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ensure_key(path) == key


def test_it_becomes_ready_and_stops() -> None:
    async def story() -> None:
        watched = Watched("print('chatter')\n" + READY % 4321 + "time.sleep(60)")
        engine = watched.engine
        running = asyncio.ensure_future(engine.run())
        await watched.until(lambda: engine.ready is not None)
        assert engine.ready is not None
        assert (engine.ready.port, engine.ready.load_s) == (4321, 0.5)
        pid = engine.ready.pid
        await engine.stop()
        await running
        assert watched.news[-1] == (None, "stopped")
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(story)


def test_one_that_dies_is_started_again_on_its_port() -> None:
    async def story() -> None:
        watched = Watched(READY % 4321 + "sys.exit('out of luck')")
        running = asyncio.ensure_future(watched.engine.run())
        await watched.until(lambda: watched.engine.starts >= 3)
        await watched.engine.stop()
        await running
        assert watched.ports[:2] == [0, 4321]
        assert (None, "out of luck") in watched.news

    run(story)


def test_the_pauses_grow() -> None:
    async def story() -> None:
        patience = Patience(stop_s=0.5, pause_first_s=0.05, pause_max_s=0.2)
        watched = Watched("raise SystemExit(1)", patience)
        running = asyncio.ensure_future(watched.engine.run())
        began = time.monotonic()
        await watched.until(lambda: len(watched.news) >= 4)
        assert time.monotonic() - began >= 0.05 + 0.1 + 0.2
        await watched.engine.stop()
        await running
        assert watched.news[0] == (None, "ended with code 1")

    run(story)


def test_a_hopeless_one_is_not_started_again() -> None:
    async def story() -> None:
        watched = Watched("import sys; sys.stderr.write('the file is damaged\\n'); sys.exit(2)")
        with pytest.raises(ModelError, match="^the file is damaged$") as caught:
            await watched.engine.run()
        assert caught.value.code == "engine_failed"
        assert watched.engine.starts == 1

    run(story)


def test_one_that_never_gets_ready_is_ended() -> None:
    async def story() -> None:
        patience = Patience(ready_s=0.2, stop_s=0.5, pause_first_s=5)
        watched = Watched("import time; time.sleep(60)", patience)
        running = asyncio.ensure_future(watched.engine.run())
        await watched.until(lambda: bool(watched.news))
        assert watched.news == [(None, "not ready within 0.2 s")]
        await watched.engine.stop()
        await running

    run(story)


def test_one_that_will_not_end_is_killed() -> None:
    async def story() -> None:
        deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        watched = Watched(deaf + READY % 1 + "time.sleep(60)")
        running = asyncio.ensure_future(watched.engine.run())
        await watched.until(lambda: watched.engine.ready is not None)
        await watched.engine.stop()
        await running
        assert watched.engine.ready is None

    run(story)


def test_cancelling_ends_the_engine() -> None:
    async def story() -> None:
        watched = Watched(READY % 1 + "time.sleep(60)")
        running = asyncio.ensure_future(watched.engine.run())
        await watched.until(lambda: watched.engine.ready is not None)
        assert watched.engine.ready is not None
        pid = watched.engine.ready.pid
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(story)


def test_much_talk_on_stderr_does_not_block() -> None:
    async def story() -> None:
        talk = "import sys; sys.stderr.write('talk\\n' * 50000)\n"
        watched = Watched(talk + READY % 1 + "time.sleep(60)")
        running = asyncio.ensure_future(watched.engine.run())
        await watched.until(lambda: watched.engine.ready is not None)
        await watched.engine.stop()
        await running

    run(story)


def test_stopping_what_never_ran_returns() -> None:
    async def story() -> None:
        await Watched("").engine.stop()

    run(story)
