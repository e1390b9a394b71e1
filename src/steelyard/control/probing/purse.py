"""What a probe may cost: every request is bounded before it is sent, and booked after it."""

from __future__ import annotations

from steelyard.control.own_calls.askable import most_pico
from steelyard.control.probing.terms import Shot
from steelyard.domain.money import format_pico
from steelyard.gateway.bounds import IMAGE_TOKENS_MAX
from steelyard.pricebook.book import Period, quote

_LONG_OUTPUT_TOKENS = 1


class Purse:
    """Money for one probe; amounts in pico-units of the offer's currency."""

    def __init__(self, period: Period, currency: str, budget_pico: int) -> None:
        self._period = period
        self.currency = currency
        self.left_pico = budget_pico

    def bound(self, shot: Shot) -> int:
        """The most that a request can cost: what the gateway reserves for it, or less.

        Less for images alone: how small they are is known here.
        """
        return most_pico(self._period, shot.body, shot.image_tokens or IMAGE_TOKENS_MAX)

    def refusal(self, shot: Shot) -> str:
        """Why a request is not sent, for people; empty if it may be."""
        most_pico = self.bound(shot)
        if most_pico <= self.left_pico:
            return ""
        most, left = (format_pico(pico) for pico in (most_pico, max(0, self.left_pico)))
        return f"not sent: may cost {most} {self.currency}, {left} {self.currency} are left"

    def take(self, cost_pico: int) -> None:
        """Takes what a request was booked at."""
        self.left_pico -= cost_pico

    def input_tokens_max(self) -> int:
        """Tokens of a text of single letters that can be paid for; two bytes each."""
        low, high = 0, 1 << 20
        while low < high:
            middle = (low + high + 1) // 2
            if quote(self._period, 2 * middle + 256, _LONG_OUTPUT_TOKENS) <= self.left_pico:
                low = middle
            else:
                high = middle - 1
        return low
