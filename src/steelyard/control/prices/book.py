"""The price book as the control plane asks it: the whole of it, or what offers cost by it.

An offer has rates of its own, or those of the listing it stands for in the book, by the source
that is trusted most. Only the listings in use are read, however large the book is.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.domain.listings import SOURCES, Listing
from steelyard.domain.rates import PARENTS, Rate
from steelyard.pricebook.compiling import select
from steelyard.pricebook.market import Market
from steelyard.store import listings, prices
from steelyard.store.objects import Stored


class Priced(NamedTuple):
    """What an offer costs, and on whose word."""

    rates: tuple[Rate, ...]
    """All its rates, of any time; none where it has no price."""
    listing: Listing | None = None
    """Where it stands in the book; None for prices of its own."""
    origin: str = ""
    """The source that was chosen; empty for prices of its own."""
    problem: str = ""
    """Why it has no price, and what to do."""


def load_market(
    connection: Connection,
    vendor: str | None = None,
    model: str | None = None,
    *,
    recorded_before_ns: int | None = None,
) -> Market:
    """The book, or its part about a vendor or model; as it was known before an instant (UTC)."""
    lines = listings.load(connection, vendor, model, recorded_before_ns=recorded_before_ns)
    facts = listings.facts(connection, vendor, recorded_before_ns=recorded_before_ns)
    return Market(lines, facts)


def offer_rates(
    connection: Connection, offers: Mapping[str, Stored], without: Container[str] = ()
) -> dict[str, tuple[Rate, ...]]:
    """All rates by offer: its own, else those of its listing; only offers that have any.

    ``without``: ids of listed rates to leave out, as though they had never been recorded.
    """
    found = offer_prices(connection, offers, without)
    return {name: priced.rates for name, priced in found.items() if priced.rates}


def offer_prices(
    connection: Connection,
    offers: Mapping[str, Stored],
    without: Container[str] = (),
    known_at: datetime | None = None,
) -> dict[str, Priced]:
    """What each offer costs, on whose word, and why where it has no price.

    Args:
        connection: To the control database.
        offers: The offers.
        without: Ids of listed rates to leave out, as though they had never been recorded.
        known_at: Leave out, too, what nobody knows to have held at this instant (UTC).
    """
    own = prices.of_offers(connection)
    followers = {
        name: stored.body["list"]
        for name, stored in offers.items()
        if stored.body.get("follows_list")
    }
    market = _market_of(connection, followers.values(), without)
    if known_at is not None:
        market = market.known_at(known_at)
    return {
        name: listed_price(market, followers[name])
        if name in followers
        else Priced(own.get(name, ()), problem="" if own.get(name) else _NONE)
        for name in offers
    }


def listed_price(market: Market, wanted: Mapping[str, Any]) -> Priced:
    """What the book says about an offer's ``list``: vendor, channel, model, currency and so on."""
    vendor, model, currency = wanted["vendor"], wanted["model"], wanted["currency"]
    if not vendor:
        return Priced((), problem=_NONE)
    found = market.find(model, vendor, currency or None, wanted["channel"])
    if not found:
        return Priced((), problem=_absence(market, wanted))
    if len(found) > 1:
        codes = " and ".join(listing.currency for listing in found)
        problem = f"{vendor} {model} is listed in {codes}; say in which: list: {{currency: …}}"
        return Priced((), problem=problem)
    (listing,) = found
    origin, rates = _continued(market, listing, wanted)
    if not rates:
        places = sorted({r.condition.region or r.condition.seller for r in market.of(listing)})
        problem = f"{listing} is listed for {', '.join(places)} only; say list: {{region: …}}"
        return Priced((), listing, origin, problem)
    return Priced(rates, listing, origin)


def _continued(
    market: Market, listing: Listing, wanted: Mapping[str, Any]
) -> tuple[str, tuple[Rate, ...]]:
    """The rates of the most trusted source, and of the next ones where it says nothing.

    The user's own list may begin later than the model, and any list may have stopped to follow one
    that is still sold; what it said of the past stays. Sources are named in the order of time, each
    completed as ``completed`` says.
    """
    place = wanted["region"], wanted["seller"], wanted.get("variant", "")
    origins: list[str] = []
    found: list[Rate] = []
    first: datetime | None = None
    """Before it, the next source holds."""
    silent_from: datetime | None = None
    for origin in market.sources_of(listing):
        rates = _selected(market, listing, origin, place)
        earlier = _before(rates, first) if origins else []
        later = _since(rates, silent_from) if origins else rates
        name, filling = _filling(market, listing, origin, place, (earlier, later))
        if earlier:
            origins.insert(0, name)
            first = None
        if later:
            if not origins and origin == SOURCES[0]:
                first = min(rate.valid_from for rate in later)
            origins.append(name)
            silent_from = _silence(later)
        found += earlier + later + filling
        if origins and first is None and silent_from is None:
            break
    return " then ".join(origins), tuple(found)


