"""Amounts as people write them, exactly."""

from __future__ import annotations

from fractions import Fraction

import pytest

from steelyard.config.amounts import Price, read_money, read_price
from steelyard.domain.money import Money


def test_money_is_exact() -> None:
    assert read_money("0.1 CNY") == Money(10**11, "CNY")
    assert read_money(" 100 USD ") == Money(100 * 10**12, "USD")


def test_a_price_is_exact() -> None:
    assert read_price("0.0008 CNY/ktok") == Price(Fraction(8, 10_000), "CNY", "ktok")
    assert str(read_price("0.80 CNY / mtok")) == "0.8 CNY/mtok"
    assert str(Price(Fraction(1, 3), "CNY", "mtok")) == "1/3 CNY/mtok"


@pytest.mark.parametrize("text", ["5", "5 cny", "-5 CNY", "1e3 CNY", "5 CNY/mtok", "٥ CNY", ""])
def test_what_is_no_money(text: str) -> None:
    with pytest.raises(ValueError, match="such as 100 CNY"):
        read_money(text)


@pytest.mark.parametrize("text", ["0.8", "0.8 CNY", "0.8/mtok", "nan CNY/mtok"])
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 0\.8 CNY/mtok"):
        read_price(text)


def test_an_unknown_unit_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="one of token, ktok, mtok"):
        read_price("1 CNY/tonne")
