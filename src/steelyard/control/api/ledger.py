"""Calls and the ledger: thin questions to ``steelyard.ledger.reports``.

The ledger's libraries are heavy, so they are imported when somebody first asks.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.web import admin, answer, control_of, listed
from steelyard.control.auth import bearer, is_admin
from steelyard.control.control import Control
from steelyard.domain.accounts import hash_secret
from steelyard.domain.calls import call_id, parse_call_id
from steelyard.domain.errors import InvalidRequest, RequestError, Unauthenticated
from steelyard.domain.money import format_pico
from steelyard.store import accounts, keys

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINES_DEFAULT = 100
_AMOUNTS = ("cost", "charge", "reserved")


class _NoSuchCall(RequestError):
    """No such call, or not one of this key."""

    code = "call_not_found"
    status = 404


async def show_call(request: Request) -> Response:
    """A call with all its attempts; for the admin, or for the key that made it."""
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
    return answer(
        {
            "id": name,
            "cost": {c: format_pico(amount) for c, amount in totals.items() if c},
            "attempts": [_shown(row) for row in found],
        }
    )


@admin
async def summarise(request: Request) -> Response:
    """Sums by ``?by=account,model,…`` of calls between ``?since=`` and ``?until=``.

    Any further parameter is a condition, such as ``model=…``; a repeated one means either.
    """
    control = control_of(request)
    by = [name for name in request.query_params.get("by", "").split(",") if name]
    tree: accounts.Tree = await control.read(accounts.tree)
    asked = _query(request, tree, ("by",))
    rows = await _ask(control, lambda reports: reports.summarise(by, _made(asked)))
    return listed([_named(_shown(row), tree) for row in rows])


@admin
async def lines(request: Request) -> Response:
    """The latest lines, newest call first; ``?limit=`` of them, with conditions as for sums."""
    control = control_of(request)
    tree: accounts.Tree = await control.read(accounts.tree)
    asked = _query(request, tree, ("limit",))
    limit = _whole(request.query_params.get("limit"), _LINES_DEFAULT)
    rows = await _ask(control, lambda reports: reports.lines(limit, _made(asked)))
    return listed([_named(_shown(row), tree) for row in rows])


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
            since_ns = _instant_ns(name, value)
        elif name == "until":
            until_ns = _instant_ns(name, value)
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


def _instant_ns(name: str, text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{name}: write a day or an instant, such as 2026-11-21"
        raise InvalidRequest(message, param=name) from error
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal():
        raise InvalidRequest("limit: a whole number", param="limit")
    return int(text)


routes = [
    Route("/api/calls/{call}", show_call),
    Route("/api/ledger", summarise),
    Route("/api/ledger/lines", lines),
]
