"""Money that somebody names for calls is read, or refused with what to write."""

from __future__ import annotations

import pytest

from steelyard.control.prices.wanted import wanted_money
from steelyard.domain.errors import ConfigError
from steelyard.domain.money import Money


def test_money_is_read_or_refused() -> None:
    assert wanted_money("5 CNY") == Money(5 * 10**12, "CNY")
    with pytest.raises(ConfigError, match="money: 'five' is no amount; write an amount"):
        wanted_money("five")
    for nothing in ("0 CNY", "-1 CNY"):
        with pytest.raises(ConfigError, match="pays for no call; it must be more than 0"):
            wanted_money(nothing)


def test_a_refusal_names_what_was_asked_for() -> None:
    for wrong in ("much", "0 CNY", "1 QQQ", "1 RMB"):
        with pytest.raises(ConfigError, match=r"^budget: "):
            wanted_money(wrong, "budget")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 RMB", "unknown currency 'RMB'; write CNY, such as 100 CNY"),
        ("1元", "unknown currency '元'; write CNY, such as 100 CNY"),
        ("1 人民币", "unknown currency '人民币'; write CNY"),
        ("¥1.50", "unknown currency '¥'; write CNY"),
        ("5 cny", "unknown currency 'cny'; write CNY"),
        ("5 XXZ", "unknown currency 'XXZ'; write a code of ISO 4217"),
        ("5CNY", "is no amount; write an amount and a currency, such as 100 CNY"),
    ],
)
def test_what_people_write_for_a_currency_is_told_its_code(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        wanted_money(text)
