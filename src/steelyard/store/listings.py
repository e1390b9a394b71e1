"""What price lists said, append-only: lists that were taken over, their rates and their facts.

A row says: this source lists this item under this condition from ``valid_from`` on at so much, or
(without an amount) that it no longer lists it from that day. Of rows for one instant the one that
was recorded last holds; a row that begins later lies upon the one before it. Nothing is ever
edited, so whatever a bill was computed with can be looked up by its id.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import groupby, islice, zip_longest
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update

from steelyard.domain.conditions import ALWAYS, Condition, deciding, from_plain, to_plain
from steelyard.domain.instants import instant_ns, instant_of
from steelyard.domain.listings import Fact, ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.store.list_rows import COLUMNS, ListRow
from steelyard.store.revisions import Change, note
from steelyard.store.schema import facts as facts_table
from steelyard.store.schema import list_rates, lists

_CHUNK = 5_000
"""Rows that go to the database together."""
_IDS_AT_ONCE = 500
_COLUMNS = tuple(column.name for column in list_rates.columns if not column.primary_key)
_INSERT = (
    f"INSERT INTO {list_rates.name} ({', '.join(_COLUMNS)})"  # noqa: S608 - names of our own
    f" VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_ns = lru_cache(maxsize=4096)(instant_ns)
_instant = lru_cache(maxsize=4096)(instant_of)
"""The same few days stand on all lines of a list."""
_listing = lru_cache(maxsize=4096)(Listing)


class Source(NamedTuple):
    """A list as it came."""

    origin: str
    """One of ``domain.listings.SOURCES``."""
    name: str
    """The file's name."""
    digest: str
    """SHA-256 of its bytes, hexadecimal."""
    detail: str = ""
    """Anything else about it, such as the date of an update."""


class NewRate(NamedTuple):
    """A line to be recorded."""

    line: ListedRate
    corrects: str = ""
    """Id of the rate that it takes the place of, where that held in the past."""
    is_retracted: bool = False
    """Whether the line shall be gone, as though it had never stood there."""
    event_number: int | None = None


class Recorded(NamedTuple):
    """What a list added."""

    list_number: int
    rates: int
    """Rows of rates, retractions included."""
    facts: int


class StoredList(NamedTuple):
    """A list that was taken over."""

    list_number: int
    origin: str
    name: str
    digest: str
    at_ns: int
    """UTC, nanoseconds."""
    actor: str
    lines: int
    """Rows of rates that it added."""
    detail: str
    facts: int
    """Facts that it told."""


def record(
    connection: Connection,
    change: Change,
    source: Source,
    rates: Iterable[NewRate],
    facts: Iterable[Fact] = (),
) -> Recorded:
    """Appends a list with all its rows; whoever holds the connection decides whether it stays.

    Facts of a list stand in for those of the list of the same origin and name before it.
    """
    number = begin(connection, change, source)
    return add(connection, change, number, rates, facts)


def begin(connection: Connection, change: Change, source: Source) -> int:
    """Appends a list without rows; returns its number."""
    row = connection.execute(
        insert(lists)
        .values(**source._asdict(), at_ns=change.at_ns, actor=change.actor, lines=0)
        .returning(lists.c.list_number)
    )
    return int(row.scalar_one())


def add(
    connection: Connection,
    change: Change,
    list_number: int,
    rates: Iterable[NewRate],
    facts: Iterable[Fact] = (),
) -> Recorded:
    """Appends the rows of a list that ``begin`` made."""
    source = connection.execute(select(lists).where(lists.c.list_number == list_number)).one()
    before = _newest_rate(connection)
    base = (list_number, source.origin, change.at_ns)
    rows = (_rate_row(new, base) for new in rates)
    # One statement in the driver's own words: a list may have a million lines.
    while chunk := list(islice(rows, _CHUNK)):
        connection.exec_driver_sql(_INSERT, chunk)
    fact_rows = [_fact_row(fact, list_number, change.at_ns) for fact in facts]
    if fact_rows:
        connection.execute(insert(facts_table), fact_rows)
    found = Recorded(list_number, _newest_rate(connection) - before, len(fact_rows))
    counted = update(lists).where(lists.c.list_number == list_number).values(lines=found.rates)
    connection.execute(counted)
    subject = f"prices/{source.origin}/{source.name}"
    note(connection, change, "import", subject, rates=found.rates, facts=found.facts)
    return found


def all_lists(connection: Connection, origin: str | None = None) -> list[StoredList]:
    """The lists that were taken over, or those of one origin, the newest first."""
    told = select(func.count()).where(facts_table.c.list_number == lists.c.list_number)
    query = select(lists, told.scalar_subquery()).order_by(lists.c.list_number.desc())
    if origin is not None:
        query = query.where(lists.c.origin == origin)
    return [StoredList(*row) for row in connection.execute(query)]


