"""What an offer's tokens cost at an instant, as one figure each: to compare prices over time.

Prices that differ by the hour are averaged over a week, the same for every instant, so that two
levels differ only if the price does. For estimates and comparisons; nothing is booked by them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.rates import ITEMS, Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import Period, card_of
from steelyard.pricebook.compiling import compile_periods
from steelyard.pricebook.xray import as_always

_TYPICAL = Usage(1000, 256)
"""The call by which offers are compared, as routing has it."""
_WEEK_NS = instant_ns(datetime(2024, 3, 4, tzinfo=UTC))
"""A Monday; any week without a holiday in it would do."""
_INPUT, _OUTPUT = ITEMS.index("input"), ITEMS.index("output")


class Level(NamedTuple):
    """Prices of a typical chat."""

    currency: str
    input_pico: Fraction
    """Per token, in 10**-12 of the currency."""
    output_pico: Fraction


Known = dict[Hashable, "Level | None"]
"""Levels by the prices that make them: a book of thousands of offers has few of them."""


def level(rates: Iterable[Rate], at_ns: int, known: Known | None = None) -> Level | None:
    """The level at an instant (UTC, nanoseconds); None where a chat had no price then.

    ``known``: of other offers, to look it up; what is found out is added.
    """
    held = [
        rate
        for rate in rates
        if instant_ns(rate.valid_from) <= at_ns
        and (rate.valid_to is None or at_ns < instant_ns(rate.valid_to))
    ]
    if not held or len({rate.currency for rate in held}) > 1:
        return None
    if known is None:
        return _level(held)
    key = frozenset((r.item, r.amount, r.currency, r.unit, r.condition) for r in held)
    if key not in known:
        known[key] = _level(held)
    return known[key]


def _level(held: Sequence[Rate]) -> Level | None:
    try:
        periods = compile_periods(as_always(held), _WEEK_NS, _WEEK_NS + 7 * DAY_NS)
    except ValueError:  # rates that contradict each other: the check of the book tells of them
        return None
    return _mean(periods, held[0].currency)


def _mean(periods: Iterable[Period], currency: str) -> Level | None:
    sums, whole = [Fraction(0), Fraction(0)], 0
    for period in periods:
        card = card_of(period, _TYPICAL)
        if card is None:
            return None
        begin, end = max(period.from_ns, _WEEK_NS), min(period.to_ns, _WEEK_NS + 7 * DAY_NS)
        length = end - begin
        whole += length
        for place, item in enumerate((_INPUT, _OUTPUT)):
            sums[place] += Fraction(card.prices[item], period.denominator) * length
    return Level(currency, sums[0] / whole, sums[1] / whole) if whole else None


def change(then: Level | None, now: Level | None) -> tuple[Fraction, Fraction] | None:
    """By what a cost at ``then`` grows or shrinks at least and at most; None where nobody knows.

    What part of a cost was input and what output is not kept, so where the two changed unlike the
    truth lies between them.
    """
    if then is None or now is None or then.currency != now.currency:
        return None
    factors = []
    for before, after in zip(then[1:], now[1:], strict=True):
        if before:
            factors.append(after / before)
        elif after:
            return None  # from nothing to something: no factor tells that
    return (min(factors), max(factors)) if factors else (Fraction(1), Fraction(1))
