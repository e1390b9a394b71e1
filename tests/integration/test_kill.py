"""The kill test in small: a few kills of a real steelyard under load, then the books are audited.

`make bench` does the same with a hundred kills.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(180)
def test_killing_processes_loses_nothing_and_doubles_nothing() -> None:
    command = [sys.executable, "-m", "bench.kill", "--kills", "6", "--clients", "15", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    audit = report["audit"]
    assert (audit["lost"], audit["doubled"]) == ([], [])
    assert (report["kill_lost"], report["kill_doubled"]) == (0, 0)
    assert audit["broken"] == []
    assert report["complaints"] == []
    assert done.returncode == 0
    assert set(report["kills"]) >= {"worker", "control", "supervisor"}
    # None of it was true for want of calls.
    assert audit["received"] > 100
    assert audit["outcomes"]["completed"] > 100
    assert audit["outcomes"].get("uncertain", 0) > 0, "no call was under way at any kill"
    assert all(ends.get("200", 0) > 0 for ends in report["ends"].values())
