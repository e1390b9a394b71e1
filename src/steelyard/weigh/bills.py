"""What all attempts at one item used and cost, and what was paid for them: plain, exact sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from steelyard.domain.errors import UnbalancedEntry
from steelyard.domain.money import Money
from steelyard.domain.tallies import Tally, Used
from steelyard.weigh.asking import Price


class Costing(Protocol):
    """Something that cost money."""

    @property
    def cost_pico(self) -> int:
        """In 10^-12 of ``currency``."""

    @property
    def currency(self) -> str:
        """ISO 4217; empty when nothing was billed."""

    @property
    def used(self) -> Tally | None:
        """What cost it; None where nobody knows all of it."""


class Overrun(NamedTuple):
    """An item that cost more than was held for it: its vendor bills what it was not allowed."""

    cost: Money
    held: Money
    output_tokens: int
    """That the vendor reported; 0 where there was no answer."""

    def told(self, output_tokens_max: int) -> str:
        """For people, as the end of a sentence about the offer.

        Args:
            output_tokens_max: that an answer was allowed; 0 for no such limit.
        """
        text = f"cost {self.cost} where at most {self.held} was held"
        if 0 < output_tokens_max < self.output_tokens:
            text += f": it reported {self.output_tokens:,} output tokens"
            text += f" where {output_tokens_max:,} were allowed"
        return text


@dataclass(slots=True)
class Bill:
    """What all attempts at one item cost."""

    price: Price | None = None
    """Of one attempt, for those of which nobody can say what they cost."""
    cost_pico: int = 0
    currency: str = ""
    paid_pico: int = 0
    """What of it was paid now: not by an earlier run, and not for an answer that was there."""
    dearest_pico: int = 0
    """Most that one attempt of those cost that were paid now."""
    overrun: Overrun | None = None
    """Set as soon as more was paid than had been held."""
    _lines: list[Used] | None = field(default_factory=list)
    """What the attempts used; None as soon as that is not known of one of them."""

    @property
    def used(self) -> Tally | None:
        """What all attempts used; None where nobody knows all of it."""
        return None if self._lines is None else Tally.over(self._lines)

    @classmethod
    def over(cls, costs: Iterable[Costing]) -> Bill:
        """The sum over finished items.

        Raises:
            UnbalancedEntry: they name more than one currency.
        """
        bill = cls()
        for each in costs:
            bill.add(each.cost_pico, each.currency, each.used)
        return bill

    def add(
        self, cost_pico: int, currency: str, used: Tally | None = None, *, is_paid: bool = True
    ) -> None:
        """Adds one attempt; ``used`` is None where nobody knows.

        Raises:
            UnbalancedEntry: an offer is billed in one currency; this is another.
        """
        if currency and self.currency and currency != self.currency:
            raise UnbalancedEntry(f"one offer billed in {self.currency} and in {currency}")
        self.cost_pico += cost_pico
        self.currency = self.currency or currency
        if is_paid:
            self.paid_pico += cost_pico
            self.dearest_pico = max(self.dearest_pico, cost_pico)
        if used is None:
            self._lines = None
        elif self._lines is not None:
            self._lines += used.lines

    def add_lost(self) -> None:
        """Adds an attempt of which nobody knows what it cost, at the most that it can."""
        if self.price is not None:
            self.add(self.price.call_pico_max, self.price.currency)
        self._lines = None

    def check(self, n_held: int, excused_pico: int = 0, output_tokens: int = 0) -> None:
        """Notes whether the vendor billed more than was held.

        Args:
            n_held: calls that money was held for.
            excused_pico: what was paid for other calls, and for those that were pushed aside.
            output_tokens: that the last answer reported.
        """
        if self.price is None:
            return
        held_pico = n_held * self.price.call_pico_max
        if self.paid_pico - excused_pico > held_pico:
            currency = self.price.currency
            cost = Money(self.paid_pico - excused_pico, currency)
            self.overrun = Overrun(cost, Money(held_pico, currency), output_tokens)


def in_run_currency(amount_pico: int, price: Price | None) -> int:
    """An offer's amount in the currency of the weighing, rounded up, as money is held by it."""
    if price is None or price.worth == 1:
        return amount_pico
    exact = amount_pico * price.worth
    return -(-exact.numerator // exact.denominator)
