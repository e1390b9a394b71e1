"""Which offers a test means, and what money."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest

from steelyard.control.authenticity import targets
from steelyard.control.authenticity.schedule import Side
from steelyard.control.authenticity.targets import Wish, demand_one_model
from steelyard.control.authenticity.till import Till
from steelyard.control.control import Control
from steelyard.control.own_calls.askable import Askable, askable
from steelyard.domain.errors import ConfigError
from steelyard.domain.money import PICO

WISH = Wish("shop/x", "maker/x", "1 CNY", Fraction(1, 100))


def target(control: Control, name: str) -> Askable:
    with control.database.read() as connection:
        return askable(connection, name, time.time_ns())


def test_money_is_counted_in_the_suspects_currency(control: Control) -> None:
    sides = {Side.SUSPECT: target(control, "shop/m"), Side.REFERENCE: target(control, "maker/m")}

    def till(money: str) -> Till:
        with control.database.read() as connection:
            return targets.till(connection, money, sides, time.time_ns())

    assert (till("3 CNY").currency, till("3 CNY").budget_pico) == ("CNY", 3 * PICO)
    dollars = till("1 USD")
    assert 5 * PICO < dollars.budget_pico < 9 * PICO
    dollars.take(Side.REFERENCE, PICO)
    assert abs(dollars.paid_pico - dollars.budget_pico) <= 1
    for wrong in ("much", "1 QQQ"):
        with pytest.raises(ConfigError, match="money: "):
            till(wrong)


def test_calls_are_bounded_on_both_sides() -> None:
    targets.check_calls(300)
    for wrong in (49, 301):
        with pytest.raises(ConfigError, match="50 to 300"):
            targets.check_calls(wrong)


@pytest.mark.parametrize(
    ("sold", "reference"),
    [
        ("gpt-4o", "gpt-4o"),
        ("openai/GPT-4o", "gpt-4o-2024-08-06"),
        ("qwen_max_0919", "Qwen-Max"),
        ("qwen2.5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct"),
        ("claude-3.5-sonnet", "claude-3-5-sonnet-20240620"),
    ],
)
def test_names_of_one_model_may_be_compared(sold: str, reference: str) -> None:
    demand_one_model(WISH, sold, reference)


@pytest.mark.parametrize(
    ("sold", "reference"),
    [
        ("smollm2-135m", "qwen2.5-1.5b"),
        ("gpt-4", "gpt-4o"),
        ("qwen-7b", "qwen-7b-chat"),
        ("qwen2-57b", "qwen2.5-7b"),
        ("通义", "文心"),
    ],
)
def test_two_models_are_not_compared_unless_somebody_says_that_they_are_one(
    sold: str, reference: str
) -> None:
    with pytest.raises(ConfigError, match="--same-model") as refused:
        demand_one_model(WISH, sold, reference)
    assert sold in str(refused.value) and reference in str(refused.value)
    demand_one_model(WISH._replace(is_same_model=True), sold, reference)
