from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.domain.money import (
    PICO,
    Money,
    format_pico,
    format_small,
    round_half_even,
    round_up,
    small_unit,
    to_decimal,
    to_fraction,
    to_pico,
)


@pytest.mark.parametrize(
    ("numerator", "denominator", "nearest", "above"),
    [(5, 2, 2, 3), (7, 2, 4, 4), (-5, 2, -2, -2), (-7, 2, -4, -3), (6, 3, 2, 2), (8, 3, 3, 3)],
)
def test_rounding(numerator: int, denominator: int, nearest: int, above: int) -> None:
    assert round_half_even(numerator, denominator) == nearest
    assert round_up(numerator, denominator) == above


@pytest.mark.parametrize(
    ("amount", "pico"),
    [
        ("0.8", 800_000_000_000),
        (Decimal("1E-12"), 1),
        (Decimal("5E-13"), 0),
        (Fraction(1, 3), 333_333_333_333),
        (7, 7 * PICO),
        ("-1/8", -125_000_000_000),
    ],
)
def test_amounts_become_pico_units(amount: Decimal | Fraction | int | str, pico: int) -> None:
    assert to_pico(amount) == pico


@pytest.mark.parametrize("amount", [0.1, 1.0, True, float("nan")])
def test_a_float_is_no_money(amount: float) -> None:
    with pytest.raises(TypeError, match="exact"):
        to_pico(amount)  # type: ignore[arg-type]


VAST = ["1e999999999", "1E-1000000", "1e1_000_000", Decimal("1e999999999"), Decimal("1e-1000000")]


@pytest.mark.parametrize("amount", ["", "abc", "1/0", "NaN", "Infinity", Decimal("NaN"), *VAST])
def test_what_is_no_finite_number_is_refused(amount: str | Decimal) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_fraction(amount)


@pytest.mark.parametrize(
    ("pico", "text"),
    [
        (0, "0.00"),
        (1, "0.000000000001"),
        (-1, "-0.000000000001"),
        (PICO, "1.00"),
        (1_500_000_000_000, "1.50"),
        (14_400_000, "0.0000144"),
        (10**26, "100000000000000.00"),
    ],
)
def test_an_amount_is_shown_with_all_its_digits(pico: int, text: str) -> None:
    assert format_pico(pico) == text
    assert to_pico(text) == pico
    assert to_decimal(pico) == Decimal(text)


def test_whole_amounts_may_stand_without_decimals() -> None:
    assert format_pico(3 * PICO, places_min=0) == "3"
    assert str(Money(1_250_000_000_000, "CNY")) == "1.25 CNY"


@pytest.mark.parametrize(
    ("pico", "text"),
    [
        (800_000_000, "0.8 厘"),
        (-800_000_000, "-0.8 厘"),
        (9_000_000_000, "9 厘"),
        (9_999_999_999, "≈10 厘"),
        (10_000_000_000, ""),
        (100_000_000, "0.1 厘"),
        (99_000_000, "0.99 毫"),
        (45_581_243, "≈0.456 毫"),
        (1_000_000, "0.01 毫"),
        (999_999, ""),
        (1, ""),
        (0, ""),
        (10**26, ""),
        (-(10**26), ""),
    ],
)
def test_below_a_fen_people_count_in_smaller_units(pico: int, text: str) -> None:
    assert small_unit(pico, "CNY") == text
    assert small_unit(pico, "USD") == ""


def test_an_amount_stands_whole_before_its_small_unit() -> None:
    assert format_small(800_000_000, "CNY") == "0.0008 CNY (0.8 厘)"
    assert format_small(-45_581_243, "CNY") == "-0.000045581243 CNY (≈-0.456 毫)"
    assert format_small(1, "CNY") == "0.000000000001 CNY"
    assert format_small(800_000_000, "USD") == "0.0008 USD"
    assert format_small(10**26, "CNY") == "100000000000000.00 CNY"
    assert format_small(0, "") == "0.00"
