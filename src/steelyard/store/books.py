"""The books in the control database: cursors, open intents, the manifest of parts, balances.

Amounts are two integer columns, ``whole`` and ``pico`` with 0 <= pico < 10**12, so that sums stay
in SQL and never pass 64 bits. Every function works on a connection of ``Database.read`` or
``Database.write``; the scribe puts all that one batch changes into one ``write``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from steelyard.domain.errors import LeaseConflict
from steelyard.domain.money import PICO
from steelyard.store.schema import metadata

journals = Table(
    "journals",
    metadata,
    Column("incarnation", Integer, primary_key=True, autoincrement=False),
    Column("segment", Integer, nullable=False),
    Column("offset", Integer, nullable=False),
    Column("finished_at_ns", Integer),
)

open_intents = Table(
    "open_intents",
    metadata,
    Column("incarnation", Integer, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("record", LargeBinary, nullable=False),
)

parts = Table(
    "parts",
    metadata,
    Column("part_id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("day", Integer, nullable=False, index=True),
    Column("level", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("called_min_ns", Integer, nullable=False),
    Column("called_max_ns", Integer, nullable=False),
    Column("made_at_ns", Integer, nullable=False),
    Column("replaced_at_ns", Integer),
    sqlite_autoincrement=True,
)

days = Table(
    "days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("closed_at_ns", Integer, nullable=False),
)

balances = Table(
    "balances",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("hour", Integer, primary_key=True),
    Column("currency", Text, primary_key=True),
    *(
        Column(name, Integer, nullable=False)
        for name in ("cost_whole", "cost_pico", "charge_whole", "charge_pico")
    ),
    *(
        Column(name, Integer, nullable=False)
        for name in ("calls", "attempts", "input_tokens", "output_tokens")
    ),
    sqlite_with_rowid=False,
)

findings = Table(
    "findings",
    metadata,
    Column("finding_id", Integer, primary_key=True),
    Column("at_ns", Integer, nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("lease_id", Integer, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("window_begin_ns", Integer, nullable=False),
    Column("window_end_ns", Integer, nullable=False),
    Column("incarnation", Integer, nullable=False, index=True),
    Column("currency", Text, nullable=False),
    Column("granted_whole", Integer, nullable=False),
    Column("granted_pico", Integer, nullable=False),
    Column("consumed_whole", Integer, nullable=False, server_default="0"),
    Column("consumed_pico", Integer, nullable=False, server_default="0"),
    Column("closed_at_ns", Integer),
    sqlite_autoincrement=True,
)
Index(
    "leases_grant",
    *("scope", "unit", "window_begin_ns", "window_end_ns", "incarnation", "currency"),
    unique=True,
    _table=leases,
)

_TAKEN = "journal {:08x} is booked by somebody else, too"

NS_PER_HOUR = 3600 * 10**9
NS_PER_DAY = 24 * NS_PER_HOUR

AttemptKey = tuple[int, int, int]
"""Incarnation, sequence, attempt."""
BalanceKey = tuple[str, int, str]
"""Scope, hour (UTC, hours since 1970), currency."""


class JournalState(NamedTuple):
    """How far a journal has been booked."""

    incarnation: int
    segment: int
    offset: int
    finished_at_ns: int | None = None
    """UTC, when it was sealed, read to its end, and its orphans closed."""


class Part(NamedTuple):
    """One Parquet file that the manifest names."""

    name: str
    day: int
    """Day on which its lines were booked (UTC, days since 1970)."""
    level: int
    """How often its lines were merged into a larger part."""
    rows: int
    bytes: int
    called_min_ns: int
    called_max_ns: int
    made_at_ns: int
    part_id: int = 0


class Sums(NamedTuple):
    """What lines add up to, in one currency; amounts in pico-units."""

    cost_pico: int = 0
    charge_pico: int = 0
    calls: int = 0
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def plus(self, other: Sums) -> Sums:
        """Both together."""
        return Sums(*(a + b for a, b in zip(self, other, strict=True)))


def split(amount: int) -> tuple[int, int]:
    """An amount as the two columns hold it: whole units and 0 <= pico < 10**12."""
    return divmod(amount, PICO)


def join(whole: int, pico: int) -> int:
    """The amount of two columns, or of two columns' sums."""
    return whole * PICO + pico


