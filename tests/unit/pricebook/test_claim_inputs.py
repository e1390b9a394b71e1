from __future__ import annotations

from fractions import Fraction

import pytest

from steelyard.pricebook.claim_inputs import Value, number


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Fraction(0), "0"),
        (Fraction(1_250_000), "1,250,000"),
        (Fraction(16_666_667, 602), "27,685"),
        (Fraction(-250, 3), "-83.33"),
        (Fraction(1, 3 * 10**9), "0.0000000003333"),
        (Fraction(8, 10_000), "0.0008"),
        (Fraction(925, 1000), "0.925"),
        (Fraction(-99, 1), "-99"),
    ],
)
def test_a_value_keeps_its_leading_digits_and_is_never_shown_as_zero(
    amount: Fraction, shown: str
) -> None:
    assert str(Value(amount, "%")) == f"{shown} %"
    assert str(Value(amount, "")) == shown


def test_numbers_are_exact_and_digits_may_be_parted() -> None:
    assert number("10_000.5") == Fraction(20_001, 2)
    with pytest.raises(ValueError):
        number("many")
