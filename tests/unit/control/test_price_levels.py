"""Levels of prices, and what they did between two instants."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

from steelyard.control.price_levels import Known, Level, change, level
from steelyard.domain.conditions import Clock, Condition
from steelyard.domain.instants import instant_ns
from steelyard.domain.rates import Rate

MARCH, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 5))


def rate(
    item: str, amount: int, begin: datetime = MARCH, end: datetime | None = None, **more: object
) -> Rate:
    return Rate(f"{item}-{amount}", item, Fraction(amount), "CNY", "mtok", begin, end, **more)  # type: ignore[arg-type]


def test_the_level_of_an_instant_is_what_held_then() -> None:
    rates = [
        rate("input", 4, MARCH, MAY), rate("input", 1, MAY), rate("output", 8),
    ]  # fmt: skip
    assert level(rates, instant_ns(MARCH)) == Level("CNY", Fraction(4 * 10**6), Fraction(8 * 10**6))
    assert level(rates, instant_ns(MAY)) == Level("CNY", Fraction(10**6), Fraction(8 * 10**6))
    assert level(rates, instant_ns(MARCH) - 1) is None
    assert level([], 0) is None


def test_prices_by_the_hour_are_averaged_so_that_no_hour_is_another_level() -> None:
    night = Condition(clock=Clock("UTC", ((0, 12 * 60),)))
    rates = [rate("input", 4), rate("input", 2, condition=night), rate("output", 8)]
    found = level(rates, instant_ns(MAY))
    assert found is not None and found.input_pico == 3 * 10**6
    assert found == level(rates, instant_ns(MAY) + 5 * 3600 * 10**9)


def test_what_has_two_currencies_has_no_level() -> None:
    rates = [rate("input", 4), rate("output", 8)]
    dollars = Rate("d", "input", Fraction(1), "USD", "mtok", MARCH)
    assert level([*rates, dollars], instant_ns(MAY)) is None


def test_a_change_is_a_span_where_input_and_output_moved_unlike() -> None:
    then = Level("CNY", Fraction(4), Fraction(8))
    assert change(then, then) == (1, 1)
    assert change(then, Level("CNY", Fraction(2), Fraction(4))) == (Fraction(1, 2), Fraction(1, 2))
    assert change(then, Level("CNY", Fraction(1), Fraction(8))) == (Fraction(1, 4), 1)
    assert change(then, Level("USD", Fraction(4), Fraction(8))) is None
    assert change(None, then) is None and change(then, None) is None


def test_what_was_free_and_is_not_grew_by_no_factor() -> None:
    free = Level("CNY", Fraction(0), Fraction(0))
    assert change(free, Level("CNY", Fraction(1), Fraction(0))) is None
    assert change(free, free) == (1, 1)


def test_equal_prices_are_worked_out_once() -> None:
    known: Known = {}
    first = level([rate("input", 4), rate("output", 8)], instant_ns(MAY), known)
    again = level([rate("output", 8), rate("input", 4)], instant_ns(MAY), known)
    assert first is again and len(known) == 1
    other = level([rate("input", 5), rate("output", 8)], instant_ns(MAY), known)
    assert other != first and len(known) == 2


def test_what_no_chat_can_be_priced_by_has_no_level() -> None:
    below = Condition(output_to=100)
    assert level([rate("input", 4, condition=below)], instant_ns(MAY)) is None
    twice = [rate("input", 4), rate("input", 5), rate("output", 8)]
    assert level(twice, instant_ns(MAY)) is None