def journal_states(connection: Connection) -> dict[int, JournalState]:
    """All journals that were ever begun, by incarnation."""
    return {row[0]: JournalState(*row) for row in connection.execute(select(journals))}


def advance(connection: Connection, before: JournalState | None, after: JournalState) -> None:
    """Moves a journal's state on from exactly ``before``; None makes its first.

    Raises:
        LeaseConflict: the state is no longer ``before``: somebody else books this journal.
    """
    if before is None:
        try:
            connection.execute(insert(journals).values(after._asdict()))
        except IntegrityError as error:
            raise LeaseConflict(_TAKEN.format(after.incarnation)) from error
        return
    found = connection.execute(
        update(journals)
        .where(
            journals.c.incarnation == before.incarnation,
            journals.c.segment == before.segment,
            journals.c.offset == before.offset,
        )
        .values(after._asdict())
    )
    if found.rowcount != 1:
        raise LeaseConflict(_TAKEN.format(before.incarnation))


def intents(connection: Connection, incarnation: int) -> Iterator[tuple[AttemptKey, bytes]]:
    """The journal's intents that have been read and whose settlement has not."""
    query = select(open_intents).where(open_intents.c.incarnation == incarnation)
    for row in connection.execute(query):
        yield (row[0], row[1], row[2]), row[3]


def add_intents(connection: Connection, records: Mapping[AttemptKey, bytes]) -> None:
    """Remembers intents whose settlement is still to come."""
    if records:
        names = ("incarnation", "sequence", "attempt", "record")
        rows = [dict(zip(names, (*key, record), strict=True)) for key, record in records.items()]
        connection.execute(insert(open_intents), rows)


def drop_intents(connection: Connection, keys: Iterable[AttemptKey]) -> None:
    """Forgets intents that are settled now."""
    names = ("incarnation", "sequence", "attempt")
    rows = [dict(zip(("i", "s", "a"), key, strict=True)) for key in keys]
    if rows:
        same = (
            open_intents.c[name] == bindparam(short)
            for name, short in zip(names, "isa", strict=True)
        )
        connection.execute(delete(open_intents).where(*same), rows)


def manifest(connection: Connection, since_ns: int = 0, until_ns: int = 2**63 - 1) -> list[Part]:
    """The parts that make up the ledger, those with calls in [since, until) at least, in order."""
    query = (
        select(parts)
        .where(
            parts.c.replaced_at_ns.is_(None),
            parts.c.called_max_ns >= since_ns,
            parts.c.called_min_ns < until_ns,
        )
        .order_by(parts.c.part_id)
    )
    return [_part(row) for row in connection.execute(query)]


def add_part(connection: Connection, part: Part) -> None:
    """Names a part in the manifest; from the commit on its lines are in the ledger."""
    values = part._asdict()
    del values["part_id"]
    connection.execute(insert(parts).values(values))


def replace_parts(connection: Connection, old: Iterable[Part], new: Part) -> None:
    """Swaps parts for the one that holds their lines."""
    ids = [part.part_id for part in old]
    found = connection.execute(
        update(parts)
        .where(parts.c.part_id.in_(ids), parts.c.replaced_at_ns.is_(None))
        .values(replaced_at_ns=new.made_at_ns)
    )
    if found.rowcount != len(ids):
        raise LeaseConflict("the parts were replaced by somebody else, too")
    add_part(connection, new)


def replaced_parts(connection: Connection, before_ns: int) -> list[Part]:
    """Parts replaced before an instant, whose files nobody can be reading any more."""
    query = select(parts).where(parts.c.replaced_at_ns < before_ns)
    return [_part(row) for row in connection.execute(query)]


def part_names(connection: Connection) -> set[str]:
    """Every name that the manifest holds, replaced ones included."""
    return set(connection.scalars(select(parts.c.name)))


def forget_parts(connection: Connection, gone: Iterable[Part]) -> None:
    """Drops the rows of parts whose files are deleted."""
    connection.execute(delete(parts).where(parts.c.part_id.in_([part.part_id for part in gone])))


