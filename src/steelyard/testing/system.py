"""A whole steelyard in a folder of its own, as its processes: to be used, killed, started again.

What runs is `steelyard serve` itself; which process is which is read from the file that the
supervisor keeps for everyone who looks. Blocking, for tests and benches.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from steelyard.supervisor.home import read_state, runtime_path

SUPERVISOR = "supervisor"
CONTROL = "control"
UP_S = 60.0
"""Generous: a start on a machine that is busy with other things."""
_LOOK_S = 0.02


class System:
    """One state folder, and the processes over it."""

    def __init__(self, folder: Path, config: str, environment: Mapping[str, str]) -> None:
        """``folder`` must have a short path, since sockets lie in it."""
        self.home = folder / "home"
        self.home.mkdir(mode=0o700)
        (self.home / "steelyard.yaml").write_text(config, "utf-8")
        self.log = folder / "serve.log"
        self.port = _free_port()
        self._environment = {
            **os.environ,
            **environment,
            "STEELYARD_HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(folder),
            # As installed: compiled once, and not again at every start. Empty means unset.
            "PYTHONDONTWRITEBYTECODE": "",
        }
        self.runtime = runtime_path(self.home, self._environment)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, workers: int = 2, drain_s: float = 5.0) -> None:
        """Starts the supervisor; everything else follows by itself, see ``until_up``."""
        command = [sys.executable, "-m", "steelyard", "serve", "--port", str(self.port)]
        command += ["--workers", str(workers), "--drain", str(drain_s)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def stop(self, within_s: float = 60.0) -> int:
        """Ends everything in good order; the supervisor's exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def close(self) -> None:
        """Ends the supervisor at once, and with it everything else; nothing if it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def processes(self) -> dict[str, int]:
        """Process ids by name, those that are alive by the supervisor's own account."""
        supervisor = self._process.pid if self._process is not None else 0
        state = read_state(self.runtime / "processes.json")
        if not isinstance(state, dict) or state.get("pid") != supervisor:
            return {SUPERVISOR: supervisor}  # the file of one that was killed
        rows: dict[str, Any] = state["processes"]
        live = {name: int(row["pid"]) for name, row in rows.items() if row["pid"]}
        return {SUPERVISOR: supervisor, **live}

    def kill(self, name: str) -> int:
        """Sends SIGKILL to one process; its id, or 0 if there is none of that name now."""
        pid = self.processes().get(name, 0)
        if not pid:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if name == SUPERVISOR and self._process is not None:
            self._process.wait()
        return pid

    def answers(self, name: str) -> bool:
        """Whether a process answers on its own socket."""
        connection = _UnixConnection(self.runtime / f"{name}.http")
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def until_successor(self, name: str, pid: int, within_s: float = UP_S) -> float:
        """Waits until another process than ``pid`` answers as ``name``; how many seconds it took.

        Raises:
            TimeoutError: none did.
        """

        def is_up() -> bool:
            return self.processes().get(name, pid) != pid and self.answers(name)

        return self.until(is_up, f"a successor of {name}", within_s)

    def until_up(self, workers: int = 2, within_s: float = UP_S) -> float:
        """Waits until control and all workers answer; how many seconds it took.

        Raises:
            TimeoutError: one does not.
        """
        names = [CONTROL, *(f"worker-{number}" for number in range(workers))]

        def are_up() -> bool:
            return len(self.processes()) > workers + 1 and all(map(self.answers, names))

        return self.until(are_up, "an answer of every process", within_s)

    def until(self, holds: Callable[[], bool], what: str, within_s: float = UP_S) -> float:
        """Waits until something holds; how many seconds it took.

        Raises:
            TimeoutError: it never did; the message has the end of the log.
        """
        began_s = time.monotonic()
        while not holds():
            if time.monotonic() - began_s > within_s:
                said = self.log.read_text("utf-8", "replace")[-2000:]
                raise TimeoutError(f"waited {within_s:.0f} s for {what}; the log ends:\n{said}")
            time.sleep(_LOOK_S)
        return time.monotonic() - began_s


@contextmanager
def scripted_vendor(log: Path, *options: str) -> Iterator[str]:
    """A scripted vendor as a process of its own, its base URL; ``log`` gets what it received."""
    command = [sys.executable, "-m", "steelyard.testing.upstream", "--log", str(log), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield str(json.loads(process.stdout.readline())["base_url"])
        finally:
            process.kill()


def received_in_full(log: Path) -> list[str]:
    """Ids of the attempts that a vendor with this log received to the last byte, in order."""
    lines = (line.split("\t") for line in log.read_text("ascii").splitlines())
    return [attempt for kind, attempt in lines if kind == "full"]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=2.0)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
