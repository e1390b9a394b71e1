from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from steelyard.supervisor import child as child_module
from steelyard.supervisor.child import Child, Spec
from supervisor.conftest import Notes


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a module out of code; children find it by name."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(child_module, "PAUSE_MIN_S", 0.01)

    def make(code: str) -> str:
        (tmp_path / "a_child.py").write_text("import os, signal, sys, time\n" + code)
        return "a_child"

    return make


def make(tmp_path: Path, notes: Notes, command: tuple[str, ...]) -> Child:
    return Child(Spec("worker-0", lambda: command, tmp_path / "w.log"), notes, lambda: None)


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_child_that_dies_is_started_again_and_its_last_words_are_told(
    tmp_path: Path, notes: Notes, module: Callable[[str], str]
) -> None:
    async def main() -> None:
        child = make(tmp_path, notes, (module("sys.exit('disk on fire')"),))
        running = asyncio.ensure_future(child.run())
        await until(lambda: child.starts >= 3)
        await child.stop(5)
        await running

    asyncio.run(main())
    assert "worker-0 ended with 1 (disk on fire)" in notes.warned[0]
    assert notes.warned[0].endswith("starting it again now")
    assert "starting it again in" in notes.warned[1]


def test_child_that_is_killed_comes_back_with_another_incarnation(
    tmp_path: Path, notes: Notes, module: Callable[[str], str]
) -> None:
    name = module("print(sys.argv[1], flush=True); time.sleep(60)")
    numbers = iter(range(7, 100))

    async def main() -> None:
        spec = Spec("worker-0", lambda: (name, str(next(numbers))), tmp_path / "w.log")
        child = Child(spec, notes, lambda: None)
        running = asyncio.ensure_future(child.run())
        await until(lambda: spec.log.exists() and spec.log.read_text() == "7\n")
        child.kill()
        await until(lambda: spec.log.read_text() == "7\n8\n")
        assert child.arguments == (name, "8")
        assert await child.stop(5)
        await running
        assert child.pid is None

    asyncio.run(main())
    assert notes.warned == ["worker-0 was ended by SIGKILL; starting it again now"]


def test_child_that_does_not_hear_is_ended_after_its_grace(
    tmp_path: Path, notes: Notes, module: Callable[[str], str]
) -> None:
    code = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"

    async def main() -> None:
        child = make(tmp_path, notes, (module(code),))
        running = asyncio.ensure_future(child.run())
        await until(lambda: child.log.last_line() == "up")
        assert await child.stop(0.05) is False
        await running

    asyncio.run(main())
    assert notes.warned == []


def test_what_cannot_be_started_now_is_tried_again(tmp_path: Path, notes: Notes) -> None:
    tries = []

    def command() -> tuple[str, ...]:
        tries.append(1)
        raise OSError(28, "No space left on device")

    async def main() -> None:
        child = Child(Spec("worker-0", command, tmp_path / "w.log"), notes, lambda: None)
        running = asyncio.ensure_future(child.run())
        await until(lambda: len(tries) >= 2)
        await child.stop(1)
        await running

    asyncio.run(main())
    assert "No space left on device" in notes.warned[0]


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
def test_child_dies_with_its_parent(tmp_path: Path, module: Callable[[str], str]) -> None:
    name = module("print(f'up {os.getpid()}', flush=True); time.sleep(60)")
    code = f"""
import asyncio, os, signal
from pathlib import Path
from steelyard.supervisor.child import Child, Spec
from steelyard.cli.terminal import Terminal
log = Path({str(tmp_path / "w.log")!r})
async def main():
    child = Child(Spec("w", lambda: ({name!r},), log), Terminal(), lambda: None)
    running = asyncio.ensure_future(child.run())
    while not child.log.last_line():
        await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""

    async def main() -> None:
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
        assert await parent.wait() == -signal.SIGKILL
        orphan = int((tmp_path / "w.log").read_text().split()[1])
        await until(lambda: not Path(f"/proc/{orphan}").exists() or _is_zombie(orphan))

    asyncio.run(main())


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
