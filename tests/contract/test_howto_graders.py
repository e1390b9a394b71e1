"""What the how-to shows of graders is what ``steelyard.yaml`` takes, and the graders know it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from steelyard.config.model import Task
from steelyard.weigh.graders.registry import find_grader

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "add-a-grader.md"
SHOWN = [
    block
    for block in re.findall(r"```yaml\n(.*?)```", HOWTO.read_text("utf-8"), re.DOTALL)
    if block.startswith("grader:")
]


def test_the_howto_shows_graders() -> None:
    assert len(SHOWN) >= 3


@pytest.mark.parametrize("block", SHOWN)
def test_a_shown_grader_is_taken(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "graders").mkdir()
    own = tmp_path / "graders" / "tone.py"
    own.write_text("def grade(answer, item):\n    return 1\n")
    monkeypatch.chdir(tmp_path)
    task = Task.model_validate(yaml.safe_load(block))
    assert task.grader
    if task.grader != "judge":  # a model, which the runner calls
        find_grader(task.grader, task.grader_parameters)
