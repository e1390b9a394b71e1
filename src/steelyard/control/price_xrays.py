"""Gathers what an x-ray of a price change needs: the book, the ledger, verdicts and routes.

The reasoning is in ``pricebook.changes`` and ``pricebook.xray``; here it is fed. Everything blocks.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.control import exchange, price_book
from steelyard.control.compile import current_verdicts
from steelyard.domain.instants import DAY_NS, instant_of
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook import xray
from steelyard.pricebook.book import card_of, period_at, price, unpriced
from steelyard.pricebook.changes import PriceStep, diff, first_step
from steelyard.pricebook.compiling import compile_periods, select
from steelyard.pricebook.market import Market
from steelyard.pricebook.xray import Cell, Proof
from steelyard.pricebook.xray_text import plain
from steelyard.store import accounts, listings, objects, proofs, settings
from steelyard.store.database import Database
from steelyard.store.price_events import PriceEvent

_HOUR_NS = 3600 * 10**9
_TYPICAL = Usage(1000, 256)
"""The call by which offers are compared, as routing has it."""


class _Ground(NamedTuple):
    """All that was read of the database."""

    steps: list[PriceStep]
    market: Market
    """The vendor's part of the book."""
    offers: dict[str, Mapping[str, Any]]
    """Offers that are priced by the listing -> their ``list``."""
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
    forecasts = []
    for offer, wanted in ground.offers.items():
        place = (wanted["region"], wanted["seller"])
        before, after = select(step.before, *place), select(step.after, *place)
        by_hour = _has_clock((*before, *after))
        cells = [
            cell._replace(account=ground.names.get(cell.account, cell.account))
            for cell in _cells(home, database, offer, now_ns, by_hour)
        ]
        named = [
            cell._replace(account=ground.names.get(cell.account, cell.account)) for cell in cells
        ]
        forecasts.append(xray.forecast(before, after, named, Fraction(xray.FORECAST_DAYS)))
    found = xray.build(
        step,
        ground.market,
        proofs=ground.proofs,
        forecast=xray.together(forecasts),
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
        return [
            line for line in found if line.origin == origin and _is(line.listing, event.listing)
        ]

    before, after = known(event.at_ns), known(event.at_ns + 1)
    if not before:
        return [first_step(event.listing, after)] if after else []
    return diff(event.listing, before, after)


def _read(connection: Connection, event: PriceEvent, now_ns: int) -> _Ground:
    offers = {
        name: stored
        for name, stored in objects.current(connection, "offer").items()
        if stored.body["enabled"]
    }
    priced = price_book.offer_prices(connection, offers)
    of_listing = {
        name: offers[name].body["list"]
        for name, one in priced.items()
        if one.listing is not None and _is(one.listing, event.listing)
    }
    verdicts = _verdicts(connection)
    lineups = {f"task:{t}": [p.offer for p in some if p.status == "proven"] for t, some in verdicts}
    for name, stored in offers.items():
        lineups.setdefault(f"model:{stored.body['model']}", []).append(name)
    home = settings.get(connection, "home_currency", "CNY")
    rates = exchange.exchange_of(connection)
    day = instant_of(now_ns).date()

    def worth(currency: str) -> Fraction | None:
        found = rates.rate(currency, home, day)
        return None if found is None else found.value

    costs = {}
    for name, one in priced.items():
        in_home = worth(one.rates[0].currency) if one.rates and name not in of_listing else None
        cost = _typical(one.rates, now_ns) if in_home is not None else None
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
        worth=worth(event.listing.currency),
        names={account_id: tree.path(account_id) for account_id in tree.by_id},
    )


def _verdicts(connection: Connection) -> list[tuple[str, list[Proof]]]:
    """Task -> what the newest verdicts say of its offers."""
    verdicts = proofs.latest_verdicts(connection)
    return [
        (
            name,
            [Proof(name, v.offer, v.status) for v in current_verdicts(name, task.body, verdicts)],
        )
        for name, task in objects.current(connection, "task").items()
    ]


def _reroutes(ground: _Ground, step: PriceStep, now_ns: int) -> tuple[xray.Reroute, ...]:
    if ground.worth is None:
        return ()
    both: list[dict[str, Fraction]] = []
    for rates in (step.before, step.after):
        costs = dict(ground.costs)
        for offer, wanted in ground.offers.items():
            always = xray.as_always(select(rates, wanted["region"], wanted["seller"]))
            cost = _typical(always, now_ns)
            if cost is not None:
                costs[offer] = cost * ground.worth
        both.append(costs)
    return xray.reroutes(ground.lineups, *both)


def _typical(rates: Sequence[Rate], now_ns: int) -> Fraction | None:
    """A typical call at an instant, in pico-units; None where it has no price."""
    try:
        periods = compile_periods(rates, now_ns, now_ns + _HOUR_NS) if rates else []
    except ValueError:  # the check of the book tells of it
        return None
    period = period_at(periods, now_ns)
    card = card_of(period, _TYPICAL) if period is not None else None
    if period is None or card is None or unpriced(card, _TYPICAL):
        return None
    return Fraction(price(period, card, _TYPICAL))


def _cells(home: Path, database: Database, offer: str, now_ns: int, by_hour: bool) -> list[Cell]:
    """The offer's use in the last 30 days, by account; by hour, too, where prices have hours."""
    module = importlib.import_module("steelyard.ledger.reports")
    since_ns = now_ns - xray.FORECAST_DAYS * DAY_NS
    query = module.Query({"offer": [offer], "kind": ["attempt"]}, since_ns, now_ns)
    by = ["account_own", "hour"] if by_hour else ["account_own"]
    rows = module.Reports(home, database).summarise(by, query)
    return [
        Cell(
            account=str(row["account_own"]),
            at_ns=int(row["hour"]) * _HOUR_NS if by_hour else now_ns,
            calls=max(1, int(row["attempts"] or 0)),
            usage=_usage(row),
        )
        for row in rows
    ]


def _usage(row: Mapping[str, Any]) -> Usage:
    counts = (
        *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
        "reasoning_tokens",
    )
    incoming, outgoing, read, written, reasoning = (int(row[name] or 0) for name in counts)
    return Usage(incoming, outgoing, read, written, reasoning, int(row["attempts"] or 0))


def _has_clock(rates: Iterable[Rate]) -> bool:
    return any(rate.condition.clock is not None for rate in rates)


def _is(one: Listing, other: Listing) -> bool:
    """Whether both are the same listing; vendors' and models' names differ in case at times."""
    return [part.casefold() for part in one] == [part.casefold() for part in other]
