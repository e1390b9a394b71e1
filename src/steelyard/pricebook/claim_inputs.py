"""What computations over the book are made from: prices, limits and exchange rates, looked up.

A ``Lookup`` finds the inputs of one computation by the words of a claim, and remembers what it
gave, so that a result can be shown with its evidence. A price is written in one of three ways:
``NAME ITEM DAY`` (a listing of the claims file, an item, the day on which it held),
``0.08 CNY/ktok``, or ``800000 CNY for 10000000000 tokens``. Of a day the price at noon UTC is
meant: by then the day has begun in China and in America has not ended.

Called by ``claim_kinds`` and ``claims``. Nothing here reads a file, a clock or a float.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.conditions import STANDARD, Condition, deciding, is_narrower
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.money import round_half_even, to_fraction
from steelyard.domain.rates import COUNTED, UNITS, ExchangeRate
from steelyard.pricebook.history import holds
from steelyard.pricebook.market import Market
from steelyard.pricebook.wording import shown_amount

ExchangeOn = Callable[[str, str, date], ExchangeRate | None]
"""What one unit of the first currency was worth in the second on a day; None where unknown."""

_LISTED = re.compile(r"(\S+) (\S+) (\d{4}-\d\d-\d\d)")
_WRITTEN = re.compile(r"([\d.]+) ([A-Z]{3})/([a-z_]+)")
_FOR_VOLUME = re.compile(r"([\d._]+) ([A-Z]{3}) for ([\d_]+) tokens")


class Unknown(LookupError):
    """An input that the book does not have: what hangs on it cannot be verified."""


class Value(NamedTuple):
    """Something computed."""

    amount: Fraction | date
    unit: str
    """Such as ``%``, ``tokens``, ``CNY``, ``CNY/ktok``, ``days``; ``day`` for a date."""

    def __str__(self) -> str:
        if isinstance(self.amount, date):
            return self.amount.isoformat()
        number = rounded(self.amount)
        return f"{number} {self.unit}" if self.unit else number


class Input(NamedTuple):
    """Something that a computation used."""

    what: str
    value: str
    reference: str
    """Id of the rate or exchange rate; empty for what the claim itself says."""
    evidence: str
    """Where it was read."""


@dataclass(frozen=True, slots=True)
class Named:
    """A listing under its short name in a claims file, and which of its rates are meant."""

    listing: Listing
    zone: str = "UTC"
    """In which days of this listing are told."""
    seller: str = ""
    region: str = ""
    tier: str = STANDARD
    input_tokens: int = 1000
    """Length of the call whose price is meant, where the list has tiers."""
    output_tokens: int = 500
    thinking: bool | None = None


class Price(NamedTuple):
    """What one single thing costs."""

    amount: Fraction
    """For one token, request or second, in ``currency``."""
    currency: str
    unit: str
    """In which the list or the claim says it."""
    day: date | None
    """On which it held; None where the claim itself says it."""


class Lookup:
    """Finds the inputs of one computation and keeps what was used."""

    def __init__(self, market: Market, exchange: ExchangeOn, listings: Mapping[str, Named]) -> None:
        self._market = market
        self._exchange = exchange
        self._listings = listings
        self.used: list[Input] = []
        self.limits: list[str] = []
        """Limits under which the result is to be had, for people."""

    def price(self, text: str) -> Price:
        """The price that a claim's text means.

        Raises:
            Unknown: the book has none, or more than one.
            ValueError: the text is none.
        """
        if found := _LISTED.fullmatch(text):
            name, item, day = found[1], found[2], date.fromisoformat(found[3])
            line = self.line(name, item, day)
            self.used.append(input_of(f"{name} {item}, {day}", line))
            rate = line.rate
            return Price(rate.amount / UNITS[rate.unit], rate.currency, rate.unit, day)
        if found := _WRITTEN.fullmatch(text):
            if found[3] not in UNITS:
                raise ValueError(f"unknown unit {found[3]!r}; one of {', '.join(UNITS)}")
            self.used.append(Input("the claim's price", text, "", ""))
            return Price(to_fraction(found[1]) / UNITS[found[3]], found[2], found[3], None)
        if found := _FOR_VOLUME.fullmatch(text):
            self.used.append(Input("the claim's price", text, "", ""))
            return Price(number(found[1]) / number(found[3]), found[2], "ktok", None)
        forms = "NAME ITEM DAY, 0.08 CNY/ktok or 800 CNY for 1000000 tokens"
        raise ValueError(f"no price: {text[:60]!r}; write {forms}")

    def line(self, name: str, item: str, day: date) -> ListedRate:
        """The line of a listing that held for an item at noon UTC of a day.

        Raises:
            Unknown: there is none, or several hold at once.
            ValueError: the claims file has no such listing, or there is no such item.
        """
        return line_on(self._market, self.named(name), item, day)

    def lines(self, name: str, item: str) -> list[ListedRate]:
        """All lines of a listing for an item that the claim means; oldest first."""
        named = self.named(name)
        found = self._market.lines_of(named.listing)
        return [x for x in found if x.rate.item == item and _is_meant(x.rate.condition, named)]

    def limit(self, name: str, kind: str, day: date) -> int:
        """A limit (``tpm``, ``rpm`` …) that held for a listing at noon UTC of a day.

        Raises:
            Unknown: the book has none.
            ValueError: the claims file has no such listing.
        """
        named = self.named(name)
        for fact in self._market.facts_of(named.listing, noon(day), "limit"):
            if kind in fact.body:
                value = int(fact.body[kind])
                self.used.append(
                    Input(f"{name} {kind}, {day}", f"{value:,}", "", fact.source),
                )
                self.limits.append(f"{named.listing.model}: {value:,} {kind}")
                return value
        raise Unknown(f"no {kind} known for {named.listing} on {day}")

    def worth(self, base: str, quote: str, day: date) -> Fraction:
        """Units of ``quote`` for one of ``base`` on a day.

        Raises:
            Unknown: no exchange rate of that day is known.
        """
        rate = self._exchange(base, quote, day)
        if rate is None:
            raise Unknown(f"no exchange rate {base} to {quote} on {day}")
        shown = f"{rounded(rate.value, 5)} {quote}"
        self.used.append(Input(f"1 {base}, {day}", shown, rate.rate_id, rate.source))
        return rate.value

    def named(self, name: str) -> Named:
        """The listing of a short name.

        Raises:
            ValueError: the claims file has none of it.
        """
        if name not in self._listings:
            raise ValueError(f"unknown listing {name!r}; one of {', '.join(self._listings)}")
        return self._listings[name]


def line_on(market: Market, named: Named, item: str, day: date) -> ListedRate:
    """The line of a listing that held for an item at noon UTC of a day; raises as a lookup does."""
    if item not in COUNTED:
        raise ValueError(f"unknown item {item!r}; one of {', '.join(COUNTED)}")
    at = noon(day)
    holding = [
        line
        for line in market.lines_of(named.listing)
        if line.rate.item == item and holds(line, at) and _is_meant(line.rate.condition, named)
    ]
    if not holding:
        raise Unknown(f"no price of {item} for {named.listing} on {day}")
    best = [
        line
        for line in holding
        if not any(is_narrower(other.rate.condition, line.rate.condition) for other in holding)
    ]
    newest = max(best, key=lambda line: line.rate.valid_from)
    same = [x for x in best if deciding(x.rate.condition) == deciding(newest.rate.condition)]
    if any(
        shown_amount(line.rate) != shown_amount(newest.rate) for line in best if line not in same
    ):
        raise Unknown(f"{len(best)} prices of {item} hold for {named.listing} on {day}")
    return newest


def noon(day: date) -> datetime:
    """Noon UTC of a day."""
    return datetime.combine(day, time(12), UTC)


def number(text: str) -> Fraction:
    """A number as a claim writes it; ``_`` may part the digits.

    Raises:
        ValueError: it is none.
    """
    return to_fraction(text.replace("_", ""))


def _is_meant(condition: Condition, named: Named) -> bool:
    """Whether a condition is true of the call that a claim means."""
    return (
        not condition.is_list_price
        and not condition.variant
        and condition.clock is None  # a claim tells no hour, so only prices of all hours fit it
        and condition.volume_from == 0
        and condition.seller in ("", named.seller)
        and condition.region in ("", named.region)
        and condition.tier == named.tier
        and condition.thinking in (None, named.thinking)
        and _within(condition.input_from, named.input_tokens, condition.input_to)
        and _within(condition.output_from, named.output_tokens, condition.output_to)
    )


def _within(low: int, count: int, high: int | None) -> bool:
    return low <= count and (high is None or count < high)


def input_of(what: str, line: ListedRate) -> Input:
    """A line of a price list as something that was used."""
    rate = line.rate
    shown = f"{rounded(rate.amount, 9)} {rate.currency}/{rate.unit}"
    return Input(what, shown, rate.rate_id, rate.source)


def rounded(amount: Fraction, significant: int = 4) -> str:
    """The number for people: whole if it is or if it is long, else so many digits that count."""
    if amount.denominator == 1 or abs(amount) >= 10 ** (significant - 1):
        return f"{round_half_even(amount.numerator, amount.denominator):,}"
    places = significant - 1
    while abs(amount) * 10**places >= 10**significant:
        places -= 1
    while abs(amount) * 10**places < 10 ** (significant - 1):
        places += 1
    scaled = amount * 10**places
    rounded = Decimal(round_half_even(scaled.numerator, scaled.denominator)).scaleb(-places)
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if scaled.denominator == 1 else text