def closed_days(connection: Connection) -> set[int]:
    """Days to which no line will be added any more."""
    return set(connection.scalars(select(days.c.day)))


def open_instant(closed: Collection[int], now_ns: int) -> int:
    """The instant (UTC, nanoseconds) of lines that are booked now: never on one of ``closed``.

    A clock that was set back must not add to one.
    """
    return max(now_ns, (max(closed, default=-1) + 1) * NS_PER_DAY)


def close_days(connection: Connection, closing: Iterable[int], at_ns: int) -> None:
    """Closes days for good."""
    for day in closing:
        connection.execute(insert(days).values(day=day, closed_at_ns=at_ns))


def add_balances(connection: Connection, added: Mapping[BalanceKey, Sums]) -> None:
    """Adds to the balances, making those that are new."""
    if not added:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new: Any = dialect.insert(balances)
    excluded = new.excluded
    changes: dict[str, ColumnElement[Any]] = {
        name: balances.c[name] + excluded[name]
        for name in ("calls", "attempts", "input_tokens", "output_tokens")
    }
    for amount in ("cost", "charge"):
        changes |= _added(balances, amount, excluded[f"{amount}_whole"], excluded[f"{amount}_pico"])
    upsert = new.on_conflict_do_update(index_elements=list(balances.primary_key), set_=changes)
    rows = []
    for (scope, hour, currency), sums in added.items():
        row: dict[str, object] = {"scope": scope, "hour": hour, "currency": currency}
        row["cost_whole"], row["cost_pico"] = split(sums.cost_pico)
        row["charge_whole"], row["charge_pico"] = split(sums.charge_pico)
        rows.append(row | dict(zip(Sums._fields[2:], sums[2:], strict=True)))
    connection.execute(upsert, rows)


def balance(
    connection: Connection, scope: str, since_ns: int = 0, until_ns: int = 2**63 - 1
) -> dict[str, Sums]:
    """What calls of ``scope`` in the hours of [since, until) add up to, by currency."""
    columns = [func.coalesce(func.sum(column), 0) for column in list(balances.c)[3:]]
    query = (
        select(balances.c.currency, *columns)
        .where(
            balances.c.scope == scope,
            balances.c.hour >= since_ns // NS_PER_HOUR,
            balances.c.hour < -(-until_ns // NS_PER_HOUR),
        )
        .group_by(balances.c.currency)
    )
    return {
        row[0]: Sums(join(row[1], row[2]), join(row[3], row[4]), *map(int, row[5:]))
        for row in connection.execute(query)
    }


def add_finding(
    connection: Connection, at_ns: int, incarnation: int, kind: str, detail: str
) -> None:
    """Writes down what should not have happened; ``detail`` holds nothing secret."""
    connection.execute(
        insert(findings).values(at_ns=at_ns, incarnation=incarnation, kind=kind, detail=detail)
    )


def consume(connection: Connection, used: Mapping[int, int]) -> list[int]:
    """Adds settled use to leases; returns the ids that no lease has.

    Args:
        connection: One that writes.
        used: Amount by lease id: pico-units for money, a count for other units.
    """
    unknown = []
    for lease_id, amount in used.items():
        whole, pico = split(amount)
        changes = _added(leases, "consumed", whole, pico)
        found = connection.execute(
            update(leases).where(leases.c.lease_id == lease_id).values(changes)
        )
        if found.rowcount != 1:
            unknown.append(lease_id)
    return unknown


def _added(table: Table, amount: str, whole: Any, pico: Any) -> dict[str, ColumnElement[Any]]:
    """Assignments that add (whole, pico), both normalised, to an amount's two columns."""
    old_whole, old_pico = table.c[f"{amount}_whole"], table.c[f"{amount}_pico"]
    carry = case((old_pico + pico >= PICO, 1), else_=0)
    return {
        f"{amount}_whole": old_whole + whole + carry,
        f"{amount}_pico": old_pico + pico - carry * PICO,
    }


def _part(row: Row[Any]) -> Part:
    return Part(**{name: row._mapping[name] for name in Part._fields})
