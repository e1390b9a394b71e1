"""Tallied calls at other prices."""

from __future__ import annotations

from fractions import Fraction

from pricebook.rates_rig import cost, only, rate
from steelyard.domain.tallies import Tally, Used
from steelyard.domain.usage import Usage
from steelyard.pricebook.tallied import cost_of, mean_cost

SHORT, LONG = Usage(1_000, 10, 400), Usage(200_000, 500, 0, 0, 300)
TALLY = Tally.over([Used(SHORT, "", 7), Used(LONG, "", 2)])
FLAT = only(rate("input", "2"), rate("output", "8"), rate("cache_read", "0.5"))


def test_one_price_for_all_lengths_prices_the_sum() -> None:
    assert cost_of(FLAT, TALLY) == 7 * cost(FLAT, SHORT) + 2 * cost(FLAT, LONG)
    assert cost_of(FLAT, Tally()) == 0


def test_prices_by_length_price_each_call_by_its_own() -> None:
    period = only(
        rate("input", "2", input_to=100_000),
        rate("input", "5", input_from=100_000),
        rate("output", "8"),
    )
    assert cost_of(period, TALLY) == 7 * cost(period, SHORT) + 2 * cost(period, LONG)
    assert cost_of(period, TALLY) != cost(period, TALLY.total)


def test_prices_by_thought_price_each_call_by_its_own() -> None:
    period = only(
        rate("input", "2"),
        rate("output", "8", thinking=False),
        rate("output", "20", thinking=True),
    )
    assert cost_of(period, TALLY) == 7 * cost(period, SHORT) + 2 * cost(period, LONG)
    assert cost_of(period, TALLY) != cost(period, TALLY.total)


def test_each_call_is_rounded_as_its_line_was() -> None:
    # A third of a pico-unit a token: seven thirds of a thousand each rounded are not the sum's.
    period = only(rate("input", "1/3000000"), rate("output", "0"))
    one = Tally.over([Used(Usage(1, 0), "", 3)])
    assert cost_of(period, one) == 3 * cost(period, Usage(1, 0)) == 0
    assert cost(period, Usage(3, 0)) == 1


def test_tiers_and_what_is_rare_have_their_own_price() -> None:
    period = only(
        rate("input", "2"),
        rate("output", "8"),
        rate("input", "1", tier="batch"),
        rate("output_audio", "30"),
    )
    loud = Usage(10, 100, extras=(("output_audio", 60),))
    tally = Tally.over([Used(loud), Used(SHORT, "batch", 3), Used(SHORT)])
    wanted = cost(period, loud) + 3 * cost(period, SHORT, "batch") + cost(period, SHORT)
    assert cost_of(period, tally) == wanted


def test_what_has_no_price_has_no_cost() -> None:
    assert cost_of(only(rate("input", "2")), TALLY) is None
    short_only = only(rate("input", "2", input_to=100_000), rate("output", "8"))
    assert cost_of(short_only, TALLY) is None
    assert cost_of(FLAT, Tally.of(SHORT, "flex")) is None
    assert mean_cost([(FLAT, 1), (short_only, 2)], TALLY) is None


def test_the_mean_over_spells_goes_by_their_length() -> None:
    dear = only(rate("input", "4"), rate("output", "16"), rate("cache_read", "1"))
    one = cost_of(FLAT, TALLY)
    assert one is not None
    assert mean_cost([(FLAT, 3), (dear, 1)], TALLY) == Fraction(5 * one, 4)
    assert mean_cost([], TALLY) is None
