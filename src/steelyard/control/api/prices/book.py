"""The price book over the API: what it says, what is doubtful of it, lists that are taken over."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.config.model import Config
from steelyard.control.api.offers import rate_text
from steelyard.control.api.prices.shown import day_text
from steelyard.control.api.web import admin, answer, asked_count, control_of, listed
from steelyard.control.configuration import resolve
from steelyard.control.control import Control
from steelyard.control.price_watch import updates as price_updates
from steelyard.control.prices import book as price_book
from steelyard.control.prices import lists as price_lists
from steelyard.control.prices.lists import Order, Outcome
from steelyard.domain.conditions import to_plain
from steelyard.domain.errors import InvalidRequest, TooLarge
from steelyard.domain.instants import instant_of
from steelyard.domain.listings import Finding, ListedRate
from steelyard.domain.rates import Rate
from steelyard.pricebook import shipped
from steelyard.pricebook.check import STALE_DAYS, check
from steelyard.pricebook.difference import KINDS
from steelyard.pricebook.wording import condition_text
from steelyard.store import listings, objects, prices

LIST_BYTES_MAX = 256 * 2**20
"""Size of a price list: more than a million lines."""
_SHOWN_MAX = 1000
"""Steps and findings that an answer tells; the counts are of all."""


@admin
async def of_offers(request: Request) -> Response:
    """Every rate of every offer, of any time; ``?offer=`` for those of one."""
    wanted = request.query_params.get("offer")

    def work(connection: Connection) -> list[dict[str, Any]]:
        rates = prices.of_offers(connection, wanted)
        rates |= price_book.offer_rates(connection, objects.current(connection, "offer"))
        return [
            {"offer": offer, **rate_row(rate)}
            for offer in sorted(rates)
            if wanted in (None, offer)
            for rate in rates[offer]
        ]

    return listed(await control_of(request).read(work))


@admin
async def show_book(request: Request) -> Response:
    """Lines of the book: ``?vendor=``, ``?model=``, ``?origin=``; the chosen source of each."""
    asked = request.query_params

    def work(connection: Connection) -> list[dict[str, Any]]:
        market = price_book.load_market(connection, asked.get("vendor"), asked.get("model"))
        return [
            line_row(line, is_chosen=origin == market.choice(listing))
            for listing in market.listings()
            for origin in market.sources_of(listing)
            if asked.get("origin") in (None, origin)
            for line in market.lines_of(listing, origin)
        ]

    return listed(await control_of(request).read(work))


@admin
async def show_lists(request: Request) -> Response:
    """The lists that were taken over, newest first."""

    def work(connection: Connection) -> list[dict[str, Any]]:
        rows = (found._asdict() for found in listings.all_lists(connection))
        return [{**row, "at": instant_of(row["at_ns"])} for row in rows]

    return listed(await control_of(request).read(work))


@admin
async def check_book(request: Request) -> Response:
    """Findings about the book: ``?stale_days=``, ``?vendor=``, ``?model=``."""
    asked = request.query_params
    days = asked_count("stale_days", asked.get("stale_days"), STALE_DAYS)

    def work(connection: Connection) -> list[Finding]:
        market = price_book.load_market(connection, asked.get("vendor"), asked.get("model"))
        return check(market, instant_of(time.time_ns()), days)

    found = await control_of(request).read(work)
    return listed([finding._asdict() for finding in found])


@admin
async def take_list(request: Request) -> Response:
    """Takes over the list in the body.

    ``?source=`` and ``?name=`` say what it is, ``?mapping=`` (JSON) how a sheet is laid out;
    ``dry_run``, ``yes`` and ``correction`` are ``1`` where wanted.
    """
    asked = request.query_params
    order = Order(
        name=asked.get("name", "")[:200] or "list",
        data=await _body(request),
        source=asked.get("source", price_lists.OWN),
        mapping=_mapping(asked.get("mapping")),
        is_correction=asked.get("correction") == "1",
        is_sure=asked.get("yes") == "1",
        is_dry_run=asked.get("dry_run") == "1",
    )
    return answer(outcome_row(await take(control_of(request), order)))


@admin
async def take_update(request: Request) -> Response:
    """Takes over the update in the body or behind ``?url=``; also ``unsigned``, ``yes``."""
    control, asked = control_of(request), request.query_params
    url = asked.get("url", "")
    data = await price_updates.fetch(url) if url else await _body(request)
    update = price_updates.read_update(data)
    trusted = (await asyncio.to_thread(_config, control)).price_book.keys
    price_updates.check(update, trusted, may_be_unsigned=asked.get("unsigned") == "1")
    name = url.rpartition("/")[2].partition("?")[0] if url else asked.get("name", "")
    order = price_updates.order_of(update, name[:200] or "update", time.time_ns())._replace(
        is_sure=asked.get("yes") == "1", is_dry_run=asked.get("dry_run") == "1"
    )
    row = outcome_row(await take(control, order))
    return answer({**row, "day": update.day, "key": update.key if update.signature else ""})


def _config(control: Control) -> Config:
    """The configuration that holds; where control does not run, the one on disk."""
    if control.config is not None:
        return control.config
    return resolve.load_config(control.places.config, control.environment)


async def take(control: Control, order: Order) -> Outcome:
    """Takes a list over, and has workers hear of it."""
    outcome = await asyncio.to_thread(
        price_lists.take, control.database, order, time.time_ns(), "admin"
    )
    if outcome.state == price_lists.TAKEN:
        control.publisher.core.want()
    return outcome


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """What became of a list, for people and programs."""
    difference = outcome.difference
    return {
        "state": outcome.state,
        "list_number": outcome.list_number,
        "has_corrections": outcome.has_corrections,
        "counts": {kind: difference.count(kind) for kind in KINDS},
        "unchanged": difference.unchanged,
        "steps": [
            {**price_lists.step_row(step), **_days(step.line)}
            for step in difference.steps[:_SHOWN_MAX]
        ],
        "findings": [finding._asdict() for finding in outcome.findings[:_SHOWN_MAX]],
        "findings_count": len(outcome.findings),
    }


def rate_row(rate: Rate) -> dict[str, Any]:
    """A rate as JSON; exact amounts as text."""
    return {
        "id": rate.rate_id,
        "item": rate.item,
        "condition": to_plain(rate.condition),
        "condition_text": condition_text(rate.condition),
        "price": rate_text(rate),
        "amount": str(rate.amount),
        "currency": rate.currency,
        "unit": rate.unit,
        "valid_from": rate.valid_from,
        "valid_to": rate.valid_to,
        "source": rate.source,
    }


def line_row(line: ListedRate, *, is_chosen: bool) -> dict[str, Any]:
    """A line of the book as JSON."""
    return {
        "vendor": line.listing.vendor,
        "channel": line.listing.channel,
        "model": line.listing.model,
        **rate_row(line.rate),
        **_days(line),
        "origin": line.origin,
        "is_chosen": is_chosen,
        "phrase": line.phrase,
        "basis": line.basis,
        "note": line.note,
        "tax": line.tax,
        "read_at": line.read_at,
        "is_correction": line.is_correction,
    }


def _days(line: ListedRate) -> dict[str, str | None]:
    """First day, and first day no more, in the zone of the vendor, which dates his prices."""
    zone, rate = shipped.phrases().zone_of(line.listing.vendor), line.rate
    return {
        "from_day": day_text(rate.valid_from, zone),
        "to_day": day_text(rate.valid_to, zone) if rate.valid_to is not None else None,
    }


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LIST_BYTES_MAX:
            raise TooLarge(f"A price list may have {LIST_BYTES_MAX >> 20} MiB.")
    return bytes(raw)


def _mapping(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        mapping = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"the mapping is no JSON: {error}") from error
    if not isinstance(mapping, dict):
        raise InvalidRequest("the mapping is a JSON object: column of the sheet for each of ours")
    return mapping


routes = [
    Route("/api/prices", of_offers),
    Route("/api/prices/book", show_book),
    Route("/api/prices/lists", show_lists),
    Route("/api/prices/check", check_book),
    Route("/api/prices/import", take_list, methods=["POST"]),
    Route("/api/prices/update", take_update, methods=["POST"]),
]
