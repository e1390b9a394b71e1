"""What the ledger's calls would have cost: at a day's prices, in another book, with another model.

The scan of a large ledger takes seconds, so its progress can be watched: who accepts
``application/x-ndjson`` is told ``{"done": …, "total": …}`` in lines, then ``{"result": …}`` or
``{"error": …}``. One scan runs at a time, since each takes both cores and a gigabyte.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import importlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from steelyard.control.api.prices.shown import exchange_shown
from steelyard.control.api.progress import NDJSON, last_line
from steelyard.control.api.web import Body, admin, answer, asked_ns, body_of, control_of
from steelyard.control.begun import alone
from steelyard.control.control import Control
from steelyard.control.prices.conversion import OneDay, Told
from steelyard.control.prices.exchange import exchange_of
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.instants import instant_ns, instant_of
from steelyard.domain.money import format_pico
from steelyard.pricebook import quantities, shipped
from steelyard.pricebook.market import Market
from steelyard.pricebook.sources import csv_file
from steelyard.pricebook.sources.base import Reading
from steelyard.pricebook.sources.currencies import CURRENCIES, advise_currency
from steelyard.store import accounts, settings

_ROUNDED = (
    "some prices are not whole pico-units per token: sums are rounded once, lines were rounded"
    " one by one, so that each line may make half a pico-unit (10^-12) of difference"
)
_FINDINGS_MAX = 10
_OPEN_NS = 2**63 - 1
_running = threading.Lock()


class Asked(Body):
    """What if, and of which lines."""

    since: str | None = None
    until: str | None = None
    by: list[str] = ["model"]
    where: dict[str, list[str]] = {}
    as_of: str | None = None
    """A day (at noon UTC, when it has begun everywhere that prices are made) or an instant."""
    book: str | None = None
    """A price list of our own columns, in base64."""
    swaps: dict[str, str] = {}
    no_cache_hits: bool = False
    currency: str | None = None
    """In which amounts are told, too; else the home currency, where any call changes currency."""


@admin
async def ask_what_if(request: Request) -> Response:
    """Cost then, cost now and the difference, by group; what has no price is told apart.

    The body: ``since``, ``until``, ``by``, ``where`` as for sums of the ledger, and at least one of
    ``as_of``, ``book`` (a CSV in base64), ``swaps`` (model -> model), ``no_cache_hits``;
    ``currency`` tells every amount in it, too.
    """
    asked = await body_of(request, Asked)
    control = control_of(request)
    tree: accounts.Tree = await control.read(accounts.tree)
    if NDJSON not in request.headers.get("accept", ""):
        return answer(await asyncio.to_thread(_run, control, tree, asked, lambda done, total: None))
    lines = _lines(request, lambda tell: _run(control, tree, asked, tell))
    return StreamingResponse(lines, media_type=NDJSON)


class _Left(Exception):  # noqa: N818 - no error: whoever asked has gone
    """Nobody listens any more."""


async def _lines(request: Request, run: Callable[[Any], dict[str, Any]]) -> AsyncIterator[str]:
    """Progress as it comes, and what it comes to; ends the scan when nobody listens."""
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[tuple[int, int] | None] = asyncio.Queue()
    has_left = threading.Event()

    def tell(done: int, total: int) -> None:
        if has_left.is_set():
            raise _Left
        loop.call_soon_threadsafe(told.put_nowait, (done, total))

    work = loop.run_in_executor(None, run, tell)
    work.add_done_callback(lambda _: told.put_nowait(None))
    try:
        while (progress := await told.get()) is not None:
            yield json.dumps(dict(zip(("done", "total"), progress, strict=True))) + "\n"
        yield await last_line(request, work)
    finally:
        has_left.set()


def _run(
    control: Control, tree: accounts.Tree, asked: Asked, tell: Callable[[int, int], None]
) -> dict[str, Any]:
    with alone(_running, "Another what-if is being answered; try again in some seconds."):
        # Imported when first asked for: the ledger's libraries are heavy.
        plans = importlib.import_module("steelyard.control.price_watch.plans")
        scan = importlib.import_module("steelyard.ledger.scan")
        what_if = importlib.import_module("steelyard.ledger.what_if")
        reports = importlib.import_module("steelyard.ledger.reports")
        if asked.currency is not None and asked.currency not in CURRENCIES:
            raise InvalidRequest(f"currency: {advise_currency(asked.currency)}", param="currency")
        now_ns = time.time_ns()
        plan = plans.PricePlan(control.database, _wish(plans, asked, now_ns), now_ns)
        known = plan.prepare()
        question = scan.Question(
            tuple(asked.by),
            reports.Query(
                _where(asked.where, tree),
                asked_ns("since", asked.since or None, 0),
                asked_ns("until", asked.until or None, _OPEN_NS),
            ),
            not asked.no_cache_hits,
        )
        answerer = what_if.WhatIf(control.places.home, control.database)
        found = answerer.ask(question, plan.prices_of, known, tell)
        last_ns = min(question.query.until_ns - 1, now_ns)
        day_ns = last_ns if plan.wish.as_of_ns is None else plan.wish.as_of_ns
        one = _one_currency(control, asked, found, day_ns)
        return _shown(found, plan, asked, _Teller(tree, one))


def _one_currency(control: Control, asked: Asked, found: Any, day_ns: int) -> OneDay | None:
    """How all amounts are told in one currency; None where each has its difference without."""
    # Where nothing was paid there is no currency, and so no change of it.
    changes = any(row.currency_then not in ("", row.currency_now) for row in found.totals)
    if asked.currency is None and not changes:
        return None
    with control.database.read() as connection:
        currency = asked.currency or settings.get(connection, "home_currency", "CNY")
        return OneDay(exchange_of(connection), currency, instant_of(max(day_ns, 0)).date())


def _wish(plans: Any, asked: Asked, now_ns: int) -> Any:
    """What shall be assumed.

    Raises:
        InvalidRequest: nothing is, or what is cannot be read.
    """
    if not (asked.as_of or asked.book or asked.swaps or asked.no_cache_hits):
        raise InvalidRequest("What if what? Say as_of, book, swaps or no_cache_hits.")
    as_of_ns = None
    if asked.as_of:
        try:
            as_of_ns = instant_ns(quantities.read_instant(asked.as_of))
        except ValueError as error:
            raise InvalidRequest(f"as_of: {error}", param="as_of") from error
    book = _book(asked.book, now_ns) if asked.book else None
    return plans.Wish(as_of_ns, book, asked.swaps)


def _book(text: str, now_ns: int) -> Market:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InvalidRequest("book: a price list in base64", param="book") from error
    parsed = csv_file.parse(data, Reading("own", shipped.phrases(), instant_of(now_ns)))
    errors = [finding for finding in parsed.findings if finding.is_error]
    if errors:
        told = "; ".join(f"line {one.line}: {one.message}" for one in errors[:_FINDINGS_MAX])
        raise InvalidRequest(f"book: {told}", param="book")
    return Market(parsed.rates)


def _where(where: Mapping[str, list[str]], tree: accounts.Tree) -> dict[str, list[str]]:
    return {
        name: [tree.find(value) for value in values]
        if name in ("account", "account_own")
        else values
        for name, values in where.items()
    }


def _shown(found: Any, plan: Any, asked: Asked, teller: _Teller) -> dict[str, Any]:
    labels = {f"{sold.model} at {sold.offer}": label for sold, label in sorted(plan.labels.items())}
    unused = sorted(set(asked.swaps) - plan.swapped)
    return {
        "object": "what_if",
        "by": asked.by,
        "lines": found.lines,
        "data": [teller.row(row, asked.by) for row in teller.ranked(found.rows)],
        "totals": [teller.row(row, ()) for row in found.totals],
        **teller.about(found.totals),
        "unpriced": [
            {
                **one._asdict(),
                **_amount("then", one.then_pico),
                "reason": plan.reasons.get((one.offer, one.model)) or "no price for some calls",
            }
            for one in found.unpriced
        ],
        "unpriced_totals": _left_out(found.unpriced),
        "priced_as": labels,
        "notes": [
            *([_ROUNDED] if found.is_rounded else []),
            *(f"no call was of {name}, which was to be swapped" for name in unused),
        ],
    }


class _Teller:
    """Tells rows with the names of accounts, and in one currency, too, where there is ``one``."""

    def __init__(self, tree: accounts.Tree, one: OneDay | None) -> None:
        self._tree = tree
        self._one = one

    def ranked(self, rows: Sequence[Any]) -> Sequence[Any]:
        """The largest difference first; in one currency all that have rates can be compared."""
        if self._one is None:
            return rows
        told = [(self._one.tell(row), row) for row in rows]
        # The order is stable, so that rows without a rate stay as they came, at the end.
        told.sort(key=lambda pair: -abs(pair[0].difference_pico) if pair[0] else 1)
        return [row for _, row in told]

    def row(self, row: Any, by: Sequence[str]) -> dict[str, Any]:
        """A row; its difference is None in two currencies, that of one currency without a rate."""
        groups = dict(zip(by, row.groups, strict=False))
        for name in ("account", "account_own"):
            if groups.get(name) in self._tree.by_id:
                groups["account_name"] = self._tree.path(groups[name])
        change = row.difference_pico
        return {
            **groups,
            "currency_then": row.currency_then,
            "currency_now": row.currency_now,
            "lines": row.lines,
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
            **_amount("then", row.then_pico),
            **_amount("now", row.now_pico),
            **(_amount("difference", change) if change is not None else {"difference": None}),
            **(_told(self._one.tell(row)) if self._one else {}),
        }

    def about(self, totals: Sequence[Any]) -> dict[str, Any]:
        """The currency, the total in it, the rates used, and what has none."""
        one = self._one
        if one is None:
            return {"in": None}
        lost = [(row, missing) for row in totals if (missing := one.missing(row))]
        return {
            "in": one.currency,
            "total_in": {
                "lines": sum(row.lines for row in totals if not one.missing(row)),
                **_told(one.total(totals)),
            },
            "rates_day": one.day.isoformat(),
            "rates_used": [{**exchange_shown(rate), "exact": str(rate.value)} for rate in one.used],
            "unconverted": [{**self.row(row, ()), "missing": missing} for row, missing in lost],
        }


def _told(told: Told | None) -> dict[str, Any]:
    """Amounts of the one currency; None where there is no rate."""
    if told is None:
        return {"then_in": None, "now_in": None, "difference_in": None}
    return {
        **_amount("then_in", told.then_pico),
        **_amount("now_in", told.now_pico),
        **_amount("difference_in", told.difference_pico),
    }


def _left_out(unpriced: Sequence[Any]) -> list[dict[str, Any]]:
    """By currency, what the lines without a price cost then."""
    sums: dict[str, list[int]] = {}
    for one in unpriced:
        found = sums.setdefault(one.currency, [0, 0])
        found[0] += one.lines
        found[1] += one.then_pico
    return [
        {"currency": currency, "lines": lines, **_amount("then", then_pico)}
        for currency, (lines, then_pico) in sorted(sums.items())
    ]


def _amount(name: str, pico: int) -> dict[str, str]:
    """As people read it, and exact; as text, since JavaScript's numbers end too soon."""
    return {name: format_pico(pico), f"{name}_pico": str(pico)}


routes = [Route("/api/what-if", ask_what_if, methods=["POST"])]
