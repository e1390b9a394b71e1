"""Processes under measurement: started on a core of their own, measured through /proc.

The subject has core 0, load and upstream share core 1, the same for every subject. With one core
everything shares it; CPU time per request stays comparable, latency does not.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORES = sorted(os.sched_getaffinity(0))
CORE_SUBJECT = CORES[0]
CORE_LOAD = CORES[-1]


class BenchError(Exception):
    """The bench cannot go on; the message is for a person."""


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """Return the command that runs on one core only."""
    return ["taskset", "--cpu-list", str(core), *command]


@contextmanager
def started(
    command: Sequence[str],
    *,
    core: int,
    is_ready: Callable[[], bool],
    log: Path,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 120.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; enter the block once it is ready.

    Raises:
        BenchError: It ended, or was not ready within `timeout_s` seconds.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(core, command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + timeout_s
        while not is_ready():
            if process.poll() is not None or time.monotonic() > until:
                tail = log.read_text("utf-8", "replace")[-2000:]
                raise BenchError(f"{process.args!r} does not serve; it said:\n{tail}")
            time.sleep(0.05)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session of its own, and all its children."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
            process.wait(5)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
        else:
            break
    process.poll()


def listens(port: int) -> Callable[[], bool]:
    """Return a question: does somebody listen on the port?"""

    def ask() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    return ask


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*"):
            found += [int(child) for child in (task / "children").read_text("ascii").split()]
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """Return the CPU seconds (user and system) that the live threads of processes have used.

    Nanoseconds from `schedstat`; where a kernel has none, the 10 ms ticks of `stat`.
    """
    return sum(_cpu_of_process_s(pid) for pid in pids)


def _cpu_of_process_s(pid: int) -> float:
    total_ns = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        total_ns += int(path.read_text("ascii").split()[0])
    if total_ns:
        return total_ns / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pids: Iterable[int]) -> float:
    """Return the resident memory in megabytes (10^6 bytes), shared pages counted in full."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total / 1e6
