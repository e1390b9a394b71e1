"""A price change looked through: what is cut and for whom, and what it comes to on one's own use.

A headline says "97 % cheaper"; the x-ray says that this is input only, of a light model, under a
limit, outside of working hours, not proven for any task of ours, and on our own traffic a cut of
40 %. Everything is computed from what is handed in: the step, the book, facts, the ledger's
sums by account, verdicts, and what offers cost before and after. ``xray_text`` tells it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from steelyard.domain.instants import instant_ns
from steelyard.domain.listings import OFFICIAL, Fact, Listing
from steelyard.domain.rates import Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import card_of, period_at, price, unpriced
from steelyard.pricebook.changes import PriceStep, each
from steelyard.pricebook.claim_inputs import Named, Unknown, line_on
from steelyard.pricebook.compiling import compile_periods
from steelyard.pricebook.market import Market

FORECAST_DAYS = 30
"""Length of the month that is forecast."""
LIGHT = "light"
MAIN = "main"
ONLY = "only"
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
_HOUR_NS = 3600 * 10**9
_TYPICAL = Usage(800, 200)


class Place(NamedTuple):
    """Where a model stands among its vendor's."""

    word: str
    """``light`` in the cheaper half of the vendor's models at that time, ``main`` in the dearer;
    ``only`` where there is nothing to compare it with."""
    rank: int
    """1 for the cheapest."""
    of: int


class Effect(NamedTuple):
    """What an account's use of 30 days costs at both prices, in pico-units of the currency."""

    account: str
    before_pico: int
    after_pico: int


class Forecast(NamedTuple):
    """What the change comes to if use stays as it was."""

    effects: tuple[Effect, ...]
    """By account, the largest difference first."""
    unpriced_calls: int
    """Calls that have no price in one of both states; where they differ there are no effects."""

    @property
    def before_pico(self) -> int:
        """All accounts' cost at the old prices."""
        return sum(effect.before_pico for effect in self.effects)

    @property
    def after_pico(self) -> int:
        """All accounts' cost at the new prices."""
        return sum(effect.after_pico for effect in self.effects)

    @property
    def percent(self) -> Fraction | None:
        """The effective change on our own traffic; None without any, or if it was free."""
        if not self.before_pico:
            return None
        return Fraction(self.after_pico - self.before_pico, self.before_pico) * 100


NO_USE = Forecast((), 0)


def forecast_of(
    before: Mapping[str, int], after: Mapping[str, int], unpriced_calls: int = 0
) -> Forecast:
    """What accounts' use of 30 days costs at both prices, in pico-units, as a forecast."""
    effects = [
        Effect(name, before.get(name, 0), after.get(name, 0)) for name in {**before, **after}
    ]
    effects.sort(key=lambda effect: -abs(effect.after_pico - effect.before_pico))
    return Forecast(tuple(effects), unpriced_calls)


class Reroute(NamedTuple):
    """A kind of work that would go elsewhere."""

    work: str
    """As clients ask for it: ``task:NAME`` or ``model:NAME``."""
    before: str
    """The offer that is the cheapest one for it now."""
    after: str
    """The one that would be."""


class Proof(NamedTuple):
    """Whether an offer of the model is good enough for a kind of work."""

    task: str
    offer: str
    status: str


@dataclass(frozen=True, slots=True)
class XRay:
    """Everything known about a price change."""

    step: PriceStep
    place: Place
    limits: tuple[Fact, ...] = ()
    """Limits, free use and promises that hold when it begins."""
    proofs: tuple[Proof, ...] = ()
    forecast: Forecast = NO_USE
    reroutes: tuple[Reroute, ...] = ()
    other_steps: int = 0
    """Further steps of the listing that the same list brought."""
    typical: Fraction | None = None
    """The change in percent of 80 % input and 20 % output, without cache."""


