"""Prices of an instant as one week, as a level, and what they did between two instants."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

from steelyard.control.prices.levels import Known, Level, Week, change, week
from steelyard.domain.conditions import Clock, Condition
from steelyard.domain.instants import instant_ns
from steelyard.domain.rates import Rate
from steelyard.domain.tallies import Tally
from steelyard.domain.usage import Usage

MARCH, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 5))


def rate(
    item: str, amount: int, begin: datetime = MARCH, end: datetime | None = None, **more: object
) -> Rate:
    return Rate(f"{item}-{amount}", item, Fraction(amount), "CNY", "mtok", begin, end, **more)  # type: ignore[arg-type]


def found(rates: list[Rate], at_ns: int) -> Week:
    one = week(rates, at_ns, {})
    assert one is not None
    return one


def level(rates: list[Rate], at_ns: int) -> Level | None:
    return found(rates, at_ns).level


def test_the_level_of_an_instant_is_what_held_then() -> None:
    rates = [
        rate("input", 4, MARCH, MAY), rate("input", 1, MAY), rate("output", 8),
    ]  # fmt: skip
    assert level(rates, instant_ns(MARCH)) == Level("CNY", Fraction(4 * 10**6), Fraction(8 * 10**6))
    assert level(rates, instant_ns(MAY)) == Level("CNY", Fraction(10**6), Fraction(8 * 10**6))
    assert week(rates, instant_ns(MARCH) - 1, {}) is None
    assert week([], 0, {}) is None


def test_prices_by_the_hour_are_averaged_so_that_no_hour_is_another_level() -> None:
    night = Condition(clock=Clock("UTC", ((0, 12 * 60),)))
    rates = [rate("input", 4), rate("input", 2, condition=night), rate("output", 8)]
    one = found(rates, instant_ns(MAY))
    assert one.level == Level("CNY", Fraction(3 * 10**6), Fraction(8 * 10**6))
    assert one.level == level(rates, instant_ns(MAY) + 5 * 3600 * 10**9)
    assert one.cost(Tally.of(Usage(10, 1))) == 38 * 10**6


def test_calls_are_priced_by_their_own_length_the_level_by_a_typical_one() -> None:
    long = Condition(input_from=5_000)
    rates = [rate("input", 4), rate("input", 40, condition=long), rate("output", 8)]
    one = found(rates, instant_ns(MAY))
    assert one.level is not None and one.level.input_pico == 4 * 10**6
    assert one.cost(Tally.of(Usage(5_000, 0))) == 5_000 * 40 * 10**6


def test_what_has_two_currencies_has_no_level() -> None:
    rates = [rate("input", 4), rate("output", 8)]
    dollars = Rate("d", "input", Fraction(1), "USD", "mtok", MARCH)
    assert week([*rates, dollars], instant_ns(MAY), {}) is None


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
    first = week([rate("input", 4), rate("output", 8)], instant_ns(MAY), known)
    again = week([rate("output", 8), rate("input", 4)], instant_ns(MAY), known)
    assert first is again and len(known) == 1
    other = week([rate("input", 5), rate("output", 8)], instant_ns(MAY), known)
    assert other != first and len(known) == 2


def test_what_no_chat_can_be_priced_by_has_no_level() -> None:
    below = Condition(output_to=100)
    short = found([rate("input", 4, condition=below)], instant_ns(MAY))
    assert short.level is None
    assert short.cost(Tally.of(Usage(10, 0))) == 40 * 10**6
    assert short.cost(Tally.of(Usage(10, 1))) is None
    assert found([rate("input", 4)], instant_ns(MAY)).level is None  # and no answer is for nothing
    twice = [rate("input", 4), rate("input", 5), rate("output", 8)]
    assert week(twice, instant_ns(MAY), {}) is None
