import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steelyard.domain.errors import ModelError
from steelyard.local import machine


def test_one_core_is_left_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for count, threads in ((1, 1), (2, 1), (8, 7)):
        monkeypatch.setattr(machine, "cores", lambda count=count: count)
        assert machine.threads_default() == threads


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= machine.cores() <= (os.cpu_count() or 1)


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_memory_of_the_machine(tmp_path: Path) -> None:
    proc = write(tmp_path / "proc", meminfo="MemTotal: 9 kB\nMemAvailable:   2000 kB\n")
    assert machine.memory_available_bytes(proc, tmp_path / "none") == 2000 * 1024


def test_a_container_has_less(tmp_path: Path) -> None:
    proc = write(tmp_path / "proc", meminfo="MemAvailable: 2000 kB\n")
    stat = "anon 5\ninactive_file 300\n"
    cgroup = write(tmp_path / "cg", memory_max="5000\n", memory_current="4500", memory_stat=stat)
    assert machine.memory_available_bytes(proc, cgroup) == 800
    write(cgroup, memory_stat="anon 5\n")
    assert machine.memory_available_bytes(proc, cgroup) == 500
    write(cgroup, memory_max="max\n")
    assert machine.memory_available_bytes(proc, cgroup) == 2000 * 1024


def test_unknown_memory_stops_nobody(tmp_path: Path) -> None:
    assert machine.memory_available_bytes(tmp_path, tmp_path) == sys.maxsize


def test_an_orphan_does_not_start() -> None:
    with pytest.raises(ModelError, match="is gone"):
        machine.die_with_parent(os.getpid())


_CHILD = """
import os, sys, time
from steelyard.local.machine import die_with_parent
die_with_parent(os.getppid())
print(os.getpid(), flush=True)
time.sleep(60)
"""
_PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {_CHILD!r}], start_new_session=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
def test_a_child_dies_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 5
        while is_running(child):
            assert time.monotonic() < deadline, "the child outlived its parent"
            time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
