"""Gathers what an x-ray of a price change needs: the book, the ledger, verdicts and routes.

The reasoning is in ``pricebook.changes`` and ``pricebook.xray``; here it is fed. Everything blocks.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.control.prices import book as price_book
from steelyard.control.prices.exchange import Worth
from steelyard.control.proofs import proving
from steelyard.domain.errors import StoreUnavailable
from steelyard.domain.instants import DAY_NS, instant_of
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook import xray
from steelyard.pricebook.book import Period, card_of, period_at, price, unpriced
from steelyard.pricebook.changes import PriceStep, diff, first_step, switch
from steelyard.pricebook.compiling import compile_periods, select
from steelyard.pricebook.market import Market, trust
from steelyard.pricebook.xray import Proof
from steelyard.pricebook.xray_text import plain
from steelyard.store import accounts, listings, objects, settings
from steelyard.store.database import Database
from steelyard.store.price_events import PriceEvent

_HOUR_NS = 3600 * 10**9
"""More than a call takes, for prices by its end."""
_TYPICAL = Usage(1000, 256)
"""The call by which offers are compared, as routing has it."""


class _Ground(NamedTuple):
    """All that was read of the database."""

    steps: list[PriceStep]
    market: Market
    """The vendor's part of the book."""
    offers: dict[str, Mapping[str, Any]]
    """Offers that are priced by the listing -> their body."""
    proofs: tuple[Proof, ...]
    lineups: dict[str, list[str]]
    """Kind of work -> the offers that may do it."""
    costs: dict[str, Fraction]
    """Offer -> its typical call now, in the home currency; those of the listing lack."""
    worth: Fraction | None
    """Units of the home currency for one of the listing's; None where unknown."""
    names: Mapping[str, str]
    """Account id -> path."""


def body_of(home: Path, database: Database, event: PriceEvent, now_ns: int) -> dict[str, Any]:
    """The event's body with its x-ray, as of ``now_ns`` (UTC).

    Raises:
        StoreError: database or ledger cannot be read.
    """
    with database.read() as connection:
        ground = _read(connection, event, now_ns)
    if not ground.steps:
        return {**event.body, "summary": "no price is another one than before"}
    step = ground.steps[-1]
    found = xray.build(
        step,
        ground.market,
        proofs=ground.proofs,
        forecast=_forecast(home, database, ground, step, now_ns),
        reroutes=_reroutes(ground, step, now_ns),
        other_steps=len(ground.steps) - 1,
    )
    return {**event.body, **plain(found)}


def steps_of(connection: Connection, event: PriceEvent) -> list[PriceStep]:
    """What the event's list changed about its listing, oldest first."""
    vendor, _, model, _ = event.listing
    origin = event.body.get("origin", "")

    def known(before_ns: int) -> list[ListedRate]:
        found = listings.load(connection, vendor, model, recorded_before_ns=before_ns)
        return [line for line in found if _is(line.listing, event.listing)]

    others = known(event.at_ns)
    market = Market(others)

    def of_source(lines: Sequence[ListedRate]) -> list[ListedRate]:
        return _whole([line for line in lines if line.origin == origin], origin, market)

    before, after = of_source(others), of_source(known(event.at_ns + 1))
    if before or not after:
        return diff(event.listing, before, after)
    if not others:
        return [first_step(event.listing, after)]
    # The source is new to the listing: calls were priced by the next one's word.
    begin = max(instant_of(event.at_ns), min(line.rate.valid_from for line in after))
    return switch(event.listing, market.lines_of(event.listing), after, begin)


def _whole(lines: list[ListedRate], origin: str, market: Market) -> list[ListedRate]:
    """A source's lines of a listing with those that it leaves to others; none if it has none."""
    found = list(lines)
    for other in market.sources_of(lines[0].listing) if lines else ():
        items = {line.rate.item for line in found}
        lacks = price_book.lacking(items)
        if trust(other) > trust(origin):
            found += [
                line
                for line in market.lines_of(lines[0].listing, other)
                if line.rate.item not in items
                and not lacks.isdisjoint(price_book.with_parents(line.rate.item))
            ]
    return found


