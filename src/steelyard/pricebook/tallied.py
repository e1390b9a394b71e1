"""What tallied calls cost at other prices than they were booked at: exact, as the ledger books.

For verdicts, whose calls are known one by one: each is priced on the card that its own length and
tier call for, and rounded as its line of the ledger is. So a tally at the prices that it was booked
at costs what was booked, to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from steelyard.domain.tallies import Tally
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import END_COUNT, Card, Period, card_of, price, unpriced

Spell = tuple[Period, int]
"""Prices, and for how long they hold."""


def cost_of(period: Period, tally: Tally) -> int | None:
    """What the calls cost in pico-units of the rates' currency; None where one has no price."""
    plain = _plain_card(period, tally)
    if plain is not None:
        return price(period, plain, tally.total)
    total = 0
    for usage, tier, count in tally.lines:
        cost = _cost(period, usage, tier)
        if cost is None:
            return None
        total += count * cost
    return total


def mean_cost(spells: Iterable[Spell], tally: Tally) -> Fraction | None:
    """What the calls cost on the mean over spells, each by its length; None where it has none."""
    total, whole = 0, 0
    for period, length in spells:
        cost = cost_of(period, tally)
        if cost is None:
            return None
        total += cost * length
        whole += length
    return Fraction(total, whole) if whole else None


def _plain_card(period: Period, tally: Tally) -> Card | None:
    """The one card of a period by which the sum of all calls costs what they cost one by one.

    Nearly every offer has one; it saves pricing ten thousand calls apart.
    """
    if len(period.cards) != 1 or period.denominator != 1:
        return None
    (card,) = period.cards
    is_for_all = card.thinking < 0 and not (card.input_from or card.output_from or card.tier)
    is_for_all = is_for_all and card.input_to == card.output_to == END_COUNT
    if not is_for_all or card.steps or card.missing:
        return None
    return card if tally.is_plain else None


def _cost(period: Period, usage: Usage, tier: str) -> int | None:
    card = card_of(period, usage, tier)
    if card is None or unpriced(card, usage):
        return None
    return price(period, card, usage)
