"""Prices by input length, by service tier and by hour, laid out so that no two of them tie.

Foreign lists price an item in a table: per service tier a price, or prices by the length of the
whole request. In the book, of all rates that match, one must be the narrowest. So each special rate
is cut wherever the ordinary one changes: its pieces are narrower then, never crosswise.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.conditions import Clock, Condition

Steps = tuple[tuple[int, Fraction], ...]
"""(fewest input tokens of the whole request, price of a unit), ascending; the first begins at 0."""


class Hours(NamedTuple):
    """The prices of an item at some hours of the day."""

    clock: Clock | None
    """None for all hours that no other of the same item names."""
    by_tier: Mapping[str, Steps]
    """Service tier (empty for the standard one) -> prices."""


def flat(amount: Fraction) -> Steps:
    """One price for any length."""
    return ((0, amount),)


def lay_out(hours: list[Hours]) -> list[tuple[Condition, Fraction]]:
    """The conditions and prices of one item, of which never two tie.

    Where several have clocks, those must not share an hour.
    """
    everything = [steps for part in hours for steps in part.by_tier.values()]
    cuts = sorted({begin for steps in everything for begin, _ in steps})
    found = []
    for part in hours:
        for tier, steps in part.by_tier.items():
            for begin, end in zip(cuts, [*cuts[1:], None], strict=True):
                condition = Condition(input_from=begin, input_to=end, clock=part.clock, tier=tier)
                found.append((condition, amount_at(steps, begin)))
    return found


def amount_at(steps: Steps, count: int) -> Fraction:
    """The price of a request of so many input tokens."""
    return next(amount for begin, amount in reversed(steps) if begin <= count)
