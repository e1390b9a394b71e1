"""What calls were booked at; those that were really booked are integration."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from migrated import copy_migrated

from steelyard.control import booked
from steelyard.control.control import Control
from steelyard.control.places import Places


def test_what_nobody_booked_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "steelyard.yaml").write_text("weigh_when_idle: false\n")
    copy_migrated(tmp_path, has_prices=True)
    control = Control(Places(tmp_path, tmp_path, 1), {})
    control.prepare()
    monkeypatch.setattr(booked, "_WITHIN_S", 0.0)
    try:
        assert asyncio.run(booked.cost_of(control, "c-1-1")) == 0
    finally:
        control.close()
