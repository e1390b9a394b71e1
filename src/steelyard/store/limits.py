"""Limits of accounts and keys. A change of amount keeps the id; anything else is a new limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from steelyard.domain.budgets import Limit, Period, Unit
from steelyard.store.revisions import Change, note
from steelyard.store.schema import limits


class Terms(NamedTuple):
    """What a limit says, without its id and owner."""

    unit: Unit
    amount: int
    """Pico-units for money, a count for requests."""
    period: Period
    currency: str = ""
    zone: str = "UTC"
    is_hard: bool = True


class StoredLimit(NamedTuple):
    """A limit that holds, with who manages it and since when."""

    limit: Limit
    managed_by: str
    created_at_ns: int


def of_scope(connection: Connection, scope: str) -> list[StoredLimit]:
    """The limits of ``account:<id>`` or ``key:<id>`` that hold."""
    query = select(limits).where(limits.c.retired_at_ns.is_(None), _column(scope) == _number(scope))
    return [_stored(row) for row in connection.execute(query.order_by(limits.c.limit_id))]


def of_accounts(connection: Connection) -> dict[str, list[StoredLimit]]:
    """All limits of accounts that hold, by scope."""
    query = (
        select(limits)
        .where(limits.c.retired_at_ns.is_(None), limits.c.account_number.is_not(None))
        .order_by(limits.c.limit_id)
    )
    found: dict[str, list[StoredLimit]] = {}
    for row in connection.execute(query):
        stored = _stored(row)
        found.setdefault(stored.limit.scope, []).append(stored)
    return found


def replace(
    connection: Connection,
    change: Change,
    scope: str,
    wanted: Iterable[Terms],
    managed_by: str,
) -> bool:
    """Makes ``wanted`` all limits of ``scope`` that ``managed_by`` manages; True when that is news.

    A limit whose terms but for the amount stand already keeps its id, so that what was consumed
    under it still counts.
    """
    open_rows = [s for s in of_scope(connection, scope) if s.managed_by == managed_by]
    is_changed = False
    for terms in wanted:
        same = next((s for s in open_rows if _kind(s.limit) == _kind(terms)), None)
        if same is None:
            _insert(connection, change, scope, terms, managed_by)
            is_changed = True
            continue
        open_rows.remove(same)
        if (same.limit.amount, same.limit.is_hard) != (terms.amount, terms.is_hard):
            _update(
                connection, same.limit.limit_id, amount=str(terms.amount), is_hard=terms.is_hard
            )
            is_changed = True
    for gone in open_rows:
        _update(connection, gone.limit.limit_id, retired_at_ns=change.at_ns)
        is_changed = True
    if is_changed:
        note(connection, change, "limits", scope)
    return is_changed


def from_row(row: Sequence[Any]) -> Limit:
    """A limit from a row's columns in the table's order."""
    account, key = row[1], row[2]
    return Limit(
        limit_id=row[0],
        scope=f"account:acc_{account}" if account is not None else f"key:key_{key}",
        unit=Unit(row[3]),
        amount=int(row[4]),
        period=Period(row[5]),
        currency=row[6],
        zone=row[7],
        is_hard=bool(row[8]),
    )


def _stored(row: Sequence[Any]) -> StoredLimit:
    return StoredLimit(from_row(row), row[9], row[10])


def _kind(of: Limit | Terms) -> tuple[object, ...]:
    return of.unit, of.period, of.currency, of.zone


def _insert(
    connection: Connection, change: Change, scope: str, terms: Terms, managed_by: str
) -> None:
    values = {**terms._asdict(), "amount": str(terms.amount), _column(scope).name: _number(scope)}
    connection.execute(
        insert(limits).values(**values, managed_by=managed_by, created_at_ns=change.at_ns)
    )


def _update(connection: Connection, limit_id: int, **values: object) -> None:
    connection.execute(update(limits).where(limits.c.limit_id == limit_id).values(**values))


def _column(scope: str) -> Any:
    return limits.c.account_number if scope.startswith("account:") else limits.c.key_number


def _number(scope: str) -> int:
    return int(scope.rpartition("_")[2])


def currencies(connection: Connection) -> set[str]:
    """Currencies of all limits that hold."""
    query = select(limits.c.currency).where(limits.c.retired_at_ns.is_(None)).distinct()
    return {currency for currency in connection.scalars(query) if currency}
