"""What the calls behind verdicts cost at other prices than they were booked at.

Where a verdict knows what its calls used, each is priced anew, exactly, by the functions that book;
a price by the hour counts with its mean over a week. Of verdicts of earlier versions nobody knows
the tokens: their cost is moved by what input and output did since, and is a span where the two
moved unlike.

Bounds of the true cost are carried over in proportion: they hold as long as calls to come use
input and output in the proportion of those that were counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from steelyard.control.prices import levels as price_levels
from steelyard.control.prices.levels import Known, Week
from steelyard.domain.instants import instant_ns
from steelyard.domain.rates import Rate
from steelyard.domain.readiness import Cost
from steelyard.domain.tasks import Verdict

_ONE = Fraction(1)


class Priced(NamedTuple):
    """What all calls behind a verdict cost at some prices, in 10^-12 of ``currency``."""

    currency: str
    least: Fraction
    most: Fraction
    """The same as ``least`` where it is known exactly."""

    @property
    def mean(self) -> Fraction:
        """The one figure, or the middle of two."""
        return (self.least + self.most) / 2


class Prices:
    """The prices of offers, at any instant until one."""

    def __init__(self, rates: Mapping[str, Iterable[Rate]], now_ns: int) -> None:
        """``rates`` of each offer, and until when (UTC, nanoseconds)."""
        self._rates = rates
        self._now_ns = now_ns
        self._known: Known = {}
        self._weeks: dict[tuple[str, int], Week | None] = {}
        self._moved = {name: _moved_ns(some, now_ns) for name, some in rates.items()}

    def week(self, offer: str, at_ns: int) -> Week | None:
        """The prices of an offer at an instant; None where it had none."""
        if at_ns >= self._moved.get(offer, 0):
            at_ns = self._now_ns
        key = offer, at_ns
        if key not in self._weeks:
            rates = self._rates.get(offer, ())
            self._weeks[key] = price_levels.week(rates, at_ns, self._known)
        return self._weeks[key]

    def now(self, verdict: Verdict) -> Priced | None:
        """What the verdict's calls cost at the last of the instants; None where nobody knows."""
        now = self.week(verdict.offer, self._now_ns)
        if now is None:
            return None
        exact = _exact(verdict, now)
        if exact is not None or verdict.currency not in ("", now.currency):
            return exact
        then = self.week(verdict.offer, instant_ns(verdict.decided_at))
        # A price that nobody knows of then is taken to be today's.
        factor = price_levels.change((then or now).level, now.level)
        if factor is None:
            return None
        least, most = factor
        return Priced(now.currency, verdict.cost_pico * least, verdict.cost_pico * most)

    def then(self, verdict: Verdict) -> Priced:
        """What they cost when the verdict was won, to be compared with ``now``."""
        then = self.week(verdict.offer, instant_ns(verdict.decided_at))
        exact = _exact(verdict, then or self.week(verdict.offer, self._now_ns))
        if exact is not None:
            return exact
        cost = Fraction(verdict.cost_pico)
        return Priced(verdict.currency, cost, cost)


def per_accepted(verdict: Verdict, priced: Priced | None, worth: Fraction = _ONE) -> Cost | None:
    """Cost of an accepted answer with its bounds; None where nobody knows, or nothing was right.

    Args:
        verdict: whose answers.
        priced: what its calls cost.
        worth: of one unit of the cost's currency in that of the result.
    """
    if priced is None or not verdict.total:
        return None
    least, most = priced.least * worth, priced.most * worth
    likely = priced.mean * worth / verdict.total
    if not verdict.cost_pico:
        # Bounds of nothing grow to none: but no accepted answer costs less than one item does.
        asked = verdict.n + verdict.n_unscored
        return Cost(likely, least / asked, None if most else Fraction(0))
    accepted = Fraction(verdict.cost_pico) / verdict.total
    lower = accepted if verdict.cost_lower_pico is None else verdict.cost_lower_pico
    upper = verdict.cost_upper_pico
    return Cost(
        likely,
        min(lower, accepted) * least / verdict.cost_pico,
        None if upper is None else upper * most / verdict.cost_pico,
    )


def _exact(verdict: Verdict, week: Week | None) -> Priced | None:
    if verdict.used is None or week is None:
        return None
    cost = week.cost(verdict.used)
    return None if cost is None else Priced(week.currency, cost, cost)


def _moved_ns(rates: Iterable[Rate], now_ns: int) -> int:
    """When a price began or ended last until now (UTC, nanoseconds)."""
    edges = (edge for rate in rates for edge in (rate.valid_from, rate.valid_to) if edge)
    return max((at_ns for at_ns in map(instant_ns, edges) if at_ns <= now_ns), default=0)
