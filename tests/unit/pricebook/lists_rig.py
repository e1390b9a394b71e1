"""Short ways to write lists for tests of what looks at them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from steelyard.domain.conditions import ALWAYS, Condition
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import ExchangeRate, Rate
from steelyard.pricebook.wording import condition_text

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def listed(
    what: str,
    price: str,
    begin: str = "2026-01-01",
    end: str | None = None,
    condition: Condition = ALWAYS,
    **more: Any,
) -> ListedRate:
    """A line for ``MODEL ITEM``: CNY per mtok, of an own list, where ``more`` is silent."""
    model, item = what.split()
    currency, origin = more.pop("currency", "CNY"), more.pop("origin", "own")
    rate = Rate(
        f"{origin} {what} {currency} {price} {begin} {condition_text(condition)}",
        *(item, Fraction(price), currency, more.pop("unit", "mtok"), at(begin)),
        *(at(end) if end else None, "a page", condition),
    )
    listing = Listing("Maker", "official", model, currency)
    return ListedRate(listing, rate, origin, basis="announced", **more)


def exchange(base: str, quote: str, day: date) -> ExchangeRate | None:
    """7 CNY a dollar, and nothing else."""
    values = {("USD", "CNY"): Fraction(7), ("CNY", "USD"): Fraction(1, 7)}
    if (base, quote) not in values:
        return None
    as_of = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return ExchangeRate(f"test-{day}-{base}-{quote}", base, quote, values[base, quote], as_of)