def _read(connection: Connection, event: PriceEvent, now_ns: int) -> _Ground:
    offers = {
        name: stored
        for name, stored in objects.current(connection, "offer").items()
        if stored.body["enabled"]
    }
    priced = price_book.offer_prices(connection, offers)
    of_listing = {
        name: offers[name].body
        for name, one in priced.items()
        if one.listing is not None and _is(one.listing, event.listing)
    }
    verdicts = _verdicts(connection, now_ns)
    lineups = {f"task:{t}": [p.offer for p in some if p.status == "proven"] for t, some in verdicts}
    for name, stored in offers.items():
        lineups.setdefault(f"model:{stored.body['model']}", []).append(name)
    home = settings.get(connection, "home_currency", "CNY")
    worth = Worth(connection, home, now_ns)
    costs = {}
    for name, one in priced.items():
        if not one.rates or name in of_listing:
            continue
        in_home = worth.find(one.rates[0].currency)
        cost = _typical(one.rates, now_ns)
        if cost is not None and in_home is not None:
            costs[name] = cost * in_home
    tree = accounts.tree(connection)
    return _Ground(
        steps=steps_of(connection, event),
        market=price_book.load_market(connection, event.listing.vendor),
        offers=of_listing,
        proofs=tuple(proof for _, some in verdicts for proof in some if proof.offer in of_listing),
        lineups=lineups,
        costs=costs,
        worth=worth.find(event.listing.currency),
        names={account_id: tree.path(account_id) for account_id in tree.by_id},
    )


def _verdicts(connection: Connection, now_ns: int) -> list[tuple[str, list[Proof]]]:
    """Task -> what the verdicts in force say of its offers."""
    found = proving.load(connection, objects.current(connection, "task"), now_ns)
    return [
        (task, [Proof(task, v.offer, v.status) for v in proving.entries(offers)])
        for task, offers in found.items()
    ]


def _reroutes(ground: _Ground, step: PriceStep, now_ns: int) -> tuple[xray.Reroute, ...]:
    if ground.worth is None:
        return ()
    both: list[dict[str, Fraction]] = []
    for rates in (step.before, step.after):
        costs = dict(ground.costs)
        for offer, body in ground.offers.items():
            cost = _typical(xray.as_always(_of_offer(rates, body)), now_ns)
            if cost is not None:
                costs[offer] = cost * ground.worth
        both.append(costs)
    return xray.reroutes(ground.lineups, *both)


def _typical(rates: Sequence[Rate], now_ns: int) -> Fraction | None:
    """A typical call at an instant, in pico-units; None where it has no price."""
    periods = _periods(rates, now_ns, now_ns + _HOUR_NS)
    period = period_at(periods, now_ns)
    card = card_of(period, _TYPICAL) if period is not None else None
    if period is None or card is None or unpriced(card, _TYPICAL):
        return None
    return Fraction(price(period, card, _TYPICAL))


def _forecast(
    home: Path, database: Database, ground: _Ground, step: PriceStep, now_ns: int
) -> xray.Forecast:
    """The last 30 days' calls of the listing's offers, priced line by line in both states."""
    import duckdb  # noqa: PLC0415 - heavy, as all of the ledger

    what_if = importlib.import_module("steelyard.ledger.what_if")
    reports = importlib.import_module("steelyard.ledger.reports")
    if not ground.offers:
        return xray.NO_USE
    since_ns = now_ns - xray.FORECAST_DAYS * DAY_NS
    query = reports.Query({"offer": sorted(ground.offers)}, since_ns, now_ns)
    asked = what_if.Question(["account_own"], query)
    sums: list[dict[str, int]] = []
    unknown = []
    for rates in (step.before, step.after):
        prices = {
            offer: what_if.Prices(
                step.listing.currency,
                _periods(xray.as_always(_of_offer(rates, body)), since_ns, now_ns + _HOUR_NS),
                is_priced_at_end=body.get("priced_at") == "end",
            )
            for offer, body in ground.offers.items()
        }
        engine = what_if.WhatIf(home, database, lambda: now_ns)
        try:
            answer = engine.ask(asked, lambda sold, of=prices: of.get(sold.offer))
        except duckdb.Error as error:  # as for want of memory or disk: later it may go
            raise StoreUnavailable(f"the ledger cannot be asked: {error}") from error
        by_account: dict[str, int] = {}
        for row in answer.rows:
            name = ground.names.get(row.groups[0], row.groups[0])
            by_account[name] = by_account.get(name, 0) + row.now_pico
        sums.append(by_account)
        unknown.append(sum(one.lines for one in answer.unpriced))
    if unknown[0] != unknown[1]:
        return xray.Forecast((), max(unknown))  # sums of different calls do not compare
    return xray.forecast_of(sums[0], sums[1], unknown[0])


def _periods(rates: Sequence[Rate], since_ns: int, until_ns: int) -> list[Period]:
    try:
        return compile_periods(rates, since_ns, until_ns) if rates else []
    except ValueError:  # the check of the book tells of it
        return []


def _of_offer(rates: Sequence[Rate], body: Mapping[str, Any]) -> list[Rate]:
    """The rates that an offer means by where it is served from, by whom, and in which variant."""
    listing = body["list"]
    return select(rates, listing["region"], listing["seller"], listing.get("variant", ""))


def _is(one: Listing, other: Listing) -> bool:
    """Whether both are the same listing; vendors' and models' names differ in case at times."""
    return [part.casefold() for part in one] == [part.casefold() for part in other]
