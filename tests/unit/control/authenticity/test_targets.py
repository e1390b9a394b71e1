"""Which offers a test means, and what money."""

from __future__ import annotations

import time

import pytest

from steelyard.control.authenticity import targets
from steelyard.control.authenticity.schedule import Side
from steelyard.control.authenticity.till import Till
from steelyard.control.control import Control
from steelyard.domain.errors import ConfigError
from steelyard.domain.money import PICO


def target(control: Control, name: str) -> targets.Target:
    with control.database.read() as connection:
        return targets.target(connection, name, time.time_ns())


def test_an_offer_is_found_with_its_price_and_where_it_is_bought(control: Control) -> None:
    found = target(control, "shop/m")
    assert (found.entry.currency, found.is_here) == ("CNY", False)
    assert found.bought() == {
        **{"offer": "shop/m", "model": "m", "channel": "shop"},
        **{"vendor": found.channel.vendor, "upstream_model": "m"},
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shop/x", "No offer 'shop/x'"),
        ("shop/off", "is disabled"),
        ("shop/draws", "takes no chats"),
        ("shop/free", "has no price"),
    ],
)
def test_who_cannot_be_asked_is_refused(control: Control, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        target(control, name)


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
