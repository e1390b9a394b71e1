"""Calls and the ledger: thin questions to ``steelyard.ledger.reports``.

The ledger's libraries are heavy, so they are imported when somebody first asks.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.web import admin, answer, control_of, listed
from steelyard.control.auth import bearer, is_admin
from steelyard.domain.accounts import hash_secret
from steelyard.domain.calls import parse_call_id
from steelyard.domain.errors import InvalidRequest, RequestError, Unauthenticated
from steelyard.store import keys


class _NoSuchCall(RequestError):
    """No such call."""

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
    home, database = control.places.home, control.database
    found = await asyncio.to_thread(_reports().call, home, database, incarnation, sequence)
    if not found or (only_key is not None and found["key_id"] != only_key):
        # The same answer for a call of somebody else: its very existence is not theirs to know.
        raise _NoSuchCall("No such call, or not one of this key.")
    return answer(found)


@admin
async def query(request: Request) -> Response:
    """Sums by ``?by=account,model,…`` between ``?since=`` and ``?until=``."""
    raise NotImplementedError


def _key_of(connection: Connection, secret: str) -> str:
    found = keys.find(connection, secret_hash=hash_secret(secret.encode()))
    if not found or found[0].revoked_at_ns is not None:
        raise Unauthenticated
    return found[0].key_id


def _reports() -> Any:
    return importlib.import_module("steelyard.ledger.reports")


routes = [
    Route("/api/calls/{call}", show_call),
    Route("/api/ledger", query),
]
__all__ = ["listed", "routes"]