def completed(
    market: Market, listing: Listing, origin: str, place: tuple[str, str, str]
) -> tuple[Rate, ...]:
    """What a source says of a listing, with the items that it lacks by the sources trusted less.

    A list that has only ``input`` says nothing of ``output``, which is sold all the same: of the
    main items each that a source does not price at all, under no condition, is the next one's, for
    the time of which the source speaks. One that sells by the request alone lacks nothing. Parts of
    an item (cache, audio) are filled with it, if the source has none of them; where it prices the
    item itself, its price is theirs: by the vendor's list a cache read could cost more than the
    whole input by a contract.

    Args:
        market: The book.
        listing: Of which listing.
        origin: The source.
        place: Region, seller and variant that are meant, empty for none.
    """
    rates = _selected(market, listing, origin, place)
    return (*rates, *_filling(market, listing, origin, place, (rates,))[1])


def lacking(items: Iterable[str]) -> frozenset[str]:
    """The main items that a source with prices of ``items`` leaves to others."""
    main = MAIN.intersection(items)
    return frozenset() if main == {"request"} else MAIN - main


def _selected(
    market: Market, listing: Listing, origin: str, place: tuple[str, str, str]
) -> list[Rate]:
    return select([line.rate for line in market.lines_of(listing, origin)], *place)


def _filling(
    market: Market,
    listing: Listing,
    origin: str,
    place: tuple[str, str, str],
    stretches: Iterable[Sequence[Rate]],
) -> tuple[str, list[Rate]]:
    """What others add to a source's rates of some stretches of time; its name with theirs."""
    name, found = origin, list[Rate]()
    spoken = [rates for rates in stretches if rates]
    if not spoken:
        return name, found
    have = {rate.item for rate in _selected(market, listing, origin, place)}
    sources = market.sources_of(listing)
    for other in sources[sources.index(origin) + 1 :]:
        lacks = lacking(have)
        if not lacks:
            break
        rates = _selected(market, listing, other, place)
        added = {
            rate.item
            for rate in rates
            if rate.item not in have and not lacks.isdisjoint(with_parents(rate.item))
        }
        if lacks.isdisjoint(added):
            continue
        for stretch in spoken:
            begin, end = min(rate.valid_from for rate in stretch), _silence(stretch)
            held = _since([rate for rate in rates if rate.item in added], begin)
            found += _before(held, end) if end is not None else held
        have |= added
        name += f" with {', '.join(sorted(lacks & added))} of {other}"
    return name, found


def with_parents(item: str) -> Iterator[str]:
    """An item, what it is a part of, and so on."""
    above: str | None = item
    while above is not None:
        yield above
        above = PARENTS.get(above)


def _before(rates: Iterable[Rate], at: datetime | None) -> list[Rate]:
    """What holds before an instant, ended there."""
    return [
        rate if rate.valid_to is not None and rate.valid_to <= at else replace(rate, valid_to=at)
        for rate in rates
        if at is not None and rate.valid_from < at
    ]


def _since(rates: Iterable[Rate], at: datetime | None) -> list[Rate]:
    """What holds from an instant on, begun there."""
    return [
        replace(rate, valid_from=max(rate.valid_from, at))
        for rate in rates
        if at is not None and (rate.valid_to is None or rate.valid_to > at)
    ]


def _silence(rates: Iterable[Rate]) -> datetime | None:
    """From when on a source has no price any more; None if it goes on."""
    told = list(rates)
    ends = [rate.valid_to for rate in told if rate.item in MAIN] or [r.valid_to for r in told]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


MAIN = frozenset(("input", "output", "request"))
"""Items without which a source has fallen silent, whatever else it still prices."""
_NONE = "has no price: give it rates, or say where the price book lists it: list: {vendor: …}"


def _absence(market: Market, wanted: Mapping[str, Any]) -> str:
    what = f"{wanted['vendor']} {wanted['model']}"
    others = market.find(wanted["model"], wanted["vendor"])
    if others:
        listed = ", ".join(f"{other.currency} ({other.channel})" for other in others)
        return (
            f"{what} is listed in {listed}, not in {wanted['currency']} ({wanted['channel']});"
            " give it rates, or say otherwise: list: {currency: …}"
        )
    return f"the price book has no {what}; give it rates, import a list, or say list: {{model: …}}"


def _market_of(
    connection: Connection, wanted: Iterable[Mapping[str, Any]], without: Container[str]
) -> Market:
    pairs = {(one["vendor"].casefold(), one["model"].casefold()) for one in wanted}
    return Market(
        line
        for vendor, model in sorted(pairs)
        if vendor
        for line in listings.load(connection, vendor, model, without=without)
    )


def prices_missing(rates: Iterable[Rate], at: datetime) -> str:
    """Why an ordinary call has no price at ``at`` (UTC) although there are rates; empty if it has.

    Calls of such an offer are refused: a batch's price, or last year's, is not theirs.
    """
    rates = list(rates)
    holding = [r for r in rates if r.valid_from <= at and (r.valid_to is None or at < r.valid_to)]
    tiers = {rate.condition.tier for rate in holding}
    if not rates or "" in tiers:
        return ""
    if tiers:
        return f"only {' and '.join(sorted(tiers))} has a price"
    return "its prices have ended" if min(r.valid_from for r in rates) <= at else "none has begun"
