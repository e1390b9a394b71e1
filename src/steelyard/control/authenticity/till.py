"""The money of a test: a call's worst case is held before it is sent, its cost is taken after.

Both sides are paid from one budget, in the suspect's currency; a reference that is sold in another
one is taken at the exchange rate of the day on which the test began, rounded up.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from steelyard.control.own_calls.askable import most_pico
from steelyard.pricebook.book import Period


class Price(NamedTuple):
    """What a side's calls cost."""

    period: Period
    worth: Fraction = Fraction(1)
    """Units of the budget's currency for one of this side's."""


class Till:
    """What is left of a budget; amounts in pico-units."""

    def __init__(self, currency: str, budget_pico: int, prices: Mapping[str, Price]) -> None:
        """``currency`` is the budget's; ``prices`` are by side."""
        self.currency = currency
        self.budget_pico = budget_pico
        self.paid_pico = 0
        self.held_pico = 0
        self._prices = prices

    def bound(self, side: str, body: Mapping[str, Any]) -> int:
        """The most that a request can cost on a side, in the side's own currency."""
        return most_pico(self._prices[side].period, body)

    def hold(self, side: str, bound_pico: int) -> bool:
        """Whether there was money for a call; if so it is held until ``settle``."""
        most = self._at_home(side, bound_pico)
        if self.paid_pico + self.held_pico + most > self.budget_pico:
            return False
        self.held_pico += most
        return True

    def settle(self, side: str, bound_pico: int, cost_pico: int) -> None:
        """Gives back what was held for a call, and takes what it was booked at."""
        self.held_pico -= self._at_home(side, bound_pico)
        self.take(side, cost_pico)

    def take(self, side: str, cost_pico: int) -> None:
        """Takes what a call was booked at, in the side's own currency."""
        self.paid_pico += self._at_home(side, cost_pico)

    def _at_home(self, side: str, pico: int) -> int:
        worth = self._prices[side].worth
        return -(-pico * worth.numerator // worth.denominator)
