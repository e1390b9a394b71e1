"""What calls were booked at; those that were really booked are integration."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from migrated import copy_migrated

from steelyard.control.control import Control
from steelyard.control.own_calls import booked
from steelyard.control.places import Places
from steelyard.domain.tallies import Tally, Used
from steelyard.domain.usage import Usage
from steelyard.weigh.asking import Booked

USAGE = Usage(1_000, 20, 600, 0, 8, 1, (("input_audio", 40),))


def line(**more: object) -> dict[str, object]:
    told = {"kind": "attempt", "usage_source": "reported", "tier": None}
    extras = {"extra_items": ["input_audio"], "extra_counts": [40]}
    return {**USAGE._asdict(), **told, **extras, **more}


def test_what_nobody_booked_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "steelyard.yaml").write_text("weigh_when_idle: false\n")
    copy_migrated(tmp_path, has_prices=True)
    control = Control(Places(tmp_path, tmp_path, 1), {})
    control.prepare()
    monkeypatch.setattr(booked, "_WITHIN_S", 0.0)
    try:
        assert asyncio.run(booked.cost_of(control, "c-1-1")) == 0
        assert asyncio.run(booked.booked_of(control, "c-1-1")) == Booked(0, None)
    finally:
        control.close()


def test_every_attempt_that_used_something_counts() -> None:
    refused = line(usage_source="none", extra_items=None, extra_counts=None)
    found = booked.used_in([refused, line(usage_source="estimated"), line(tier="batch")])
    assert found == Tally.over([Used(USAGE), Used(USAGE, "batch")])
    assert booked.used_in([refused]) == Tally()


def test_what_was_corrected_or_is_not_there_is_not_known() -> None:
    assert booked.used_in([]) is None
    assert booked.used_in([line(), line(kind="adjustment")]) is None
