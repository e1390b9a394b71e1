"""Rates in one line each, and what a usage costs by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from steelyard.domain.conditions import ALWAYS, Condition
from steelyard.domain.rates import Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import Card, Period, card_of, price
from steelyard.pricebook.compiling import compile_periods

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 7, 1, tzinfo=UTC)


def rate(
    item: str,
    amount: str,
    valid_from: datetime = SINCE,
    valid_to: datetime | None = None,
    *,
    condition: Condition = ALWAYS,
    **said: Any,
) -> Rate:
    """A rate per million tokens in USD, of a name that tells it."""
    name = said.pop("name", f"{item}-{amount}-{valid_from:%Y%m%d}")
    unit, currency = said.pop("unit", "mtok"), said.pop("currency", "USD")
    condition = Condition(**said) if said else condition
    amount_exact = Fraction(amount)
    return Rate(name, item, amount_exact, currency, unit, valid_from, valid_to, "", condition)


def only(*rates: Rate) -> Period:
    [period] = compile_periods(rates)
    return period


def card_for(rates: Sequence[Rate], usage: Usage, tier: str = "") -> Card | None:
    return card_of(only(*rates), usage, tier)


def cost(period: Period, usage: Usage, tier: str = "") -> int:
    """In pico-units; the usage obeys its laws, and there is a card for it."""
    usage.check()
    card = card_of(period, usage, tier)
    assert card is not None
    return price(period, card, usage)
