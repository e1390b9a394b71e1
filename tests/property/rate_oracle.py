"""What a call costs, read off the rates one token at a time: slow, plain, and sharing no code with
the compiler but ``is_narrower``, ``deciding`` and ``holds``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from steelyard.domain.conditions import deciding, is_narrower
from steelyard.domain.instants import instant_ns
from steelyard.domain.money import PICO
from steelyard.domain.rates import ALONE, ITEMS, PARENTS, UNITS, Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import counts_of
from steelyard.pricebook.clock import holds


class Tie(Exception):
    pass


class Oracle:
    """Of the rates of an offer: those of a call of this usage and tier at an instant."""

    def __init__(self, rates: Sequence[Rate], usage: Usage, at: datetime, tier: str = "") -> None:
        self.usage = usage
        self.tier = tier
        self.rates = [rate for rate in rates if self._is_for(rate, at)]

    def price(self) -> Fraction | None:
        """In pico-units, not rounded; None where a part of it has no price."""
        if not self.rates:
            return None
        has_request = any(rate.item == "request" for rate in self.rates)
        usage = self.usage
        sides = (("input", usage.input_tokens), ("output", usage.output_tokens))
        for item, count in sides:
            # A card speaks of calls by their length, so of one that just reaches a gap, too.
            if count and not has_request:
                if any(self.rate(item, place) is None for place in range(count + 1)):
                    return None
        counts = dict(zip(ITEMS, counts_of(usage), strict=True))
        total = Fraction(0)
        for item, count in usage.extras:
            own = self.rate(item, 0)
            if own is not None:
                total += count * _exact(own)
                if item in PARENTS:
                    counts[PARENTS[item]] -= count
            elif item in ALONE and count:
                return None
        for item, count in counts.items():
            for place in range(count):
                rate = self.rate(item, place) or self.rate(PARENTS.get(item, ""), place)
                total += _exact(rate) if rate else 0
        return total

    def rate(self, item: str, place: int) -> Rate | None:
        """The rate of the token of ``item`` that has ``place`` tokens of it before."""
        found = [r for r in self.rates if r.item == item and _has(r, item, place)]
        found = [r for r in found if r.condition.tier == self.tier] or found
        latest = [
            r
            for r in found
            if not any(
                deciding(o.condition) == deciding(r.condition) and o.valid_from > r.valid_from
                for o in found
            )
        ]
        for rate in latest:
            if all(o is rate or is_narrower(rate.condition, o.condition) for o in latest):
                return rate
        if latest:
            raise Tie
        return None

    def _is_for(self, rate: Rate, at: datetime) -> bool:
        said = rate.condition
        if rate.valid_from > at or (rate.valid_to is not None and rate.valid_to <= at):
            return False
        if said.clock is not None and not holds(said.clock, instant_ns(at)):
            return False
        if said.tier not in ("", self.tier) or said.volume_from > 0:
            return False
        if said.thinking is not None and said.thinking != (self.usage.reasoning_tokens > 0):
            return False
        is_output = _is_output(rate.item)
        incoming, outgoing = self.usage.input_tokens, self.usage.output_tokens
        if not (said.is_marginal and not is_output):
            if not said.input_from <= incoming < (said.input_to or incoming + 1):
                return False
        if not (said.is_marginal and is_output):
            if not said.output_from <= outgoing < (said.output_to or outgoing + 1):
                return False
        return True


def oracle_price(
    rates: Sequence[Rate], usage: Usage, at: datetime, tier: str = ""
) -> Fraction | None:
    """What the call costs in pico-units, not rounded; None where a part of it has no price.

    Raises:
        Tie: two rates hold for a token of it, and neither is narrower.
    """
    return Oracle(rates, usage, at, tier).price()


def _has(rate: Rate, item: str, place: int) -> bool:
    said = rate.condition
    if not said.is_marginal:
        return True
    if _is_output(item):
        return said.output_from <= place < (said.output_to or place + 1)
    return said.input_from <= place < (said.input_to or place + 1)


def _is_output(item: str) -> bool:
    return item == "output" or PARENTS.get(item) in ("output", "reasoning")


def _exact(rate: Rate) -> Fraction:
    return rate.amount * PICO / UNITS[rate.unit]
