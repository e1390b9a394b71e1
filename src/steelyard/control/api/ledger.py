"""Calls and the ledger: thin questions to ``steelyard.ledger.reports``.

The ledger's libraries are heavy, so they are imported when somebody first asks. With ``?in=CNY``
amounts are told in one currency, too, at the rates of the booking days; what was used is recorded,
so that the same question gets the same answer when the published rates are renewed.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.call_rates import with_rates
from steelyard.control.api.web import admin, answer, asked_count, asked_ns, control_of, listed
from steelyard.control.auth import bearer, is_admin
from steelyard.control.control import Control
from steelyard.control.prices.exchange import exchange_of, remember
from steelyard.domain.accounts import hash_secret
from steelyard.domain.calls import call_id, parse_call_id
from steelyard.domain.errors import (
    InvalidRequest,
    RequestError,
    StoreUnavailable,
    Unauthenticated,
)
from steelyard.domain.money import format_pico
from steelyard.pricebook.exchange import BACK_DAYS_MAX
from steelyard.pricebook.sources.currencies import CURRENCIES, advise_currency
from steelyard.store import accounts, keys
from steelyard.store.exchange import DayRate

log = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINES_DEFAULT = 100
_AMOUNTS = ("cost", "charge", "reserved", "cost_in", "unconverted")
_IN = ("in", "rate_age")
_RATE_AGE_MAX = 3660
_SHOWN_DIGITS = 6


class _Wish(NamedTuple):
    """In which currency amounts are told, too."""

    currency: str
    back_days_max: int


class _NoSuchCall(RequestError):
    """No such call, or not one of this key."""

    code = "call_not_found"
    status = 404


async def show_call(request: Request) -> Response:
    """A call with all its attempts; for the admin, or for the key that made it.

    The admin is told the rates of each and the account's path, too: what was agreed with a vendor,
    and who else is above, is nothing that a key must know.
    """
    control = control_of(request)
    secret = bearer(request.headers.get("authorization"))
    only_key = None
    if not is_admin(secret, control.admin_token):
        only_key = await control.read(lambda connection: _key_of(connection, secret))
    try:
        incarnation, sequence, _ = parse_call_id(request.path_params["call"])
    except ValueError as error:
        raise InvalidRequest(str(error)) from error
    name = call_id(incarnation, sequence)
    found = await _ask(control, lambda reports: reports.call(name))
    if not found or (only_key is not None and found[0]["key_id"] != only_key):
        # The same answer for a call of somebody else: its very existence is not theirs to know.
        raise _NoSuchCall
    totals: dict[str, int] = {}
    for row in found:
        totals[row["currency"]] = totals.get(row["currency"], 0) + row["cost_pico"]
    attempts = [_shown(row) for row in found]
    if only_key is None:
        tree: accounts.Tree = await control.read(accounts.tree)
        priced = await control.read(lambda connection: with_rates(connection, attempts))
        attempts = [_named(row, tree) for row in priced]
    return answer(
        {
            "id": name,
            "cost": {c: format_pico(amount) for c, amount in totals.items() if c},
            "attempts": attempts,
        }
    )


@admin
async def summarise(request: Request) -> Response:
    """Sums by ``?by=account,model,…`` of calls between ``?since=`` and ``?until=``.

    ``?in=CNY`` adds what each is worth in one currency, ``?rate_age=`` how many days old a rate may
    be. Any further parameter is a condition, such as ``model=…``; a repeated one means either.
    """
    control, wish = control_of(request), _wish(request)
    by = [name for name in request.query_params.get("by", "").split(",") if name]
    tree: accounts.Tree = await control.read(accounts.tree)
    asked = _query(request, tree, ("by", *_IN))
    if wish is not None:
        return await _converted(
            control, wish, tree, lambda reports, into: reports.summarise_in(into, by, _made(asked))
        )
    rows = await _ask(control, lambda reports: reports.summarise(by, _made(asked)))
    return listed([_named(_shown(row), tree) for row in rows])


@admin
async def lines(request: Request) -> Response:
    """The latest lines, newest call first; ``?limit=`` of them, with conditions as for sums."""
    control, wish = control_of(request), _wish(request)
    tree: accounts.Tree = await control.read(accounts.tree)
    asked = _query(request, tree, ("limit", *_IN))
    limit = asked_count("limit", request.query_params.get("limit"), _LINES_DEFAULT)
    if wish is not None:
        return await _converted(
            control, wish, tree, lambda reports, into: reports.lines_in(into, limit, _made(asked))
        )
    rows = await _ask(control, lambda reports: reports.lines(limit, _made(asked)))
    return listed([_named(_shown(row), tree) for row in rows])


async def _converted(
    control: Control, wish: _Wish, tree: accounts.Tree, question: Callable[[Any, Any], Any]
) -> Response:
    """The rows of a question in one currency, the total, the rates used, and what has none."""

    def run() -> dict[str, Any]:
        reports = importlib.import_module("steelyard.ledger.reports")
        with control.database.read() as connection:
            known = exchange_of(connection)
        into = importlib.import_module("steelyard.ledger.conversion").Into(
            wish.currency, known, wish.back_days_max
        )
        found = question(reports.Reports(control.places.home, control.database), into)
        try:
            remember(control.database, found.rates.days, time.time_ns())
        except StoreUnavailable as error:
            # The answer is right all the same, and the next one records what it used.
            log.warning("exchange rates of a report are not recorded: %s", error.message)
        return {
            "rows": [_named(_shown(row), tree) for row in found.rows],
            "in": wish.currency,
            "total_in_pico": str(found.total_pico),
            "total_in": format_pico(found.total_pico),
            "rates_used": _rates_used(found.rates.days),
            "unconverted": [
                {**row, "newest": _newest(known, row, wish.currency)}
                for row in _unconverted(found.rates.unconverted)
            ],
        }

    shown = await asyncio.to_thread(run)
    return listed(shown.pop("rows"), **shown)


def _rates_used(days: Sequence[DayRate]) -> list[dict[str, Any]]:
    """Each rate once, with the booking days (UTC) that it was used for."""
    found: dict[str, dict[str, Any]] = {}
    for day, rate in days:
        row = found.setdefault(
            rate.rate_id,
            {
                "id": rate.rate_id,
                "base": rate.base,
                "quote": rate.quote,
                "value": str(rate.value),
                "about": _about(rate.value),
                "as_of": rate.as_of.date(),
                "source": rate.source,
                "first": day,
                "last": day,
                "days": 0,
            },
        )
        row |= {"first": min(row["first"], day), "last": max(row["last"], day)}
        row["days"] += 1
    return list(found.values())


def _unconverted(missing: Sequence[Any]) -> list[dict[str, Any]]:
    """What has no rate, by currency."""
    found = []
    for currency in sorted({amount.currency for amount in missing}):
        of_one = [amount for amount in missing if amount.currency == currency]
        cost_pico = sum(amount.cost_pico for amount in of_one)
        found.append(
            {
                "currency": currency,
                "cost_pico": str(cost_pico),
                "cost": format_pico(cost_pico),
                "first": of_one[0].day,
                "last": of_one[-1].day,
                "days": len(of_one),
            }
        )
    return found


def _newest(known: Any, row: Mapping[str, Any], into: str) -> date | None:
    """Of which day the newest rate is that is too old for the last of these days."""
    rate = known.rate(row["currency"], into, row["last"], _RATE_AGE_MAX)
    return rate.as_of.date() if rate is not None else None


def _about(value: Fraction) -> str:
    """A rate for people, to six digits; the exact one stands beside it."""
    return f"{float(value):.{_SHOWN_DIGITS}g}"


def _wish(request: Request) -> _Wish | None:
    currency = request.query_params.get("in")
    age = request.query_params.get("rate_age")
    if currency is None:
        if age is not None:
            raise InvalidRequest("rate_age: only with in=", param="rate_age")
        return None
    if currency not in CURRENCIES:
        raise InvalidRequest(f"in: {advise_currency(currency)}", param="in")
    days = asked_count("rate_age", age, BACK_DAYS_MAX)
    if days > _RATE_AGE_MAX:
        raise InvalidRequest(f"rate_age: at most {_RATE_AGE_MAX} days", param="rate_age")
    return _Wish(currency, days)


async def _ask(control: Control, question: Callable[[Any], Any]) -> Any:
    def run() -> Any:
        module = importlib.import_module("steelyard.ledger.reports")
        return question(module.Reports(control.places.home, control.database))

    return await asyncio.to_thread(run)


def _query(
    request: Request, tree: accounts.Tree, apart: Sequence[str]
) -> tuple[Mapping[str, Sequence[str]], int, int]:
    """Conditions and the interval that the request asks about."""
    where: dict[str, list[str]] = {}
    since_ns, until_ns = 0, 2**63 - 1
    for name, value in request.query_params.multi_items():
        if name in apart:
            continue
        if name == "since":
            since_ns = asked_ns(name, value)
        elif name == "until":
            until_ns = asked_ns(name, value)
        else:
            is_account = name in ("account", "account_own")
            where.setdefault(name, []).append(tree.find(value) if is_account else value)
    return where, since_ns, until_ns


def _made(asked: tuple[Mapping[str, Sequence[str]], int, int]) -> Any:
    return importlib.import_module("steelyard.ledger.reports").Query(*asked)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with amounts as people read them beside the exact integers."""
    shown = dict(row)
    for name in _AMOUNTS:
        if f"{name}_pico" in shown:
            if shown[f"{name}_pico"] is None:
                continue  # there is no rate, so nobody knows
            shown[name] = format_pico(shown[f"{name}_pico"])
            # As text: JavaScript's numbers end at 9,007 units of a currency.
            shown[f"{name}_pico"] = str(shown[f"{name}_pico"])
    for name, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if isinstance(shown.get(name), int):
            shown[name] = (_EPOCH + shown[name] * length).isoformat()[: 10 if name == "day" else 16]
    if isinstance(shown.get("day_booked"), int):
        shown["day_booked"] = (_EPOCH + timedelta(days=shown["day_booked"])).date().isoformat()
    return shown


def _named(row: dict[str, Any], tree: accounts.Tree) -> dict[str, Any]:
    """A row with the names of its accounts, as they are today."""
    for name in ("account", "account_own", "account_id"):
        if row.get(name) in tree.by_id:
            row["account_name"] = tree.path(row[name])
    return row


def _key_of(connection: Connection, secret: str) -> str:
    found = keys.find(connection, secret_hash=hash_secret(secret.encode()))
    if not found or found[0].revoked_at_ns is not None:
        raise Unauthenticated
    expires_at_ns = found[0].expires_at_ns
    if expires_at_ns is not None and time.time_ns() >= expires_at_ns:
        raise Unauthenticated("This API key has expired.", code="expired_api_key")
    return found[0].key_id


routes = [
    Route("/api/calls/{call}", show_call),
    Route("/api/ledger", summarise),
    Route("/api/ledger/lines", lines),
]
