import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.testing.system import (
    CONTROL,
    SUPERVISOR,
    System,
    is_alive,
    received_in_full,
    scripted_vendor,
)


@pytest.fixture
def system() -> Iterator[System]:
    with tempfile.TemporaryDirectory(prefix="sy-") as folder:  # a short path, for sockets
        yield System(Path(folder), "{}", {})


def test_whole_requests_are_told_from_broken_ones(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("full\tc-1-1-1\npartial\tc-1-2-1\nfull\tc-2-1-1\n")
    assert received_in_full(log) == ["c-1-1-1", "c-2-1-1"]


def test_a_vendor_runs_until_the_block_ends(tmp_path: Path) -> None:
    with scripted_vendor(tmp_path / "log", "--events", "1") as base_url:
        assert base_url.startswith("http://127.0.0.1:")
    assert (tmp_path / "log").read_text() == ""


def test_a_process_that_ended_is_not_alive() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(ended.pid), "it is a zombie"
    ended.wait()
    assert not is_alive(ended.pid)
    assert is_alive(os.getpid())


def test_what_a_killed_supervisor_left_is_not_believed(system: System) -> None:
    system.runtime.mkdir()
    left = {"pid": 1, "processes": {CONTROL: {"pid": os.getpid()}}}
    (system.runtime / "processes.json").write_text(json.dumps(left))
    assert CONTROL not in system.processes()
    assert system.kill(CONTROL) == 0
    assert not system.answers(CONTROL)
    assert system.processes() == {SUPERVISOR: 0}


def test_who_waits_in_vain_is_shown_the_log(system: System) -> None:
    system.log.write_text("no luck today")
    with pytest.raises(TimeoutError, match="for rain; the log ends:\nno luck today"):
        system.until(lambda: False, "rain", within_s=0.01)
