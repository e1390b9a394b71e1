"""Exchange rates: those of a pair day by day, and the finance department's own taken over."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.web import Body, admin, answer, body_of, control_of, listed
from steelyard.control.prices.exchange import exchange_of, packaged, released_by, take_own
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.instants import instant_of
from steelyard.domain.listings import Finding
from steelyard.domain.rates import ExchangeRate
from steelyard.pricebook.exchange import Exchange
from steelyard.pricebook.exchange_list import OwnRates, differing, far_off, read_own
from steelyard.pricebook.sources.currencies import CURRENCIES, advise_currency
from steelyard.store import exchange as rows
from steelyard.store import revisions
from steelyard.store.revisions import Change

_SHOWN_DAYS = 30
_DAYS_MAX = 20_000


class _Import(Body):
    content: str
    """The file's bytes in Base64, since nobody knows their encoding yet."""
    name: str = Field(default="finance.csv", min_length=1, max_length=200)
    """Becomes the source of rates that name none."""
    dry_run: bool = False
    is_far_right: bool = False
    """Whether rates that are far from the bank's are meant so."""
    is_correction: bool = False
    """Whether days that have another rate of one's own get this one."""


@admin
async def list_rates(request: Request) -> Response:
    """The rates of ``?pair=USD/CNY`` by day since ``?since=``, newest first.

    Without a pair, all that were recorded because something used them.
    """
    since = _day(request.query_params.get("since"))
    pair = _pair(request.query_params.get("pair"))
    today = instant_of(time.time_ns()).date()

    def work(connection: Connection) -> list[dict[str, Any]]:
        recorded = rows.recorded(connection, *(pair or ("", "")), since=since)
        if pair is None:
            return _shown(recorded, {rate.rate_id for rate in recorded})
        known = exchange_of(connection)
        first = since or _begin(known, pair, today)
        count = min((today - first).days + 1, _DAYS_MAX)
        found = (known.on(*pair, today - timedelta(days=back)) for back in range(count))
        return _shown(filter(None, found), {rate.rate_id for rate in recorded})

    return listed(await control_of(request).read(work))


@admin
async def import_own(request: Request) -> Response:
    """Takes over a CSV of date, base, quote, value; all of it or, with one mistake, nothing."""
    wanted = await body_of(request, _Import)
    try:
        data = base64.b64decode(wanted.content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("content: the file's bytes in Base64", param="content") from error
    control = control_of(request)

    def judge(connection: Connection) -> tuple[OwnRates, list[Finding]]:
        own = read_own(data, wanted.name)
        return own, [*own.findings, *_doubts(connection, own, wanted)]

    def take(connection: Connection, change: Change) -> dict[str, Any]:
        own, findings = judge(connection)
        if any(finding.is_error for finding in findings):
            return _told(own, findings)
        taken = take_own(connection, own.rates, change.at_ns)
        detail = {"file": wanted.name, "added": taken.added, "released": taken.released}
        revisions.note(connection, change, "exchange rates imported", "exchange", **detail)
        return _told(own, findings, taken.added)

    own, findings = await control.read(judge)
    if wanted.dry_run or any(finding.is_error for finding in findings):
        return answer(_told(own, findings))
    told = await control.write("admin", "exchange rates imported", take)
    control.publisher.core.want()
    return answer(told)


def _doubts(connection: Connection, own: OwnRates, wanted: _Import) -> list[Finding]:
    """What may be wrong with sound lines, and what taking them over does to reports."""
    found = [
        finding._replace(is_error=not wanted.is_far_right)
        for finding in far_off(own, Exchange(packaged()))
    ]
    found += [
        finding._replace(is_error=not wanted.is_correction)
        for finding in differing(own, rows.recorded(connection))
    ]
    released = released_by(connection, own.rates) if own.is_sound else 0
    if released:
        message = f"days reported at other rates that are told anew: {released}"
        found.append(Finding("days_reported", message, is_error=False))
    return found


def _told(own: OwnRates, findings: Iterable[Finding], added: int = 0) -> dict[str, Any]:
    found = [finding._asdict() for finding in findings]
    return {
        "ok": not any(finding["is_error"] for finding in found),
        "rates": len(own.rates),
        "added": added,
        "findings": found,
    }


def _shown(rates: Iterable[ExchangeRate], recorded: set[str]) -> list[dict[str, Any]]:
    found = [
        {
            "id": rate.rate_id,
            "base": rate.base,
            "quote": rate.quote,
            "day": rate.as_of.date(),
            "value": str(rate.value),
            "about": f"{float(rate.value):.6g}",
            "source": rate.source,
            "is_recorded": rate.rate_id in recorded,
        }
        for rate in rates
    ]
    return sorted(found, key=lambda row: row["day"], reverse=True)


def _begin(known: Exchange, pair: tuple[str, str], today: date) -> date:
    """Since when rates are shown if nobody says: for a while before the newest."""
    newest = known.rate(*pair, today, _DAYS_MAX)
    return (newest.as_of.date() if newest else today) - timedelta(days=_SHOWN_DAYS)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest("since: write a day, such as 2026-11-21", param="since") from error


def _pair(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    base, slash, quote = text.partition("/")
    if not slash:
        raise InvalidRequest("pair: write it as USD/CNY", param="pair")
    for code in (base, quote):
        if code not in CURRENCIES:
            raise InvalidRequest(f"pair: {advise_currency(code)}", param="pair")
    return base, quote


routes = [
    Route("/api/exchange", list_rates),
    Route("/api/exchange/import", import_own, methods=["POST"]),
]
