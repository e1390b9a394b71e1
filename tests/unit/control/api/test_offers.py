"""Offers, prices and verdicts over the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from steelyard.control.api.offers import prices_now, rate_text
from steelyard.domain.conditions import Condition
from steelyard.domain.rates import Rate


def rate(amount: str, begin: int = 1, end: int | None = None) -> Rate:
    until = datetime(2026, 1, end, tzinfo=UTC) if end else None
    since = datetime(2026, 1, begin, tzinfo=UTC)
    return Rate("r1", "input", Fraction(amount), "CNY", "mtok", since, until)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.8", "0.8"), ("2.5", "2.5"), ("100", "100"), ("0", "0"), ("0.000001", "0.000001"),
        ("1/3", "0.333333"), ("250/321", "0.778816"), ("100000", "100000"),
    ],
)  # fmt: skip
def test_prices_read_well(amount: str, text: str) -> None:
    assert rate_text(rate(amount)) == f"{text} CNY/mtok"


def test_only_what_holds_is_shown_and_the_latest_to_begin() -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    rates = [rate("1", 1, 5), rate("2", 5), rate("3", 6), rate("4", 1)]
    assert prices_now(rates, now) == {"input": "2 CNY/mtok"}


def test_prices_under_a_condition_stand_beside_each_other() -> None:
    def under(condition: Condition, amount: str) -> Rate:
        return replace(rate(amount), condition=condition)

    rates = [
        rate("1"),
        under(Condition(input_from=32_000, remark="page 3"), "2"),
        under(Condition(is_list_price=True), "9"),
        replace(rate("5"), item="output"),
        replace(rate("0.1"), item="cache_read"),
    ]
    now = datetime(2026, 1, 5, tzinfo=UTC)
    assert list(prices_now(rates, now).items()) == [
        ("input", "1 CNY/mtok"),
        ("input (input from 32k)", "2 CNY/mtok"),
        ("input (list price)", "9 CNY/mtok"),
        ("output", "5 CNY/mtok"),
        ("cache_read", "0.1 CNY/mtok"),
    ]


def test_an_offer_with_everything_about_it(ask: Callable[..., Any]) -> None:
    (offer,) = ask("GET", "/api/offers").json()["data"]
    assert (offer["name"], offer["state"], offer["reason"]) == ("shop/m", "up", "")
    assert offer["prices"] == {"input": "1 CNY/mtok", "output": "2.5 CNY/mtok"}
    assert ask("GET", "/api/verdicts").json()["data"] == []
    assert (offer["price_source"], offer["unpriced"]) == ("", "")