def build(step: PriceStep, market: Market, **known: Any) -> XRay:
    """The x-ray of a step; ``known`` are further fields of ``XRay``.

    Args:
        step: What changed.
        market: The book, with the vendor's other models and facts.
        **known: ``proofs``, ``forecast``, ``reroutes`` and ``other_steps``, where they are known.
    """
    facts = market.facts_of(step.listing, step.at)
    limits = tuple(fact for fact in facts if fact.kind != "contract")
    place = place_of(market, step.listing, step.at)
    return XRay(step=step, place=place, limits=limits, typical=_typical(step), **known)


def place_of(market: Market, listing: Listing, at: datetime) -> Place:
    """The model's place in its vendor's own price order just before an instant (UTC).

    Models are ordered by 80 % input and 20 % output; if this one was not sold yet, just after.
    """
    day = (at - timedelta(days=1)).astimezone(UTC).date()
    own = _blend(market, listing, day)
    if own is None:
        day += timedelta(days=2)
        own = _blend(market, listing, day)
    if own is None:
        return Place(ONLY, 1, 1)
    others = [
        found
        for other in market.listings()
        if other.vendor.casefold() == listing.vendor.casefold()
        and (other.channel, other.currency) == (OFFICIAL, listing.currency)
        and other.model.casefold() != listing.model.casefold()
        and (found := _blend(market, other, day)) is not None
    ]
    if not others:
        return Place(ONLY, 1, 1)
    rank = 1 + sum(1 for other in others if other < own)
    count = 1 + len(others)
    return Place(LIGHT if 2 * rank <= count else MAIN, rank, count)


def reroutes(
    proven: Mapping[str, Sequence[str]],
    before: Mapping[str, Fraction],
    after: Mapping[str, Fraction],
) -> tuple[Reroute, ...]:
    """The kinds of work whose cheapest proven offer becomes another one.

    Args:
        proven: Kind of work -> the offers that may do it.
        before: Offer -> what its typical call costs, in one currency; offers without price lack.
        after: The same at the new prices.
    """
    found = []
    for work, offers in sorted(proven.items()):
        was, now = _cheapest(offers, before), _cheapest(offers, after)
        if was is not None and now is not None and was != now:
            found.append(Reroute(work, was, now))
    return tuple(found)


def as_always(rates: Iterable[Rate]) -> list[Rate]:
    """The rates of one state, as though they had held at all times and would go on."""
    return [replace(rate, valid_from=_EVER, valid_to=None) for rate in rates]


def _cheapest(offers: Sequence[str], costs: Mapping[str, Fraction]) -> str | None:
    priced = [offer for offer in offers if offer in costs]
    return min(priced, key=lambda offer: (costs[offer], offer), default=None)


def _blend(market: Market, listing: Listing, day: date) -> Fraction | None:
    """80 % input and 20 % output, per token; None where one has no price on the day."""
    try:
        lines = [line_on(market, Named(listing), item, day) for item in ("input", "output")]
    except Unknown:
        return None
    return (4 * each(lines[0].rate) + each(lines[1].rate)) / 5


def _typical(step: PriceStep) -> Fraction | None:
    """The change for calls of 800 input and 200 output tokens, spread evenly over a week."""
    before, after = _week(step.before, step.at), _week(step.after, step.at)
    if not before or after is None:
        return None
    return (Fraction(after, before) - 1) * 100


def _week(rates: Sequence[Rate], at: datetime) -> int | None:
    """Pico-units for such a call at each hour of the week after ``at``; None without a price."""
    begin_ns = instant_ns(at)
    hours = [begin_ns + hour * _HOUR_NS for hour in range(7 * 24)]
    try:
        periods = compile_periods(as_always(rates), begin_ns, hours[-1] + _HOUR_NS)
    except ValueError:  # two prices tie, or there are none: the check of the book tells of it
        return None
    total = 0
    for at_ns in hours:
        period = period_at(periods, at_ns)
        card = card_of(period, _TYPICAL) if period is not None else None
        if period is None or card is None or unpriced(card, _TYPICAL):
            return None
        total += price(period, card, _TYPICAL)
    return total
