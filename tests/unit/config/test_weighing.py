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


def test_offers_that_cost_money_are_watched_only_where_an_amount_is_named() -> None:
    assert Weighing().drift.enabled
    assert Weighing().drift.money_per_day is None


@pytest.mark.parametrize(
    "wrong",
    [{"every_hours": 0.1}, {"items": 1}, {"pool": 3}, {"alpha": 0}, {"tolerance": "1"}],
)
def test_looks_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Weighing.model_validate({"drift": wrong})


def test_tests_of_authenticity_err_in_one_of_a_hundred_and_are_made_when_asked() -> None:
    held = Weighing().authenticity
    assert (held.error, held.quarantine, held.money, held.every_days) == (0.01, True, "1 USD", 0)


@pytest.mark.parametrize("wrong", [{"error": 0}, {"error": 0.5}, {"every_days": -1}, {"money": 1}])
def test_settings_of_authenticity_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Weighing.model_validate({"authenticity": wrong})


def test_captures_are_kept_for_a_month_unless_said_otherwise() -> None:
    assert Weighing().captures.days == 30 and Weighing().captures.words == ()
    with pytest.raises(ValidationError, match="megabytes_max"):
        Weighing.model_validate({"captures": {"megabytes_max": 0}})


def test_answers_are_kept_for_a_month_or_not_at_all() -> None:
    assert Weighing().answers_days == 30
    assert Weighing(answers_days=0).answers_days == 0
