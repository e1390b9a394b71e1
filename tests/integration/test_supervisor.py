"""The supervisor with stand-ins for control and worker: what it promises about processes."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

CHILDREN = Path(__file__).parent / "children"
START = """
import sys
from pathlib import Path
from steelyard.cli.terminal import Terminal
from steelyard.supervisor.serve import serve
from steelyard.supervisor.settings import Settings
home = Path(sys.argv[1])
settings = Settings(home, home / "run", port=0, workers=2, drain_s=5.0,
                    control_module="fake_control", worker_module="fake_worker")
terminal = Terminal()
code = serve(settings, terminal)
terminal.close()
sys.exit(code)
"""


class Running:
    """A supervisor in a process of its own."""

    def __init__(self, home: Path, output: Path | None = None, **environment: str) -> None:
        """Starts it; ``output`` is where it says what it has to say."""
        self.home = home
        self.output = output or home.parent / "output.txt"
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(home)],
                env={**os.environ, "PYTHONPATH": str(CHILDREN), **environment},
                stdout=file,
                stderr=file,
            )

    @property
    def state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.home / "run/processes.json").read_text())
        except (FileNotFoundError, ValueError):
            return {"processes": {}}
        return found

    def pid(self, name: str) -> int:
        return int(self.state["processes"].get(name, {}).get("pid") or 0)

    def ask(self, path: str = "/") -> str:
        return httpx.get(self.state["address"] + path, timeout=10, trust_env=False).text

    def said(self, text: str) -> bool:
        return text in self.output.read_text()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(20)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def until(is_true: Callable[[], Any], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path / "home")
    try:
        until(lambda: started.said("ready: calls are answered"))
        yield started
    finally:
        started.close()


def test_start_tells_the_key_and_every_start_tells_it_again(running: Running) -> None:
    assert running.said("key: sk-made-by-fake-control")
    assert (running.home / "demo.key").stat().st_mode & 0o777 == 0o600
    assert running.end() == 0
    assert running.said("stopped")
    again = Running(running.home)
    until(lambda: again.said("key: sk-made-by-fake-control"))
    assert again.end() == 0


def test_killed_worker_comes_back_with_a_new_incarnation(running: Running) -> None:
    before = {int(running.ask()) for _ in range(20)}
    assert max(before) <= 2
    first = running.pid("worker-0")
    os.kill(first, signal.SIGKILL)
    until(lambda: running.pid("worker-0") not in {0, first})
    assert "3" in running.state["processes"]["worker-0"]["argv"]
    until(lambda: running.said("worker-0 was ended by SIGKILL; starting it again now"))
    assert running.end() == 0


def test_connections_in_a_killed_workers_queue_are_answered_by_its_successor(
    running: Running,
) -> None:
    with concurrent.futures.ThreadPoolExecutor(24) as clients:
        # Slow answers keep both workers busy, so that connections wait in their queues.
        waiting = [clients.submit(running.ask, "/slow") for _ in range(8)]
        waiting += [clients.submit(running.ask, "/") for _ in range(16)]
        until((running.home / "slow").exists)
        os.kill(running.pid("worker-1"), signal.SIGKILL)
        ends = [future.exception() for future in waiting]
    cut = [end for end in ends if end is not None]
    assert len(cut) <= 1, "only what the killed worker had in hand is lost"
    assert running.end() == 0


def test_killed_control_is_replaced_while_workers_go_on(running: Running) -> None:
    first, workers = running.pid("control"), [running.pid("worker-0"), running.pid("worker-1")]
    os.kill(first, signal.SIGKILL)
    until(lambda: running.pid("control") not in {0, first})
    assert [running.pid("worker-0"), running.pid("worker-1")] == workers
    assert running.end() == 0


def test_calls_in_flight_end_before_the_workers_do(running: Running) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as clients:
        answer = clients.submit(running.ask, "/slow")
        until((running.home / "slow").exists)
        assert running.end() == 0
        assert answer.result().isdecimal()


def test_killed_supervisor_takes_its_children_along_and_can_be_started_again(
    running: Running,
) -> None:
    children = [running.pid(name) for name in ("control", "worker-0", "worker-1")]
    running.process.kill()
    running.process.wait()
    until(lambda: not any(_is_alive(pid) for pid in children))
    again = Running(running.home)
    until(lambda: again.said("ready: calls are answered"))
    assert again.end() == 0


def test_children_that_keep_dying_are_never_given_up(tmp_path: Path) -> None:
    started = Running(tmp_path / "home", FAKE_WORKER_DIES="yes")
    try:
        until(lambda: started.state["processes"].get("worker-0", {}).get("starts", 0) >= 4)
        assert started.said("no will to live")
        assert started.said("starting it again in 0.2 s")
        assert started.end() == 0
    finally:
        started.close()


def test_it_goes_on_when_nobody_reads_what_it_says_any_more(tmp_path: Path) -> None:
    # As under `steelyard serve | head`, or when the terminal that it was started from is gone.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # or it would wait for the writer here
    started = Running(tmp_path / "home", pipe)
    try:
        os.set_blocking(fd, True)
        with os.fdopen(fd) as reader:
            assert any("ready: calls are answered" in line for line in reader)
        _kill_each_child(started)
        assert started.end() == 0
    finally:
        started.close()


def test_it_goes_on_when_what_it_says_can_be_written_nowhere(tmp_path: Path) -> None:
    started = Running(tmp_path / "home", Path("/dev/full"))
    try:
        until(lambda: started.pid("worker-1"))
        _kill_each_child(started)
        assert started.end() == 0
    finally:
        started.close()


def _kill_each_child(running: Running) -> None:
    """Twice each, and waits for the successors: of each death a supervisor has something to say."""
    for name in ("worker-0", "control") * 2:
        pid = running.pid(name)
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid, name=name: running.pid(name) not in {0, pid})  # type: ignore[misc]


def test_hangup_applies_the_configuration(running: Running) -> None:
    running.process.send_signal(signal.SIGHUP)
    until(lambda: running.said("applied, revision 2"))
    assert running.end() == 0


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