def has_list(connection: Connection, origin: str, digest: str) -> bool:
    """Whether a list of exactly these bytes was ever taken over from the origin."""
    query = select(lists.c.list_number).where(lists.c.origin == origin, lists.c.digest == digest)
    return connection.execute(query.limit(1)).first() is not None


def newest_number(connection: Connection) -> int:
    """The number of the last list; 0 when there is none."""
    return int(connection.scalar(select(func.max(lists.c.list_number))) or 0)


def newest_list(connection: Connection, origin: str, name: str | None = None) -> Source | None:
    """The list that was taken over last from the origin, or under the name."""
    query = select(lists).where(lists.c.origin == origin).order_by(lists.c.list_number.desc())
    if name is not None:
        query = query.where(lists.c.name == name)
    row = connection.execute(query.limit(1)).first()
    return Source(row.origin, row.name, row.digest, row.detail) if row is not None else None


def load(
    connection: Connection,
    vendor: str | None = None,
    model: str | None = None,
    *,
    recorded_before_ns: int | None = None,
    as_recorded: bool = False,
    without: Container[str] = (),
) -> list[ListedRate]:
    """The rates that hold at some instant, by all sources, each with the instant of its end.

    Args:
        connection: The database.
        vendor: Only this vendor's, in any case of letters.
        model: Only this model's, in any case of letters.
        recorded_before_ns: As the book was before this instant (UTC), rather than as it is.
        as_recorded: With the ends that the lists gave, rather than those that follow from the
            lines after them; the prices are the same.
        without: Ids of rows, retractions among them, to read as though they were not recorded.
    """
    query = select(*COLUMNS)
    if vendor is not None:
        query = query.where(list_rates.c.vendor == vendor)
    if model is not None:
        query = query.where(list_rates.c.model == model)
    if recorded_before_ns is not None:
        query = query.where(list_rates.c.recorded_at_ns < recorded_before_ns)
    timelines: dict[tuple[str, ...], dict[int, ListRow]] = {}
    # Sorted here: asked to, SQLite walks the whole table in its order rather than use the index.
    for row in sorted(map(ListRow._make, connection.execute(query)), key=itemgetter(0)):
        if without and rate_id(row.rate_number) in without:
            continue
        key = (
            *(row.origin, row.vendor.casefold(), row.channel, row.model.casefold()),
            *(row.currency, row.item, row.condition),
        )
        timelines.setdefault(key, {})[row.valid_from_ns] = row
    found = []
    for timeline in timelines.values():
        held = [row for _, row in sorted(timeline.items()) if row.numerator is not None]
        for row, following in zip_longest(held, held[1:]):
            found.append(_listed(row, None if as_recorded else following))
    return found


def by_ids(connection: Connection, ids: Iterable[str]) -> dict[str, Rate]:
    """The rates as they were recorded, by id, superseded ones too; for audits of old bills.

    Ids of other makes (those of offers' own rates) are left out.
    """
    return {rate_id: line.rate for rate_id, line in lines_by_ids(connection, ids).items()}


def lines_by_ids(connection: Connection, ids: Iterable[str]) -> dict[str, ListedRate]:
    """The same with all that their lines say."""
    numbers = sorted({int(rate_id[1:]) for rate_id in ids if _is_id(rate_id)})
    found = {}
    for begin in range(0, len(numbers), _IDS_AT_ONCE):
        some = numbers[begin : begin + _IDS_AT_ONCE]
        wanted = list_rates.c.rate_number.in_(some), list_rates.c.numerator.is_not(None)
        query = select(*COLUMNS).where(*wanted)
        for row in map(ListRow._make, connection.execute(query)):
            found[rate_id(row.rate_number)] = _listed(row, None)
    return found


def corrected_ids(connection: Connection, list_number: int) -> set[str]:
    """Ids of the rates that a list's corrections took the place of."""
    query = select(list_rates.c.corrects).where(
        list_rates.c.list_number == list_number, list_rates.c.corrects.is_not(None)
    )
    return {rate_id(number) for number in connection.scalars(query)}


def facts(
    connection: Connection, vendor: str | None = None, recorded_before_ns: int | None = None
) -> list[Fact]:
    """The facts of all lists' newest editions, or those about one vendor."""
    query = (
        select(facts_table, lists.c.origin, lists.c.name)
        .join(lists, lists.c.list_number == facts_table.c.list_number)
        .order_by(lists.c.origin, lists.c.name, facts_table.c.list_number.desc())
    )
    if recorded_before_ns is not None:
        query = query.where(facts_table.c.recorded_at_ns < recorded_before_ns)
    rows = connection.execute(query).all()
    found = []
    for _, editions in groupby(rows, key=lambda row: (row.origin, row.name)):
        newest = next(groupby(editions, key=lambda row: row.list_number))[1]
        found += [_fact(row) for row in newest]
    folded = vendor.casefold() if vendor is not None else None
    return [fact for fact in found if folded in (None, fact.vendor.casefold())]


