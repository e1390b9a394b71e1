"""What an amount of money buys: of which item of which model, on which day, at which rate.

"One yuan buys 1.25 million tokens" says nothing until it says tokens of what. Every answer here
names item, model, price, day and exchange rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.conditions import STANDARD
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import COUNTED, UNITS, ExchangeRate
from steelyard.pricebook.compare import Exchange
from steelyard.pricebook.history import current
from steelyard.pricebook.market import Market
from steelyard.pricebook.tokens import Characters, CharacterTable


class Bought(NamedTuple):
    """What the money buys by one line of a list."""

    listing: Listing
    origin: str
    line: ListedRate
    """The price, with its condition and evidence."""
    amount: Fraction
    """The money in the listing's currency."""
    exchange: ExchangeRate | None
    """The rate that made it so; None where it is in that currency already."""
    counted: str
    """What is counted, such as ``token`` or ``image``."""
    number: int | None
    """How many whole ones it buys; None where they are free."""
    characters: Characters | None
    """How many characters a token is, where tokens are counted."""

    def texts(self) -> tuple[int, int, int] | None:
        """Characters that it buys: expected, fewest, most; None where none can be said."""
        if self.number is None or self.characters is None:
            return None
        expected, fewest, most = (
            int(self.number * share)
            for share in (self.characters.per_token, self.characters.low, self.characters.high)
        )
        return expected, fewest, most


class Bill(NamedTuple):
    """Money and what is asked of it."""

    amount: Fraction
    currency: str
    at: datetime
    """Instant (UTC) whose prices and exchange rates are meant."""
    items: Sequence[str] = ("input", "output")
    tier: str = STANDARD
    language: str = "zh"
    """Language in which characters are counted."""


def buys(
    market: Market,
    bill: Bill,
    table: CharacterTable,
    exchange: Exchange,
    listings: Sequence[Listing] | None = None,
) -> tuple[list[Bought], list[Listing]]:
    """What the money buys, most first and free ones before, by item; and what cannot be converted.

    ``listings`` are those that are asked for; all of the market for None.
    """
    found: list[Bought] = []
    unconvertible: list[Listing] = []
    rates: dict[str, ExchangeRate | None] = {bill.currency: None}
    for listing in market.listings() if listings is None else listings:
        origin, lines = current(market, listing, bill.at)
        wanted = _charged([line for line in lines if _is_wanted(line, bill)])
        if not wanted:
            continue
        if listing.currency not in rates:
            rates[listing.currency] = exchange(bill.currency, listing.currency, bill.at.date())
        rate = rates[listing.currency]
        if rate is None and listing.currency != bill.currency:
            unconvertible.append(listing)
            continue
        amount = bill.amount if rate is None else bill.amount * rate.value
        for line in wanted:
            figure = table.of(listing.model, bill.language)
            found.append(_bought(listing, origin, line, (amount, rate), figure))
    order = {item: place for place, item in enumerate(bill.items)}
    found.sort(key=lambda b: (order[b.line.rate.item], b.number is not None, -(b.number or 0)))
    return found, unconvertible


def _is_wanted(line: ListedRate, bill: Bill) -> bool:
    rate = line.rate
    return rate.item in bill.items and rate.condition.tier == bill.tier


def _charged(lines: list[ListedRate]) -> list[ListedRate]:
    """The lines without list prices that something else is charged instead of."""
    charged = {line.rate.item for line in lines if not line.rate.condition.is_list_price}
    return [
        line
        for line in lines
        if not line.rate.condition.is_list_price or line.rate.item not in charged
    ]


def _bought(
    listing: Listing,
    origin: str,
    line: ListedRate,
    money: tuple[Fraction, ExchangeRate | None],
    figure: Characters,
) -> Bought:
    amount, exchange = money
    counted = COUNTED[line.rate.item]
    single = line.rate.amount / UNITS[line.rate.unit]
    return Bought(
        *(listing, origin, line, amount, exchange, counted),
        int(amount / single) if single else None,
        figure if counted == "token" else None,
    )
