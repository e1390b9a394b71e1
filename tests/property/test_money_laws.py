"""Money: exact to the last digit, however it is grouped, written or read."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.money import format_pico, round_half_even, round_up, to_decimal, to_pico

AMOUNTS = st.integers(-(10**26), 10**26)
DENOMINATORS = st.integers(1, 10**12)


@given(AMOUNTS)
def test_what_is_shown_can_be_read_back(pico: int) -> None:
    assert to_pico(format_pico(pico)) == pico
    assert to_pico(to_decimal(pico)) == pico


@given(AMOUNTS.filter(bool))
def test_nothing_but_nothing_is_shown_as_nothing(pico: int) -> None:
    assert set(format_pico(pico)) - set("-0.")


@given(AMOUNTS, DENOMINATORS)
def test_rounding_is_the_nearest_even(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert round_half_even(numerator, denominator) == round(exact)
    up = round_up(numerator, denominator)
    assert up - 1 < exact <= up


@given(st.lists(AMOUNTS, min_size=1, max_size=20), st.randoms())
def test_sums_are_equal_across_any_grouping(amounts: list[int], random: object) -> None:
    shuffled = list(amounts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    cut = len(amounts) // 2
    assert sum(amounts) == sum(shuffled[:cut]) + sum(shuffled[cut:])
    assert sum(to_decimal(a) for a in shuffled) == to_decimal(sum(amounts))
