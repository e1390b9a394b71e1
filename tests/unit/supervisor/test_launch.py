from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

LAUNCH = (sys.executable, "-P", "-m", "steelyard.supervisor.launch")


def run(tmp_path: Path, parent: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "a_module.py").write_text("import sys; print(__name__, sys.argv[1:])")
    return subprocess.run(
        [*LAUNCH, str(parent), str(int(signal.SIGTERM)), "a_module", *arguments],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_module_runs_as_if_started_by_itself(tmp_path: Path) -> None:
    assert run(tmp_path, os.getpid(), "--fd", "3").stdout == "__main__ ['--fd', '3']\n"


def test_child_whose_parent_is_gone_already_does_not_begin(tmp_path: Path) -> None:
    ended = run(tmp_path, 1)
    assert ended.returncode == -signal.SIGTERM
    assert ended.stdout == ""