def rate_id(rate_number: int) -> str:
    """The stable id of a listed rate, as settlements hold it."""
    return f"b{rate_number}"


def rate_number(of_id: str) -> int:
    """The row behind an id that ``rate_id`` made.

    Raises:
        ValueError: it did not.
    """
    if not _is_id(of_id):
        raise ValueError(f"{of_id!r} is no listed rate")
    return int(of_id[1:])


def _is_id(text: str) -> bool:
    return text[:1] == "b" and text[1:].isascii() and text[1:].isdigit()


def _newest_rate(connection: Connection) -> int:
    return int(connection.scalar(select(func.max(list_rates.c.rate_number))) or 0)


def _rate_row(new: NewRate, base: tuple[int, str, int]) -> tuple[Any, ...]:
    """The values of ``_COLUMNS``."""
    list_number, origin, recorded_at_ns = base
    line, rate = new.line, new.line.rate
    amount = None if new.is_retracted else rate.amount
    return (
        *(list_number, origin),
        *(line.listing.vendor, line.listing.channel, line.listing.model, rate.currency),
        *(rate.item, *_texts(rate.condition)),
        str(amount.numerator) if amount is not None else None,
        str(amount.denominator) if amount is not None else None,
        *(rate.unit, _ns(rate.valid_from)),
        _ns(rate.valid_to) if rate.valid_to is not None else None,
        *(line.line, line.phrase, rate.source, line.basis, line.note, line.tax),
        _ns(line.read_at) if line.read_at is not None else None,
        recorded_at_ns,
        rate_number(new.corrects) if new.corrects else None,
        new.event_number,
    )


def _listed(row: ListRow, following: ListRow | None) -> ListedRate:
    """The row's line; it ends where the next one begins, if that holds as long as it does.

    Where the next one ends first, as a promotion does, the line holds again after it.
    """
    end_ns = row.valid_to_ns
    if following is not None and (
        following.valid_to_ns is None or (end_ns is not None and end_ns <= following.valid_to_ns)
    ):
        end_ns = following.valid_from_ns if end_ns is None else min(end_ns, following.valid_from_ns)
    rate = Rate(
        rate_id=rate_id(row.rate_number),
        item=row.item,
        amount=_amount(row.numerator, row.denominator),
        currency=row.currency,
        unit=row.unit,
        valid_from=_instant(row.valid_from_ns),
        valid_to=_instant(end_ns) if end_ns is not None else None,
        source=row.evidence,
        condition=_condition(row.condition, row.telling),
    )
    return ListedRate(
        listing=_listing(row.vendor, row.channel, row.model, row.currency),
        rate=rate,
        origin=row.origin,
        line=row.line,
        phrase=row.phrase,
        basis=row.basis,
        note=row.note,
        read_at=_instant(row.read_at_ns) if row.read_at_ns is not None else None,
        tax=row.tax,
        is_correction=row.corrects is not None,
    )


def _fact_row(fact: Fact, list_number: int, recorded_at_ns: int) -> dict[str, Any]:
    return {
        "list_number": list_number,
        "kind": fact.kind,
        "vendor": fact.vendor,
        "channel": fact.channel,
        "model": fact.model,
        "valid_from_ns": _ns(fact.valid_from),
        "valid_to_ns": _ns(fact.valid_to) if fact.valid_to is not None else None,
        "body": _json(fact.body),
        "source": fact.source,
        "recorded_at_ns": recorded_at_ns,
    }


def _fact(row: Row[Any]) -> Fact:
    return Fact(
        kind=row.kind,
        vendor=row.vendor,
        model=row.model,
        valid_from=instant_of(row.valid_from_ns),
        valid_to=instant_of(row.valid_to_ns) if row.valid_to_ns is not None else None,
        body=json.loads(row.body),
        source=row.source,
        channel=row.channel,
    )


@lru_cache(maxsize=4096)
def _texts(condition: Condition) -> tuple[str, str]:
    """What decides, in one form so that equal conditions are equal texts; and what only tells."""
    telling = {"version": condition.version, "remark": condition.remark}
    return (
        _json(to_plain(deciding(condition))),
        _json({name: text for name, text in telling.items() if text}),
    )


@lru_cache(maxsize=4096)
def _condition(deciding_text: str, telling: str) -> Condition:
    if deciding_text == telling == "{}":
        return ALWAYS
    return from_plain({**json.loads(deciding_text), **json.loads(telling)})


@lru_cache(maxsize=4096)
def _amount(numerator: str | None, denominator: str | None) -> Fraction:
    return Fraction(int(numerator or 0), int(denominator or 1))


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
