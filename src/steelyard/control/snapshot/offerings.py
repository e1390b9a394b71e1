"""Offers as workers need them: compiled prices, and what they rank by.

Two things come from the same rates and may differ. Booking takes every rate as a fact from the
instant at which it holds. Ranking takes only those that somebody approved, so that a price change
reroutes nobody by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec

from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.offers import takes_chats
from steelyard.domain.rates import ALONE, ITEMS, Rate
from steelyard.gateway.snapshot import ExchangeEntry, OfferEntry
from steelyard.pricebook.book import Card, Period
from steelyard.pricebook.compiling import compile_periods, is_chat_priced

log = logging.getLogger(__name__)

KEPT_NS = 3600 * 10**9
"""Prices that ended less than an hour ago stay in: calls that began before are still running."""
LOOK_AHEAD_NS = 60 * DAY_NS
"""How far hours, weekdays and holidays are told apart ahead: a worker whose control is down for
longer has no price any more, which is safer than an old one. Compiled anew at least daily."""
OUTPUT_TYPICAL = 256
"""Output tokens of the call that prices by output length are ranked for."""
RANK_LAST = 1e30
"""Pico-units a token of an offer that is asked when there is no other."""
_INPUT, _OUTPUT = ITEMS.index("input"), ITEMS.index("output")


class Home(NamedTuple):
    """What ranks rest on: one currency, and the prices that somebody approved."""

    currency: str
    exchange: Mapping[str, ExchangeEntry]
    approved: Mapping[str, Sequence[Rate]] | None = None
    """Offer -> its rates as though those had never been recorded that nobody approved; None where
    all are."""

    def worth_of(self, currency: str) -> Fraction | None:
        """Units of the home currency for one of ``currency``; None without a rate."""
        if currency == self.currency:
            return Fraction(1)
        rate = self.exchange.get(f"{currency}/{self.currency}")
        return None if rate is None else Fraction(rate.numerator, rate.denominator)


def offer_entry(
    name: str,
    body: Mapping[str, Any],
    rates: Sequence[Rate],
    now_ns: int,
    home: Home | None = None,
) -> OfferEntry:
    """An offer with its periods of constant prices, in the currency that holds at ``now_ns``.

    An offer that was once sold in another currency keeps that history in the book only.

    Args:
        name: Of the offer.
        body: What the store says about it.
        rates: All its rates.
        now_ns: UTC nanoseconds.
        home: What it ranks by; none for an entry that ranks nowhere.
    """
    same = _of_one_currency(rates, now_ns)
    is_chat = takes_chats(body["features"])
    periods = _compiled(name, same, now_ns, is_chat=is_chat)
    currency = same[0].currency if periods else ""
    entry = OfferEntry(
        name=name,
        model=body["model"],
        channel=body["channel"],
        upstream_model=body["upstream_model"],
        context_tokens=body["context_tokens"],
        output_tokens_max=body["output_tokens_max"],
        features=frozenset(body["features"]) | _tiers(periods),
        tokens_per_byte=body["tokens_per_byte"],
        currency=currency,
        periods=tuple(periods),
        is_priced_at_end=body.get("priced_at") == "end",
    )
    worth = home.worth_of(currency) if home and currency else None
    if home is None:
        return entry
    if worth is None:
        # What it is worth at home is unknown: it takes nobody's place, either.
        return _last(entry) if periods else entry
    approved = periods
    known = rates if home.approved is None else home.approved.get(name, ())
    if known and tuple(known) != tuple(rates):
        own = [rate for rate in known if rate.currency == currency]
        approved = _compiled(name, own, now_ns, is_chat=is_chat)
    return _ranked(entry, approved, worth, now_ns)


def next_change_ns(entries: Sequence[OfferEntry], now_ns: int) -> int:
    """The next instant (UTC nanoseconds) at which a price changes; a day ahead at most."""
    soonest = now_ns + DAY_NS
    for entry in entries:
        for period in entry.periods:
            if period.from_ns > now_ns:
                soonest = min(soonest, period.from_ns)
                break
    return soonest


def _of_one_currency(rates: Sequence[Rate], now_ns: int) -> list[Rate]:
    held = [r for r in rates if r.valid_to is None or instant_ns(r.valid_to) > now_ns]
    currency = min(held, key=lambda rate: rate.valid_from).currency if held else ""
    return [rate for rate in rates if rate.currency == currency]


def _compiled(name: str, rates: Sequence[Rate], now_ns: int, *, is_chat: bool) -> list[Period]:
    """Periods in which a chat has a price, or other work any.

    Rates that contradict each other have none; if they do so later only, then today's are kept,
    without any look beyond the day.
    """
    for ahead_ns in (LOOK_AHEAD_NS, DAY_NS):
        until_ns = now_ns + ahead_ns
        begun = [rate for rate in rates if instant_ns(rate.valid_from) < until_ns]
        try:
            periods = compile_periods(begun, now_ns - KEPT_NS, until_ns)
        except ValueError as error:
            log.error("offer %s: prices of the next %d days: %s", name, ahead_ns // DAY_NS, error)
            continue
        priced = [period for period in periods if is_chat_priced(period) or not is_chat]
        if len(begun) < len(rates):
            # What begins later is known, so nothing may be priced without it.
            priced = [period._replace(to_ns=min(period.to_ns, until_ns)) for period in priced]
        return priced
    return []


def _tiers(periods: Sequence[Period]) -> frozenset[str]:
    """Service tiers with a price of their own, as features that a call may need."""
    return frozenset(f"tier:{c.tier}" for period in periods for c in period.cards if c.tier)


def _ranked(
    entry: OfferEntry, periods: Sequence[Period], worth: Fraction, now_ns: int
) -> OfferEntry:
    """The entry with what a token costs in the home currency, for ranking only."""
    period = next((p for p in periods if p.from_ns <= now_ns < p.to_ns), None)
    if period is None:
        # No price, or none that anybody approved: it takes nobody's place.
        return _last(entry)
    ranks = [
        (
            card.input_from,
            float(Fraction(card.prices[_INPUT], period.denominator) * worth),
            float(Fraction(card.prices[_OUTPUT], period.denominator) * worth),
        )
        for card in _typical(period)
    ]
    if not ranks:
        return entry
    return msgspec.structs.replace(
        entry,
        rank_input=ranks[0][1],
        rank_output=ranks[0][2],
        rank_tiers=tuple(ranks[1:]),
        rank_extras=_extras(period, worth),
    )


def _extras(period: Period, worth: Fraction) -> dict[str, float]:
    """What one of each thing that is no token costs, the dearest of all ordinary cards."""
    found: dict[str, float] = {}
    for card in period.cards:
        for item, (numerator, denominator) in card.extras.items():
            if item in ALONE and not card.tier:
                each = float(Fraction(numerator, denominator) * worth)
                found[item] = max(found.get(item, 0.0), each)
    return found


def _last(entry: OfferEntry) -> OfferEntry:
    return msgspec.structs.replace(entry, rank_input=RANK_LAST, rank_output=RANK_LAST)


def _typical(period: Period) -> list[Card]:
    """One card for each range of input tokens: that of an ordinary call without thinking."""
    return [
        card
        for card in sorted(period.cards, key=lambda card: card.input_from)
        if not card.tier
        and card.thinking < 1
        and card.output_from <= OUTPUT_TYPICAL < card.output_to
    ]
