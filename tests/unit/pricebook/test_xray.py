from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from pricebook.xray_rig import FLAT, JUNE, LISTING, MAY, PEAK, line, market, step
from steelyard.domain.conditions import Condition
from steelyard.domain.instants import instant_ns
from steelyard.domain.usage import Usage
from steelyard.pricebook.xray import (
    NO_USE,
    Cell,
    Effect,
    Forecast,
    Place,
    Proof,
    Reroute,
    build,
    forecast,
    place_of,
    reroutes,
    together,
)

CUT = step(line("input", "1", JUNE))
MORNING = instant_ns(datetime(2024, 5, 20, 2, tzinfo=UTC))
NIGHT = instant_ns(datetime(2024, 5, 20, 20, tzinfo=UTC))
MONTH = Fraction(30)


def cell(account: str, *counts: int, calls: int = 1, at_ns: int = NIGHT, tier: str = "") -> Cell:
    return Cell(account, at_ns, calls, Usage(*counts, requests=calls), tier)


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
    assert place_of(market(), LISTING._replace(currency="USD"), JUNE).word == "only"
    # Not sold before: just after counts, for all.
    assert place_of(market(), LISTING, MAY) == Place("main", 2, 3)


def test_a_free_model_is_the_lightest() -> None:
    free = market(line("input", "0", model="gift"), line("output", "0", model="gift"))
    assert place_of(free, LISTING._replace(model="gift"), JUNE) == Place("light", 1, 4)


def test_a_forecast_is_exact_by_account() -> None:
    found = forecast(
        CUT.before,
        CUT.after,
        [cell("a", 10**6, 10**6), cell("b", 0, 10**6), cell("a", 10**6, 0, 5 * 10**5)],
        MONTH,
    )
    assert found.effects == (
        Effect("a", 16 * 10**12, 10 * 10**12),
        Effect("b", 8 * 10**12, 8 * 10**12),
    )
    assert found.percent == Fraction(-6, 24) * 100
    assert forecast(CUT.before, CUT.after, [cell("a", 10**6)], Fraction(10)).before_pico == (
        12 * 10**12
    )


def test_hours_are_those_of_the_calls() -> None:
    peak = step(line("input", "8", JUNE, condition=PEAK))
    cells = [cell("night", 10**6), cell("morning", 10**6, at_ns=MORNING)]
    found = forecast(peak.before, peak.after, cells, MONTH)
    assert found.effects == (
        Effect("morning", 4 * 10**12, 8 * 10**12),
        Effect("night", 4 * 10**12, 4 * 10**12),
    )
    # 3 of 24 hours at twice the input's price.
    typical = build(peak, market()).typical
    assert typical == Fraction(3, 24) * Fraction(32, 48) * 100


def test_lengths_are_those_of_the_average_call() -> None:
    long = step(line("input", "40", JUNE, condition=Condition(input_from=32_000)))
    cells = [cell("short", 10**6, calls=100), cell("long", 10**6, calls=10)]
    found = forecast(long.before, long.after, cells, MONTH)
    assert found.effects == (
        Effect("long", 4 * 10**12, 40 * 10**12),
        Effect("short", 4 * 10**12, 4 * 10**12),
    )


def test_marginal_steps_are_counted_call_by_call() -> None:
    above = Condition(input_from=1000, is_marginal=True)
    below = Condition(input_to=1000, is_marginal=True)
    rates = [
        line("input", "4", condition=below).rate,
        line("input", "2", condition=above).rate,
        FLAT[1].rate,
    ]
    found = forecast(CUT.before, rates, [cell("a", 20_000, calls=10)], MONTH)
    assert found.after_pico == 10 * (1000 * 4 + 1000 * 2) * 10**6


def test_what_has_no_price_in_one_state_is_counted_apart() -> None:
    found = forecast((), CUT.after, [cell("a", 5, calls=3), cell("b", 5, calls=2)], MONTH)
    assert found == Forecast((), 5) and found.percent is None
    batch = forecast(CUT.before, CUT.after, [cell("a", 5, tier="batch")], MONTH)
    assert batch == Forecast((), 1)
    assert forecast(CUT.before, CUT.after, [], MONTH) == NO_USE


def test_forecasts_of_several_offers_are_one() -> None:
    one, other = (
        Forecast((Effect("a", 1, 2), Effect("b", 5, 9)), 1),
        Forecast((Effect("a", 1, 9),), 2),
    )
    assert together([one, other]) == Forecast((Effect("a", 2, 11), Effect("b", 5, 9)), 3)
    assert together([]) == NO_USE


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
