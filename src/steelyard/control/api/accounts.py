"""Accounts, keys and limits."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.config.model import Limit as WantedLimit
from steelyard.control.api.web import Body, admin, answer, body_of, control_of, listed
from steelyard.control.configuration.resolve import limit_terms
from steelyard.control.secret import hint_of, new_key
from steelyard.control.snapshot.compile import describe
from steelyard.control.workers.leases import room_of
from steelyard.domain.accounts import Account, hash_secret
from steelyard.domain.budgets import Unit
from steelyard.domain.errors import InvalidRequest, RateMissing
from steelyard.domain.instants import instant_of
from steelyard.domain.money import format_pico
from steelyard.store import accounts, keys, limits, objects
from steelyard.store.limits import StoredLimit
from steelyard.store.revisions import Change
from steelyard.store.schema import API

_TAKEN_UP_WITHIN_S = 2.0
_KEYS_SHOWN = 1000


class _NewAccount(Body):
    name: str
    parent: str | None = None


class _AccountChange(Body):
    name: str | None = None
    policy: str | None = None


class _NewKey(Body):
    account: str
    name: str = Field(min_length=1, max_length=64)
    task: str = Field("", max_length=128)
    expires_at: AwareDatetime | None = None


class _Limit(Body):
    money: str | None = None
    requests: int | None = None
    period: Literal["minute", "day", "month", "total"] | None = None
    zone: str = "UTC"
    is_hard: bool = True


class _Limits(Body):
    limits: list[_Limit]


@admin
async def list_accounts(request: Request) -> Response:
    """All accounts, with their limits and how far they are used."""

    def work(connection: Connection) -> list[dict[str, Any]]:
        tree = accounts.tree(connection)
        of_scope = limits.of_accounts(connection)
        now_ns = time.time_ns()
        return [
            {
                "id": node.account_id,
                "path": tree.path(node.account_id),
                "parent": node.parent_id,
                "name": node.name,
                "policy": node.policy,
                "managed_by": node.managed_by,
                "created_at": instant_of(node.created_at_ns),
                "limits": [
                    limit_row(connection, s, now_ns)
                    for s in of_scope.get(f"account:{node.account_id}", [])
                ],
            }
            for node in tree.by_id.values()
        ]

    return listed(await control_of(request).read(work))


@admin
async def add_account(request: Request) -> Response:
    """Makes an account."""
    wanted = await body_of(request, _NewAccount)
    _check_name(wanted.name)

    def work(connection: Connection, change: Change) -> dict[str, Any]:
        parent = accounts.tree(connection).find(wanted.parent) if wanted.parent else None
        made = accounts.add(connection, change, parent, wanted.name, API)
        return {"id": made, "path": accounts.tree(connection).path(made)}

    control = control_of(request)
    made = await control.write("admin", "account added", work)
    control.publisher.core.want()
    return answer(made, 201)


@admin
async def change_account(request: Request) -> Response:
    """Renames an account or sets its policy."""
    wanted = await body_of(request, _AccountChange)
    values = wanted.model_dump(exclude_none=True)
    if "name" in values:
        _check_name(values["name"])

    def work(connection: Connection, change: Change) -> dict[str, Any]:
        tree = accounts.tree(connection)
        node = tree.by_id[tree.find(request.path_params["account"])]
        if values.get("policy") and values["policy"] not in objects.current(connection, "policy"):
            raise InvalidRequest(f"no policy is called {values['policy']!r}", param="policy")
        if values:
            accounts.change(connection, change, node, API, **values)
        return {"id": node.account_id, "path": accounts.tree(connection).path(node.account_id)}

    control = control_of(request)
    changed = await control.write("admin", "account changed", work)
    control.publisher.core.want()
    return answer(changed)


@admin
async def list_keys(request: Request) -> Response:
    """Keys with their own limits, oldest first, a page at a time.

    ``?account=`` for those of one account; ``?after=`` the last key of the page before.
    """
    wanted, after = request.query_params.get("account"), request.query_params.get("after")

    def work(connection: Connection) -> list[dict[str, Any]]:
        tree = accounts.tree(connection)
        account_id = tree.find(wanted) if wanted else None
        now_ns = time.time_ns()
        rows = []
        for key in keys.page(connection, account_id, after, _KEYS_SHOWN + 1):
            own = limits.of_scope(connection, f"key:{key.key_id}")
            shown = [limit_row(connection, stored, now_ns) for stored in own]
            rows.append({**_key_row(tree, key), "limits": shown})
        return rows

    rows = await control_of(request).read(work)
    return listed(rows[:_KEYS_SHOWN], has_more=len(rows) > _KEYS_SHOWN)


@admin
async def add_key(request: Request) -> Response:
    """Makes a key; its secret is shown in this answer and never again."""
    wanted = await body_of(request, _NewKey)
    secret = new_key()
    expires = wanted.expires_at
    if expires is not None and expires.timestamp() <= time.time():
        raise InvalidRequest("expires_at lies in the past", param="expires_at")

    def work(connection: Connection, change: Change) -> dict[str, Any]:
        tree = accounts.tree(connection)
        account_id = tree.find(wanted.account)
        new = keys.NewKey(
            hash_secret(secret.encode()),
            hint_of(secret),
            account_id,
            wanted.name,
            wanted.task,
            int(expires.timestamp()) * 10**9 if expires is not None else None,
        )
        key_id = keys.add(connection, change, new)
        _limits_of_file(connection, change, control.config, (tree.path(account_id), key_id, new))
        return _key_row(tree, keys.find(connection, by_id=key_id)[0])

    control = control_of(request)
    made = await control.write("admin", "key added", work)
    control.publisher.keys.want()
    # So that the key holds at every worker when its owner reads it; a worker that is late will.
    await control.publisher.settled(control.publisher.keys, _TAKEN_UP_WITHIN_S)
    return answer({**made, "secret": secret}, 201)


@admin
async def revoke_key(request: Request) -> Response:
    """Revokes a key by its id, its name or the beginning of its secret."""
    wanted = request.path_params["key"]

    def work(connection: Connection, change: Change) -> list[keys.StoredKey]:
        found = keys.matching(connection, wanted)
        if len(found) != 1:
            problem = "no live key" if not found else f"{len(found)} live keys"
            code = "key_ambiguous" if found else "key_not_found"
            raise InvalidRequest(f"{problem} {wanted[:16]!r}; give its id", code=code)
        keys.revoke(connection, change, found[0], API)
        return found

    control = control_of(request)
    revoked = await control.write("admin", "key revoked", work)
    control.publisher.revoke([key.secret_hash for key in revoked])
    return answer({"revoked": [key.key_id for key in revoked]})


@admin
async def put_limits(request: Request) -> Response:
    """Sets the limits of an account or a key that the file does not manage."""
    wanted = await body_of(request, _Limits)
    kind, identity = request.path_params["kind"], request.path_params["identity"]
    try:
        checked = tuple(WantedLimit(**limit.model_dump()) for limit in wanted.limits)
    except ValueError as error:
        raise InvalidRequest(str(error).partition("\n")[2].strip() or str(error)) from None
    terms = limit_terms(checked)
    if len({t.currency for t in terms if t.unit is Unit.MONEY}) > 1:
        raise InvalidRequest("one currency for all money limits of an account or key")

    def work(connection: Connection, change: Change) -> tuple[str, list[dict[str, Any]]]:
        scope = _scope(connection, kind, identity)
        limits.replace(connection, change, scope, terms, API)
        stored = limits.of_scope(connection, scope)
        return scope, [limit_row(connection, s, change.at_ns) for s in stored]

    control = control_of(request)
    scope, rows = await control.write("admin", "limits changed", work)
    control.links.broadcast("trim", scope)
    round_ = control.publisher.core if kind == "accounts" else control.publisher.keys
    round_.want()
    return listed(rows, scope=scope)


def limit_row(connection: Connection, stored: StoredLimit, now_ns: int) -> dict[str, Any]:
    """A limit for people and programs, with how far it is used in its present window."""
    limit = stored.limit
    is_money = limit.unit is Unit.MONEY
    row: dict[str, Any] = {
        "id": limit.limit_id,
        "scope": limit.scope,
        "unit": limit.unit.value,
        "amount": format_pico(limit.amount) if is_money else limit.amount,
        "currency": limit.currency,
        "period": limit.period.value,
        "zone": limit.zone,
        "is_hard": limit.is_hard,
        "text": describe(limit),
        "managed_by": stored.managed_by,
    }
    if is_money:
        try:
            used, held = room_of(connection, limit, now_ns)
            row |= {"used": format_pico(used), "reserved": format_pico(held)}
        except RateMissing as error:
            row["problem"] = error.message
    return row


def _limits_of_file(
    connection: Connection, change: Change, config: Any, made: tuple[str, str, keys.NewKey]
) -> None:
    """Gives a new key the limits that the file holds ready for its name."""
    path, key_id, new = made
    waiting = config.keys.get(new.name) if config is not None else None
    if waiting is not None and waiting.account == path:
        terms = limit_terms(waiting.limits)
        limits.replace(connection, change, f"key:{key_id}", terms, "file")


def _key_row(tree: accounts.Tree, key: keys.StoredKey) -> dict[str, Any]:
    def shown(at_ns: int | None) -> datetime | None:
        return instant_of(at_ns) if at_ns is not None else None

    is_known = key.account_id in tree.by_id
    return {
        "id": key.key_id,
        "hint": key.hint,
        "name": key.name,
        "account": tree.path(key.account_id) if is_known else key.account_id,
        "account_id": key.account_id,
        "task": key.task,
        "managed_by": key.managed_by,
        "created_at": shown(key.created_at_ns),
        "expires_at": shown(key.expires_at_ns),
        "revoked_at": shown(key.revoked_at_ns),
    }


def _scope(connection: Connection, kind: str, identity: str) -> str:
    if kind == "accounts":
        return f"account:{accounts.tree(connection).find(identity)}"
    found = keys.matching(connection, identity)
    if len(found) != 1:
        raise InvalidRequest(f"no live key {identity[:16]!r}", code="key_not_found")
    return f"key:{found[0].key_id}"


def _check_name(name: str) -> None:
    try:
        Account("", None, name, instant_of(0))
    except ValueError as error:
        raise InvalidRequest(str(error), param="name") from error


routes = [
    Route("/api/accounts", list_accounts),
    Route("/api/accounts", add_account, methods=["POST"]),
    Route("/api/{kind:str}/{identity:path}/limits", put_limits, methods=["PUT"]),
    Route("/api/accounts/{account:path}", change_account, methods=["PATCH"]),
    Route("/api/keys", list_keys),
    Route("/api/keys", add_key, methods=["POST"]),
    Route("/api/keys/{key}", revoke_key, methods=["DELETE"]),
]
