"""What this machine offers an engine: cores, memory, and the certainty of dying with its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from steelyard.domain.errors import ModelError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def threads_default() -> int:
    """Return how many threads an engine takes: all cores but one, at least one.

    llama.cpp's threads wait for each other at every layer, so one busy neighbour on a shared core
    slows all of them down; measured, generation fell to a tenth.
    """
    return max(1, cores() - 1)


def cores() -> int:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_available_bytes(
    proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")
) -> int:
    """Return how much memory a new process may take, within its container; huge when unknown."""
    available = sys.maxsize
    if (meminfo := proc / "meminfo").exists():
        for line in meminfo.read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024
    limit = cgroup / "memory.max"
    if limit.exists() and (text := limit.read_text("ascii").strip()) != "max":
        used = int((cgroup / "memory.current").read_text("ascii"))
        # Pages of files that nobody uses now are given back when memory is wanted.
        available = min(available, int(text) - used + _inactive_file_bytes(cgroup))
    return available


def _inactive_file_bytes(cgroup: Path) -> int:
    for line in (cgroup / "memory.stat").read_text("ascii").splitlines():
        if line.startswith("inactive_file "):
            return int(line.split()[1])
    return 0


def die_with_parent(parent_pid: int | None) -> None:
    """Have the kernel kill this process when its parent ends, however that happens (Linux only).

    Args:
        parent_pid: process id of the parent; None when it does not matter.

    Raises:
        ModelError: the parent ended before the kernel could be asked.
    """
    if sys.platform != "linux":
        return
    # SIGKILL: an engine has nothing to save, and one that loads a model answers no other signal.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent_pid is not None and os.getppid() != parent_pid:
        raise ModelError("the process that started this engine is gone", code="engine_orphaned")
