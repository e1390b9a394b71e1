"""What ``/v1/models`` tells about a model beside its name: context, features, prices.

Compiled with the snapshot, so that a worker only hands it on.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import msgspec

from steelyard.domain.offers import takes_chats
from steelyard.domain.rates import COUNTED, ITEMS, PARENTS
from steelyard.gateway.snapshot import OfferEntry
from steelyard.pricebook.book import Card, Period, period_at
from steelyard.pricebook.wording import decimal_text

_MTOK = 10**6
_PICO = 10**12
_REQUEST = "request"


def public_facts(entries: Sequence[OfferEntry], now_ns: int) -> bytes:
    """A JSON object about one model from its offers, with the prices that hold at ``now_ns``.

    Prices are decimals of the offer's currency: per million tokens, or per single thing for what is
    no token, as ``price_units`` says. They are those of an ordinary call, the first where they
    depend on length. Lengths are told of models of chats only: for other work nobody knows them.
    """
    facts = {
        **_lengths([entry for entry in entries if takes_chats(entry.features)]),
        "features": sorted({name for entry in entries for name in _shown(entry)}),
        "offers": [_offer(entry, now_ns) for entry in sorted(entries, key=lambda e: e.name)],
    }
    return msgspec.json.encode(facts)


def _lengths(chats: Sequence[OfferEntry]) -> dict[str, int]:
    if not chats:
        return {}
    return {
        "context_length": max(entry.context_tokens for entry in chats),
        "max_output_tokens": max(entry.output_tokens_max for entry in chats),
    }


def _shown(entry: OfferEntry) -> list[str]:
    """Features that a caller may need; how a model wants to be asked is nobody's business."""
    return [name for name in entry.features if name.startswith("tier:") or ":" not in name]


def _offer(entry: OfferEntry, now_ns: int) -> dict[str, Any]:
    period = period_at(entry.periods, now_ns)
    card = None if period is None else _ordinary(period)
    prices = {} if period is None or card is None else _prices(period, card)
    return {
        "name": entry.name,
        "channel": entry.channel,
        **_lengths([entry] if takes_chats(entry.features) else []),
        "features": sorted(_shown(entry)),
        "currency": entry.currency,
        "prices": prices,
        "price_units": {item: _unit(item) for item in prices},
        "prices_vary": sum(len(one.cards) for one in entry.periods if one.to_ns > now_ns) > 1,
    }


def _unit(item: str) -> str:
    """What the price of an item is for: ``mtok``, or a single one of what is counted."""
    return "mtok" if COUNTED[item] == "token" else COUNTED[item]


def _ordinary(period: Period) -> Card | None:
    ordinary = [card for card in period.cards if not card.tier and card.thinking < 1]
    return min(ordinary, key=lambda card: (card.input_from, card.output_from), default=None)


def _prices(period: Period, card: Card) -> dict[str, str]:
    found = {}
    by_item = dict(zip(ITEMS, card.prices, strict=True))
    for item, price in by_item.items():
        # A part that costs what the rest of it does has no price of its own.
        usual = by_item[PARENTS[item]] if item in PARENTS else None
        if item in card.missing or price == usual or (item == _REQUEST and not price):
            continue
        count = 1 if item == _REQUEST else _MTOK
        found[item] = decimal_text(Fraction(price * count, period.denominator * _PICO))
    for item, (numerator, denominator) in card.extras.items():
        one = Fraction(numerator, denominator * _PICO)
        if item in PARENTS:  # It is kept as the difference to what the rest of those tokens cost.
            rest = Fraction(by_item[PARENTS[item]], period.denominator * _PICO)
            one = (one + rest) * _MTOK
        found[item] = decimal_text(one)
    return found
