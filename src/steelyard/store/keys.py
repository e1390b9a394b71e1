"""Virtual keys: only their hashes. A key is never deleted, since the ledger names it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Row,
    Select,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from steelyard.domain.budgets import Limit
from steelyard.domain.errors import InvalidRequest
from steelyard.store.accounts import account_id as account_id_of
from steelyard.store.accounts import number as account_number
from steelyard.store.limits import from_row
from steelyard.store.objects import refuse_foreign
from steelyard.store.revisions import Change, note
from steelyard.store.schema import API, FILE, keys, limits

_PREFIX = "key_"
_STREAM_ROWS = 5_000
_NO_MORE: tuple[int, Iterator[Any]] = (0, iter(()))


class StoredKey(NamedTuple):
    """A key's row; the secret itself is nowhere."""

    key_id: str
    secret_hash: bytes
    hint: str
    account_id: str
    name: str
    task: str
    managed_by: str
    created_at_ns: int
    expires_at_ns: int | None
    revoked_at_ns: int | None


class LiveKey(NamedTuple):
    """What of a key the gateway needs, in the order of the table's columns."""

    secret_hash: bytes
    key_number: int
    account_number: int
    name: str
    task: str
    expires_at_ns: int | None


class NewKey(NamedTuple):
    """What a key is made of."""

    secret_hash: bytes
    hint: str
    account_id: str
    name: str
    task: str = ""
    expires_at_ns: int | None = None
    managed_by: str = API


def add(connection: Connection, change: Change, key: NewKey) -> str:
    """The new key's id.

    Raises:
        InvalidRequest: a key with this secret exists, or its account has one of that name.
    """
    for existing in find(connection, secret_hash=key.secret_hash):
        raise InvalidRequest(f"this secret is key {existing.key_id} already", code="key_exists")
    live = find(connection, account_id=key.account_id, name=key.name)
    if any(other.revoked_at_ns is None for other in live):
        raise InvalidRequest(f"the account has a key {key.name!r} already", code="key_exists")
    values = key._asdict()
    values["account_number"] = account_number(values.pop("account_id"))
    row = connection.execute(
        insert(keys).values(**values, created_at_ns=change.at_ns).returning(keys.c.key_number)
    )
    made = key_id(row.scalar_one())
    note(connection, change, "add", f"key/{made}", name=key.name, account=key.account_id)
    return made


def find(
    connection: Connection,
    *,
    secret_hash: bytes | None = None,
    account_id: str | None = None,
    name: str | None = None,
    by_id: str | None = None,
) -> list[StoredKey]:
    """Keys that match all that is given, revoked ones too, oldest first."""
    query = _matching(secret_hash, account_id, name)
    if by_id is not None:
        query = query.where(keys.c.key_number == number(by_id))
    return [_stored(row) for row in connection.execute(query)]


def page(
    connection: Connection, account_id: str | None, after: str | None, count: int
) -> list[StoredKey]:
    """At most ``count`` keys behind the key ``after``, oldest first; there may be a million."""
    query = _matching(None, account_id, None).limit(count)
    if after is not None:
        query = query.where(keys.c.key_number > number(after))
    return [_stored(row) for row in connection.execute(query)]


def _matching(secret_hash: bytes | None, account_id: str | None, name: str | None) -> Select[Any]:
    query = select(keys).order_by(keys.c.key_number)
    if secret_hash is not None:
        query = query.where(keys.c.secret_hash == secret_hash)
    if account_id is not None:
        query = query.where(keys.c.account_number == account_number(account_id))
    if name is not None:
        query = query.where(keys.c.name == name)
    return query


def revoke(connection: Connection, change: Change, key: StoredKey, managed_by: str) -> bool:
    """Ends a key at once; returns whether it still held.

    Raises:
        Forbidden: the file manages it.
    """
    if key.revoked_at_ns is not None:
        return False
    refuse_foreign(f"key {key.name}", key.managed_by, managed_by)
    connection.execute(
        update(keys)
        .where(keys.c.key_number == number(key.key_id))
        .values(revoked_at_ns=change.at_ns)
    )
    note(connection, change, "revoke", f"key/{key.key_id}", name=key.name)
    return True


