"""Accounts and keys from another gateway, taken in batches; see ``control.moving``."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.config.model import Limit
from steelyard.control.api.web import Body, admin, answer, body_of, control_of
from steelyard.control.configuration.resolve import limit_terms
from steelyard.domain.accounts import OWN_ACCOUNTS, Account
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.instants import instant_ns, instant_of
from steelyard.store import batches, objects
from steelyard.store.batches import MovedKey, NewAccount
from steelyard.store.revisions import Change

_USUAL_POLICIES = {"", "default"}


class _Account(Body):
    path: str = Field(max_length=1024)
    policy: str = ""
    limits: list[Limit] = []


class _Key(Body):
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    hint: str = Field("", max_length=16)
    account: str
    name: str = Field(min_length=1, max_length=64)
    expires_at: AwareDatetime | None = None
    is_revoked: bool = False
    limits: list[Limit] = []


class _Batch(Body):
    source: str = Field(pattern="^[a-z0-9-]{1,32}$")
    accounts: list[_Account] = []
    keys: list[_Key] = []


@admin
async def take(request: Request) -> Response:
    """Takes accounts and keys that were made elsewhere; what is there already stays as it is.

    Keys come as the SHA-256 of their secret, so that nobody has to know it.
    """
    wanted = await body_of(request, _Batch)
    accounts = [_new_account(account) for account in wanted.accounts]
    keys = [_moved_key(key) for key in wanted.keys]

    def work(connection: Connection, change: Change) -> dict[str, Any]:
        _check_policies(connection, {account.policy for account in accounts})
        made = batches.add_accounts(connection, change, accounts)
        added = batches.add_keys(connection, change, keys)
        return {"accounts": len(made), "keys": len(added), "keys_known": len(keys) - len(added)}

    control = control_of(request)
    taken = await control.write("admin", f"moved in from {wanted.source}", work)
    if taken["accounts"]:
        control.publisher.core.want()
    if taken["keys"]:
        control.publisher.keys.want()
    return answer(taken)


def _new_account(account: _Account) -> NewAccount:
    if account.path in OWN_ACCOUNTS:
        raise InvalidRequest(f"{account.path} is an account of steelyard's own.", param="path")
    for name in account.path.split("/"):
        try:
            Account("", None, name, instant_of(0))
        except ValueError as error:
            raise InvalidRequest(str(error), param="path") from error
    return NewAccount(account.path, account.policy, tuple(limit_terms(tuple(account.limits))))


def _moved_key(key: _Key) -> MovedKey:
    return MovedKey(
        bytes.fromhex(key.hash),
        key.hint,
        key.account,
        key.name,
        instant_ns(key.expires_at) if key.expires_at is not None else None,
        key.is_revoked,
        tuple(limit_terms(tuple(key.limits))),
    )


def _check_policies(connection: Connection, wanted: set[str]) -> None:
    missing = wanted - _USUAL_POLICIES - set(objects.current(connection, "policy"))
    if missing:
        raise InvalidRequest(f"no policy is called {min(missing)!r}", param="policy")


routes = [Route("/api/moving", take, methods=["POST"])]
