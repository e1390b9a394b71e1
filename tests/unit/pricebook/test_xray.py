from __future__ import annotations

from fractions import Fraction

import pytest

from pricebook.xray_rig import FLAT, JUNE, LISTING, MAY, PEAK, line, market, step
from steelyard.domain.conditions import Condition
from steelyard.domain.listings import ListedRate
from steelyard.pricebook.market import Market
from steelyard.pricebook.xray import (
    NO_USE,
    Effect,
    Forecast,
    Place,
    Proof,
    Reroute,
    build,
    forecast_of,
    place_of,
    reroutes,
)

CUT = step(line("input", "1", JUNE))
TIED = (Condition(input_to=32_000), Condition(output_to=32_000))


def test_everything_known_of_a_cut_stands_in_its_xray() -> None:
    found = build(CUT, market(), proofs=(Proof("t", "o", "proven"),), other_steps=2)
    assert found.place == Place("main", 2, 3)
    assert [fact.kind for fact in found.limits] == ["limit"]
    assert found.typical == -50  # (0.8 x 1 + 0.2 x 8) / (0.8 x 4 + 0.2 x 8)
    assert (found.forecast, found.reroutes, found.other_steps) == (NO_USE, (), 2)


def test_a_models_place_is_that_of_before_its_cut() -> None:
    later = market(line("input", "0.1", JUNE), line("output", "0.1", JUNE))
    assert place_of(later, LISTING, JUNE) == Place("main", 2, 3)
    assert place_of(later, LISTING._replace(model="small"), JUNE) == Place("light", 1, 3)
    assert place_of(later, LISTING._replace(model="big"), JUNE) == Place("main", 3, 3)


def test_a_model_without_others_or_without_price_has_no_place() -> None:
    assert place_of(market(), LISTING._replace(model="blind"), JUNE).word == "only"
    assert place_of(market(), LISTING._replace(vendor="Lone"), JUNE).word == "only"
    assert place_of(Market(FLAT), LISTING, JUNE).word == "only"
    assert place_of(market(), LISTING._replace(currency="USD"), JUNE).word == "only"
    # Not sold before: just after counts, for all.
    assert place_of(market(), LISTING, MAY) == Place("main", 2, 3)


def test_a_free_model_is_the_lightest() -> None:
    free = market(line("input", "0", model="gift"), line("output", "0", model="gift"))
    assert place_of(free, LISTING._replace(model="gift"), JUNE) == Place("light", 1, 4)


def test_typical_use_is_spread_over_the_hours_of_a_week() -> None:
    # 3 of 24 hours at twice the input's price.
    peak = step(line("input", "8", JUNE, condition=PEAK))
    assert build(peak, market()).typical == Fraction(3, 24) * Fraction(32, 48) * 100


@pytest.mark.parametrize(
    "old", [[], [line("input", "4")], [line("input", "0"), line("output", "0")]]
)
def test_there_is_no_typical_change_without_prices_before(old: list[ListedRate]) -> None:
    new = [line("input", "1", JUNE), line("output", "1", JUNE)]
    assert build(step(*new, old=old), market()).typical is None


def test_prices_that_tie_have_no_typical_change() -> None:
    tied = [
        line("input", "5", JUNE, condition=TIED[0]),
        line("input", "6", JUNE, condition=TIED[1]),
    ]
    assert build(step(*tied), market()).typical is None


def test_a_forecast_has_the_largest_difference_first() -> None:
    found = forecast_of({"a": 5, "b": 10, "d": 1}, {"a": 4, "b": 4, "c": 2}, 3)
    assert found == Forecast(
        (Effect("b", 10, 4), Effect("c", 0, 2), Effect("a", 5, 4), Effect("d", 1, 0)), 3
    )
    assert (found.before_pico, found.after_pico) == (16, 10)
    assert found.percent == Fraction(-6, 16) * 100
    assert forecast_of({}, {}) == NO_USE and NO_USE.percent is None


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"x": 3, "y": 2}, (Reroute("task:t", "x", "y"),)),
        ({"x": 1, "y": 2}, ()),
        ({"x": 2, "y": 2}, ()),
        ({"y": 9}, (Reroute("task:t", "x", "y"),)),
        ({}, ()),
    ],
)
def test_work_goes_elsewhere_when_another_offer_is_the_cheapest(
    after: dict[str, int], expected: tuple[Reroute, ...]
) -> None:
    before = {"x": Fraction(1), "y": Fraction(2)}
    now = {name: Fraction(cost) for name, cost in after.items()}
    assert reroutes({"task:t": ["x", "y"], "task:none": []}, before, now) == expected