def set_task(connection: Connection, change: Change, key: StoredKey, task: str) -> None:
    """Sets the task that is assumed for the key's calls."""
    connection.execute(
        update(keys).where(keys.c.key_number == number(key.key_id)).values(task=task)
    )
    note(connection, change, "change", f"key/{key.key_id}", task=task)


def count_live(connection: Connection) -> int:
    """Keys that are not revoked."""
    query = select(func.count()).select_from(keys).where(keys.c.revoked_at_ns.is_(None))
    return int(connection.scalar(query) or 0)


def revoked_since(connection: Connection, at_ns: int) -> list[bytes]:
    """Hashes of keys revoked at ``at_ns`` or later."""
    query = select(keys.c.secret_hash).where(keys.c.revoked_at_ns >= at_ns)
    return [row.secret_hash for row in connection.execute(query)]


def live_with_limits(
    connection: Connection, now_ns: int
) -> Iterator[tuple[LiveKey, tuple[Limit, ...]]]:
    """All keys that hold at ``now_ns`` with their own limits, by hash, in bounded memory.

    Two streams in the same order, merged: a join would carry ten empty columns past a million keys.
    """
    is_live = keys.c.revoked_at_ns.is_(None) & or_(
        keys.c.expires_at_ns.is_(None), keys.c.expires_at_ns > now_ns
    )
    columns = (keys.c[name] for name in LiveKey._fields)
    every = select(*columns).where(is_live).order_by(keys.c.secret_hash)
    limited = (
        select(limits)
        .join(keys, limits.c.key_number == keys.c.key_number)
        .where(is_live, limits.c.retired_at_ns.is_(None))
        # With the plus, SQLite sorts the few limits and does not walk a million keys.
        .order_by(text("+keys.secret_hash"), limits.c.limit_id)
    )
    with connection.execution_options(yield_per=_STREAM_ROWS).execute(limited) as limit_rows:
        waiting = groupby(limit_rows, key=lambda row: row.key_number)
        next_number, next_rows = next(waiting, _NO_MORE)
        streamed = connection.execution_options(yield_per=_STREAM_ROWS).execute(every)
        for key in map(LiveKey._make, streamed):
            if key.key_number != next_number:
                yield key, ()
                continue
            yield key, tuple(from_row(row) for row in next_rows)
            next_number, next_rows = next(waiting, _NO_MORE)


def key_id(key_number: int) -> str:
    """The immutable id as people and the ledger see it."""
    return f"{_PREFIX}{key_number}"


def number(of: str) -> int:
    """The row number behind an id.

    Raises:
        InvalidRequest: the text is no key id.
    """
    digits = of.removeprefix(_PREFIX)
    if not of.startswith(_PREFIX) or not digits.isascii() or not digits.isdecimal():
        raise InvalidRequest(f"no key id: {of[:64]!r}", code="key_not_found")
    return int(digits)


def _stored(row: Row[Any]) -> StoredKey:
    values = tuple(row)
    number_, secret_hash, hint, account, name, task, managed_by, created, expires, revoked = values
    return StoredKey(
        key_id(number_),
        bytes(secret_hash),
        hint,
        account_id_of(account),
        name,
        task,
        managed_by,
        created,
        expires,
        revoked,
    )


def managed_by_file(connection: Connection) -> list[StoredKey]:
    """Keys whose secret the file gives, if they still hold."""
    query = select(keys).where(keys.c.managed_by == FILE, keys.c.revoked_at_ns.is_(None))
    return [_stored(row) for row in connection.execute(query)]


def matching(connection: Connection, wanted: str) -> list[StoredKey]:
    """Live keys with this id, this name or a hint that ``wanted`` begins with."""
    query = select(keys).where(keys.c.revoked_at_ns.is_(None))
    if wanted.startswith(_PREFIX) and wanted.removeprefix(_PREFIX).isdecimal():
        query = query.where(keys.c.key_number == number(wanted))
    else:
        is_hint = keys.c.hint == wanted[:7] + "…"
        query = query.where(or_(keys.c.name == wanted, is_hint))
    return [_stored(row) for row in connection.execute(query.order_by(keys.c.key_number))]
