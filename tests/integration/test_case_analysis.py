"""Case analysis through a real control: run files in, commands and a report out."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from control_rig import CONFIG, ControlProcess

from steelyard.control.configuration import taskbook
from steelyard.domain.tasks import Grade
from steelyard.supervisor.home import make_private, runtime_path
from steelyard.weigh.catalog import shipped_tasks
from steelyard.weigh.datasets import load_set
from steelyard.weigh.runfile import Record, RunFile

TASK = shipped_tasks()["shop/review-sentiment"]
OWN = """
tasks:
  mood: {set: mood.jsonl, grader: label, floor: 0.6, form: {id: plain}}
"""
SECRET = "an-answer-that-no-log-may-hold"
SAMPLES = load_set(TASK.set_name).samples[:12]


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ControlProcess]:
    made = ControlProcess(tmp_path, CONFIG + OWN)
    # Where commands look for it.
    made.runtime = runtime_path(made.home, {})
    make_private(made.runtime)
    item = {"id": "a", "input": "Is it so?", "reference": "yes", "labels": ["yes", "no"]}
    (made.home / "mood.jsonl").write_text(json.dumps(item) + "\n")
    made.start()
    yield made
    assert made.stop() == 0
    for left in made.runtime.iterdir():
        left.unlink()
    made.runtime.rmdir()


def weigh(home: Path, digest: str) -> RunFile:
    """What a weighing would have left: one offer right, the other wrong on every third item."""
    file = RunFile(home / "weighings" / "shop-review-sentiment-0123456789abcdef.jsonl")
    with file:
        for number, sample in enumerate(SAMPLES):
            for offer in ("shop/m", "shop/n"):
                is_right = offer == "shop/m" or number % 3
                said = str(sample.reference) if is_right else "neither"
                grade = Grade(Fraction(1), extracted=said)
                if not is_right:
                    grade = Grade(Fraction(0), "no label in the answer")
                at = datetime(2026, 11, 22, 6, 0, number, tzinfo=UTC)
                file.append(
                    Record(offer, digest, sample.id, grade, at, answer=f"{said} \x1b[31m{SECRET}")
                )
    return file


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "STEELYARD_HOME": str(home)}
    environment.pop("XDG_RUNTIME_DIR", None)
    return subprocess.run(
        [sys.executable, "-m", "steelyard", "cases", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )


def test_from_a_run_file_to_a_report_a_note_and_a_new_item(
    control: ControlProcess, tmp_path: Path
) -> None:
    with control.client() as api:
        digest = taskbook.digests(TASK)[0]
        file = weigh(control.home, digest)
        with file:  # a weighing that still holds the file's lock
            found: Any = api.get("/api/cases", params={"task": TASK.name}).json()
        assert (found["items"], found["failures"], found["is_outdated"]) == (12, 4, False)
        assert {cluster["kind"] for cluster in found["clusters"]} == {"wrong_form"}

    shown = command(control.home, TASK.name, "--only-fails-here")
    assert shown.returncode == 0, shown.stderr
    assert "Not in the form that was asked for" in shown.stdout and "\x1b" not in shown.stdout

    bad = SAMPLES[0].id
    assert command(control.home, "note", TASK.name, bad, "--tag", "odd").returncode == 0
    exported = command(control.home, "export", TASK.name, "--tag", "odd").stdout
    (row,) = map(json.loads, exported.splitlines())
    assert (row["sample"], row["tags"], row["only"]) == (bad, ["odd"], "shop/n")

    out = tmp_path / "report.html"
    written = command(control.home, "report", TASK.name, "--out", str(out), "--language", "zh")
    assert written.returncode == 0, written.stderr
    assert SECRET in out.read_text("utf-8") and stat.S_IMODE(out.stat().st_mode) == 0o600

    refused = command(control.home, "promote", TASK.name, bad)
    assert refused.returncode == 1 and "steelyard tasks add" in refused.stderr
    made = command(control.home, "promote", TASK.name, bad, "--to", "mood")
    assert made.returncode == 0 and "verdicts on mood are stale" in made.stdout, made.stderr
    assert len(load_set(str(control.home / "mood.jsonl")).samples) == 2
    assert SECRET not in control.log.read_text() and SAMPLES[0].input not in control.log.read_text()
