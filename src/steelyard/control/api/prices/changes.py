"""Price changes: what happened, what it means, what was decided; the timeline and the index."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.web import admin, answer, asked_count, control_of, listed
from steelyard.control.control import Control
from steelyard.control.price_watch import loop as price_loop
from steelyard.control.prices import book as price_book
from steelyard.control.prices.exchange import exchange_of
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.instants import day_ns, instant_of
from steelyard.domain.listings import Listing
from steelyard.pricebook import shipped
from steelyard.pricebook.index import Point, Volume, Volumes, price_index
from steelyard.pricebook.timeline import between, read_timeline
from steelyard.pricebook.wording import decimal_text
from steelyard.store import objects, price_events, settings
from steelyard.store.price_events import APPROVED, DISMISSED, STATES

_SHOWN = 100
"""Changes of one answer, the newest, where nobody says otherwise; ``count`` is of all."""
_SHOWN_MAX = 1000
_INDEX_SINCE = date(2024, 5, 1)
_INDEX_MONTHS_MAX = 240


@admin
async def list_changes(request: Request) -> Response:
    """Price events, newest first: ``?state=``, ``?limit=``; beside them the fetched lists.

    ``state`` is ``open``, ``approved`` or ``dismissed``.
    """
    limit = min(asked_count("limit", request.query_params.get("limit"), _SHOWN), _SHOWN_MAX)
    state = request.query_params.get("state")
    if state is not None and state not in STATES:
        raise InvalidRequest(f"state is one of {', '.join(STATES)}", param="state")

    def work(connection: Connection) -> tuple[list[dict[str, Any]], int, dict[str, Any]]:
        events = price_events.load(connection, state, limit=limit)
        count = price_events.count(connection, state)
        fetched = settings.get(connection, price_loop.FETCHED, {})
        return [price_loop.event_row(event) for event in events], count, fetched

    rows, count, fetched = await control_of(request).read(work)
    looks = [{"url": url, **look, "at": instant_of(look["at_ns"])} for url, look in fetched.items()]
    return listed(rows, count=count, fetched=looks)


@admin
async def show_change(request: Request) -> Response:
    """One price event with its x-ray."""
    wanted = _number(request)
    event = await control_of(request).read(lambda c: price_loop.find(c, wanted))
    return answer(price_loop.event_row(event))


@admin
async def approve(request: Request) -> Response:
    """Has routing follow a price change."""
    event = await price_loop.decide(control_of(request), _number(request), APPROVED, "admin")
    return answer(price_loop.event_row(event))


@admin
async def dismiss(request: Request) -> Response:
    """Has routing go on as though the price had not changed; it is booked all the same."""
    event = await price_loop.decide(control_of(request), _number(request), DISMISSED, "admin")
    return answer(price_loop.event_row(event))


@admin
async def show_timeline(request: Request) -> Response:
    """What happened to prices by day; ``?since=``, ``?until=``, ``?vendor=``, ``?model=``."""
    asked = request.query_params
    found = between(
        read_timeline(shipped.read("timeline.yaml")),
        since=_day(request, "since", date.min),
        until=_day(request, "until", date.max),
        vendor=asked.get("vendor"),
        model=asked.get("model"),
    )
    return listed([{**event._asdict(), "models": list(event.models)} for event in found])


@admin
async def show_index(request: Request) -> Response:
    """The market's price index by month: ``?since=``, ``?until=``, ``?currency=``, ``?weights=``.

    ``weights`` is ``use`` (our own, where the ledger has any) or ``none``.
    """
    control, asked = control_of(request), request.query_params
    today = instant_of(time.time_ns()).date()
    since, until = _day(request, "since", _INDEX_SINCE), _day(request, "until", today)
    if asked.get("weights", "use") not in ("use", "none"):
        raise InvalidRequest("weights is use or none", param="weights")
    days = _months(since, until)
    volumes: Sequence[Volumes] = ()
    if asked.get("weights", "use") == "use":
        volumes = await asyncio.to_thread(_volumes, control, days)

    def work(connection: Connection) -> tuple[list[Point], str]:
        home = asked.get("currency") or settings.get(connection, "home_currency", "CNY")
        market = price_book.load_market(connection)
        return price_index(market, exchange_of(connection).rate, days, home, volumes), home

    points, currency = await control.read(work)
    rows = [{**point._asdict(), "value": decimal_text(point.value)} for point in points]
    return listed(rows, currency=currency, base=days[0])


def _volumes(control: Control, days: Sequence[date]) -> list[Volumes]:
    """Tokens of each listing between each day and the next, by the ledger."""
    with control.database.read() as connection:
        priced = price_book.offer_prices(connection, objects.current(connection, "offer"))
    listing_of = {name: one.listing for name, one in priced.items() if one.listing is not None}
    module = importlib.import_module("steelyard.ledger.reports")
    reports = module.Reports(control.places.home, control.database)
    query = module.Query({"kind": ["attempt"]}, day_ns(days[0]), day_ns(days[-1]))
    found: list[dict[Listing, Volume]] = [{} for _ in days[1:]]
    for row in reports.summarise(["offer", "day"], query):
        listing = listing_of.get(row["offer"])
        if listing is None:
            continue
        day = date(1970, 1, 1) + timedelta(days=int(row["day"]))
        link = sum(1 for begin in days[1:] if begin <= day)
        known = found[link].get(listing, Volume(0, 0))
        more = (int(row["input_tokens"] or 0), int(row["output_tokens"] or 0))
        found[link][listing] = Volume(known[0] + more[0], known[1] + more[1])
    return list(found)


def _months(since: date, until: date) -> list[date]:
    """``since``, the first of each month after it, and ``until``.

    Raises:
        InvalidRequest: they do not ascend, or lie too far apart.
    """
    if since >= until:
        raise InvalidRequest("since is before until", param="since")
    days = [since]
    year, month = since.year, since.month
    while True:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        if (year, month, 1) >= (until.year, until.month, until.day):
            return [*days, until]
        first = date(year, month, 1)
        days.append(first)
        if len(days) > _INDEX_MONTHS_MAX:
            raise InvalidRequest(f"at most {_INDEX_MONTHS_MAX} months", param="since")


def _day(request: Request, name: str, default: date) -> date:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(f"{name}: write a day such as 2024-05-15", param=name) from error


def _number(request: Request) -> int:
    wanted: int = request.path_params["number"]
    return min(wanted, 2**63 - 1)  # which none has; no database takes more


routes = [
    Route("/api/prices/changes", list_changes),
    Route("/api/prices/changes/{number:int}", show_change),
    Route("/api/prices/changes/{number:int}/approve", approve, methods=["POST"]),
    Route("/api/prices/changes/{number:int}/dismiss", dismiss, methods=["POST"]),
    Route("/api/prices/timeline", show_timeline),
    Route("/api/prices/index", show_index),
]
