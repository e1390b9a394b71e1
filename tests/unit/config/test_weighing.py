"""The section ``weighing``: what may be said, and what holds when nothing is."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from steelyard.config.weighing import Weighing


def test_without_a_word_proof_holds_for_ninety_days_and_no_money_is_named() -> None:
    assert Weighing().stale_after_days == 90
    assert Weighing().money is None


@pytest.mark.parametrize("days", [0, -1, 4000])
def test_an_age_out_of_range_is_refused(days: int) -> None:
    with pytest.raises(ValidationError, match="stale_after_days"):
        Weighing(stale_after_days=days)


def test_a_fleet_has_an_address_and_some_askers() -> None:
    fleet = Weighing.model_validate({"fleet": {"address": "10.0.0.5:6379"}}).fleet
    assert fleet is not None and fleet.askers == 4 and fleet.gateway is None
    with pytest.raises(ValidationError, match="askers"):
        Weighing.model_validate({"fleet": {"address": "local", "askers": 0}})
