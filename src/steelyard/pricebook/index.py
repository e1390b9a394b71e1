"""A price index of the market: what tokens cost over time, as they are used; 100 at first.

It is chained: each link compares two neighbouring days by the listings that have a price on both,
since models come and go faster than any basket lasts. With volumes of use a link is Fisher's, the
geometric mean of Laspeyres' (weighted by the use before) and Paasche's (by the use after): people
move to what became cheaper, so Laspeyres alone would show too little of a fall, and chaining would
add that up. Where no use is known a link is Jevons', the plain geometric mean of the listings'
changes, which no single dear model can rule; what is free on either day is left out of it, since a
mean of changes has no place for a change to or from nothing, and is counted in ``free``.

Prices are those of noon UTC, for an ordinary call, each day in one currency at that day's exchange
rate. Nothing here reads a clock or a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.listings import OFFICIAL, Listing
from steelyard.domain.money import round_half_even
from steelyard.domain.rates import UNITS
from steelyard.pricebook.claim_inputs import ExchangeOn, Named, Unknown, line_on
from steelyard.pricebook.market import Market

BASE = Fraction(100)
FISHER = "fisher"
JEVONS = "jevons"
_ITEMS = ("input", "output")
_DATED_SOURCES = ("own", "steelyard")
"""Sources whose rates have their days; others mostly say what holds now, and would show stillness
where there was none."""
_DIGITS = 10**6
"""Values are kept to a millionth of a point."""


class Volume(NamedTuple):
    """Use of a listing between two days of the index."""

    input_tokens: int
    output_tokens: int


Volumes = Mapping[Listing, Volume]


class Point(NamedTuple):
    """The index on a day."""

    day: date
    value: Fraction
    """100 on the first day; rounded to a millionth."""
    method: str
    """How its link was weighed: ``fisher`` or ``jevons``; empty on the first day."""
    matched: int
    """Listings with a price on this day and the one before."""
    free: int
    """Of them those that cost nothing on either day."""


def price_index(
    market: Market,
    exchange: ExchangeOn,
    days: Sequence[date],
    currency: str,
    volumes: Sequence[Volumes] = (),
) -> list[Point]:
    """The index on each of ``days``.

    Args:
        market: The book.
        exchange: ExchangeOn rates by day.
        days: Ascending; the first is the base.
        currency: In which prices are compared.
        volumes: Use from each day until the next, one for each link; none where it is not known.

    Raises:
        ValueError: no days, or not ascending.
    """
    if not days or any(one >= other for one, other in zip(days, days[1:], strict=False)):
        raise ValueError("an index is asked for on ascending days")
    used = {listing for of_link in volumes for listing in of_link}
    wanted = _wanted(market, used)
    points = [Point(days[0], BASE, "", 0, 0)]
    before = _prices(market, exchange, wanted, days[0], currency)
    for number, day in enumerate(days[1:]):
        after = _prices(market, exchange, wanted, day, currency)
        use_after = volumes[number] if number < len(volumes) else {}
        use_before = volumes[number - 1] if 0 < number <= len(volumes) else {}
        # Use on one side only stands in for the other: that is Laspeyres or Paasche alone.
        use = (use_before or use_after, use_after or use_before)
        points.append(_link(points[-1], day, (before, after), use))
        before = after
    return points


_Prices = Mapping[tuple[Listing, str], Fraction]


def _link(
    last: Point, day: date, prices: tuple[_Prices, _Prices], use: tuple[Volumes, Volumes]
) -> Point:
    before, after = prices
    shared = sorted(before.keys() & after.keys())
    change = _fisher(before, after, use)
    method = FISHER
    if change is None:
        method = JEVONS
        change = _jevons([after[k] / before[k] for k in shared if before[k] and after[k]])
    matched = {listing for listing, _ in shared}
    free = {
        listing for listing, item in shared if not (before[listing, item] and after[listing, item])
    }
    scaled = last.value * change * _DIGITS
    value = Fraction(round_half_even(scaled.numerator, scaled.denominator), _DIGITS)
    return Point(day, value, method, len(matched), len(free))


def _fisher(before: _Prices, after: _Prices, use: tuple[Volumes, Volumes]) -> Fraction | None:
    """The link by use; None where what was used has no price on both days, or none above zero."""
    squared = Fraction(1)
    for volumes in use:
        was, now = _cost(volumes, before, after), _cost(volumes, after, before)
        if not was or not now:
            return None
        squared *= now / was
    return _root(squared)


def _cost(volumes: Volumes, prices: _Prices, others: _Prices) -> Fraction:
    """What the volumes cost at ``prices``, of what ``others`` price, too."""
    return sum(
        (
            prices[listing, item] * count
            for listing, volume in volumes.items()
            for item, count in zip(_ITEMS, volume, strict=True)
            if (listing, item) in prices and (listing, item) in others
        ),
        Fraction(0),
    )


def _jevons(changes: Sequence[Fraction]) -> Fraction:
    if not changes:
        return Fraction(1)
    with localcontext(prec=40):
        logs = [(Decimal(c.numerator) / Decimal(c.denominator)).ln() for c in changes]
        return Fraction((sum(logs, Decimal(0)) / len(logs)).exp())


def _root(value: Fraction) -> Fraction:
    with localcontext(prec=40):
        return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def _wanted(market: Market, used: Iterable[Listing]) -> list[Listing]:
    """Listings by the vendors themselves whose days are known, one currency of each, and the used.

    Two lists of one model would count it twice: the one in the vendor's more trusted, then
    alphabetically first currency counts.
    """
    found: dict[tuple[str, str], Listing] = {}
    for listing in market.listings():
        if listing.channel == OFFICIAL and market.choice(listing) in _DATED_SOURCES:
            found.setdefault((listing.vendor, listing.model), listing)
    return sorted({*found.values(), *used})


def _prices(
    market: Market, exchange: ExchangeOn, listings: Sequence[Listing], day: date, currency: str
) -> dict[tuple[Listing, str], Fraction]:
    """What one token of each listing's input and output cost on a day, in ``currency``."""
    found = {}
    worth = {
        listing.currency: _worth(exchange, listing.currency, currency, day) for listing in listings
    }
    for listing in listings:
        in_currency = worth[listing.currency]
        if in_currency is None:
            continue
        for item in _ITEMS:
            try:
                rate = line_on(market, Named(listing), item, day).rate
            except Unknown:
                continue
            found[listing, item] = rate.amount / UNITS[rate.unit] * in_currency
    return found


def _worth(exchange: ExchangeOn, base: str, quote: str, day: date) -> Fraction | None:
    if base == quote:
        return Fraction(1)
    rate = exchange(base, quote, day)
    return None if rate is None else rate.value
