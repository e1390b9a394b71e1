"""What an offer's calls cost at an instant, to compare prices over time.

Prices that differ by the hour are averaged over a week, the same for every instant, so that two
weeks differ only if the price does. Calls whose tokens are known are priced one by one; for others
there is the level, one figure for input and one for output. Nothing is booked by either.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.rates import ITEMS, Rate
from steelyard.domain.tallies import Tally
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import card_of, unpriced
from steelyard.pricebook.compiling import compile_periods
from steelyard.pricebook.tallied import Spell, mean_cost
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


@dataclass(frozen=True, eq=False, slots=True)
class Week:
    """All prices that hold at an instant, over a week as though no others came.

    Equal only to itself: within one ``Known`` the same prices make the same week.
    """

    currency: str
    spells: Sequence[Spell]
    level: Level | None
    """None where a typical chat has no price."""

    def cost(self, tally: Tally) -> Fraction | None:
        """What the calls cost, in 10**-12 of the currency; None where one of them has no price."""
        return mean_cost(self.spells, tally)


Known = dict[Hashable, Week | None]
"""Weeks by the prices that make them: a book of thousands of offers has few of them."""


def week(rates: Iterable[Rate], at_ns: int, known: Known) -> Week | None:
    """The prices of an instant (UTC, nanoseconds); None where there were none then.

    ``known``: of other offers and instants, to look it up; what is found out is added.
    """
    held = [
        rate
        for rate in rates
        if instant_ns(rate.valid_from) <= at_ns
        and (rate.valid_to is None or at_ns < instant_ns(rate.valid_to))
    ]
    if not held or len({rate.currency for rate in held}) > 1:
        return None
    key = frozenset((r.item, r.amount, r.currency, r.unit, r.condition) for r in held)
    if key not in known:
        known[key] = _week(held)
    return known[key]


def _week(held: Sequence[Rate]) -> Week | None:
    try:
        periods = compile_periods(as_always(held), _WEEK_NS, _WEEK_NS + 7 * DAY_NS)
    except ValueError:  # rates that contradict each other: the check of the book tells of them
        return None
    spells = [
        (each, min(each.to_ns, _WEEK_NS + 7 * DAY_NS) - max(each.from_ns, _WEEK_NS))
        for each in periods
    ]
    currency = held[0].currency
    return Week(currency, spells, _level(spells, currency))


def _level(spells: Iterable[Spell], currency: str) -> Level | None:
    sums, whole = [Fraction(0), Fraction(0)], 0
    for period, length in spells:
        card = card_of(period, _TYPICAL)
        if card is None or unpriced(card, _TYPICAL):
            return None
        whole += length
        for place, item in enumerate((_INPUT, _OUTPUT)):
            sums[place] += Fraction(card.prices[item], period.denominator) * length
    return Level(currency, sums[0] / whole, sums[1] / whole) if whole else None


def change(then: Level | None, now: Level | None) -> tuple[Fraction, Fraction] | None:
    """By what a cost at ``then`` grows or shrinks at least and at most; None where nobody knows.

    For costs of which nobody knows what part was input and what output: where the two changed
    unlike, the truth lies between them.
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
