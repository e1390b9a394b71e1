"""Controls over the small task of ``weighing_rig``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.weighing_rig import weighing_control
from steelyard.control.control import Control
from steelyard.control.weighing import contenders, weighings


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = weighing_control(tmp_path)
    yield made
    made.close()


@pytest.fixture
def idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    """A control that weighs in the background, impatiently; its offers pass for local ones."""
    monkeypatch.setattr(weighings, "IDLE_LOOK_S", 0.01)
    monkeypatch.setattr(weighings, "_PAUSE_MIN_S", 0.01)
    monkeypatch.setattr(
        contenders, "embedded", lambda connection, down: contenders.named(connection, ())
    )
    made = weighing_control(tmp_path, is_idle=True)
    yield made
    made.close()
