"""Rates of offers, append-only: what was recorded first is never edited.

A row says: from ``valid_from`` on, this offer's item costs so much (or has no price). A row that
was recorded later supersedes all earlier rows from its own ``valid_from`` on; what held before
that instant stays as it was, so an old bill can be computed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select
from sqlalchemy import Row as RowOfRate

from steelyard.domain.instants import instant_of
from steelyard.domain.rates import Rate
from steelyard.store.revisions import Change, note
from steelyard.store.schema import rates


class Terms(NamedTuple):
    """A price of one item from an instant on."""

    valid_from_ns: int
    """UTC; 0 stands for "from when it is recorded"."""
    amount: Fraction | None
    """Price of one unit in ``currency``; None: no price from here on."""
    currency: str = ""
    unit: str = "mtok"
    source: str = ""


class _Row(NamedTuple):
    rate_id: str
    terms: Terms


def record(
    connection: Connection, change: Change, offer: str, wanted: Mapping[str, Iterable[Terms]]
) -> bool:
    """Makes ``wanted`` (by item) the offer's prices from now on; returns whether that is news.

    An offer's first prices may begin in the past, since nothing can have been booked without them;
    later ones begin now at the earliest, those of further items too: what had no price of its own
    was priced by its parent until now.
    """
    before = _timelines(connection, offer).get(offer, {})
    is_changed = False
    for item in sorted({*before, *wanted}):
        old = before.get(item, [])
        new = sorted(terms for terms in wanted.get(item, ()))
        new = [t if t.valid_from_ns else t._replace(valid_from_ns=change.at_ns) for t in new]
        if before:
            # What is in the past has been billed by, so only from now on may anything change.
            new = _from(new, change.at_ns)
            new = new or ([Terms(change.at_ns, None)] if old else [])
            if _said(_from([row.terms for row in old], change.at_ns)) == _said(new):
                continue
        for terms in new:
            _insert(connection, change, offer, item, terms)
            is_changed = True
    if is_changed:
        note(connection, change, "rates", f"offer/{offer}")
    return is_changed


def of_offers(connection: Connection, offer: str | None = None) -> dict[str, tuple[Rate, ...]]:
    """All rates by offer, or those of one, each with the instant at which the next one took over.

    Past ones are included; a bill of any day can be computed from them.
    """
    found: dict[str, tuple[Rate, ...]] = {}
    for name, items in _timelines(connection, offer).items():
        found[name] = tuple(
            _rate(item, row, following)
            for item, rows in items.items()
            for row, following in pairwise([*rows, None])
            if row is not None and row.terms.amount is not None
        )
    return found


def by_ids(connection: Connection, ids: Iterable[str]) -> dict[str, Rate]:
    """Rates as they were recorded, by id; ids of other makes are left out."""
    numbers = [int(of_id[1:]) for of_id in ids if of_id[:1] == "r" and of_id[1:].isdecimal()]
    query = select(rates).where(rates.c.rate_number.in_(numbers), rates.c.numerator.is_not(None))
    found = [(row.item, _row(row)) for row in connection.execute(query)]
    return {row.rate_id: _rate(item, row, None) for item, row in found}


def _timelines(connection: Connection, offer: str | None) -> dict[str, dict[str, list[_Row]]]:
    """Rows that (will) hold at some instant, by offer and item, ascending."""
    query = select(rates).order_by(rates.c.rate_number)
    if offer is not None:
        query = query.where(rates.c.offer == offer)
    found: dict[str, dict[str, list[_Row]]] = {}
    for row in connection.execute(query):
        line = found.setdefault(row.offer, {}).setdefault(row.item, [])
        while line and line[-1].terms.valid_from_ns >= row.valid_from_ns:
            line.pop()
        line.append(_row(row))
    return found


def _row(row: RowOfRate[Any]) -> _Row:
    amount = None
    if row.numerator is not None:
        amount = Fraction(int(row.numerator), int(row.denominator))
    terms = Terms(row.valid_from_ns, amount, row.currency, row.unit, row.source)
    return _Row(f"r{row.rate_number}", terms)


def _from(terms: list[Terms], at_ns: int) -> list[Terms]:
    """The part of an ascending timeline at and after ``at_ns``."""
    past = [t for t in terms if t.valid_from_ns <= at_ns]
    future = [t for t in terms if t.valid_from_ns > at_ns]
    return [*(t._replace(valid_from_ns=at_ns) for t in past[-1:]), *future]


def _said(terms: list[Terms]) -> list[tuple[object, ...]]:
    """What a timeline says about money; where it was read may change without a new rate."""
    return [
        (t.valid_from_ns, t.amount, t.amount is not None and (t.currency, t.unit)) for t in terms
    ]


def _insert(connection: Connection, change: Change, offer: str, item: str, terms: Terms) -> None:
    amount = terms.amount
    connection.execute(
        insert(rates).values(
            offer=offer,
            item=item,
            numerator=str(amount.numerator) if amount is not None else None,
            denominator=str(amount.denominator) if amount is not None else None,
            currency=terms.currency,
            unit=terms.unit,
            valid_from_ns=terms.valid_from_ns,
            recorded_at_ns=change.at_ns,
            source=terms.source,
        )
    )


def _rate(item: str, row: _Row, following: _Row | None) -> Rate:
    terms = row.terms
    assert terms.amount is not None  # noqa: S101 - the caller leaves out what has no price
    return Rate(
        rate_id=row.rate_id,
        item=item,
        amount=terms.amount,
        currency=terms.currency,
        unit=terms.unit,
        valid_from=instant_of(terms.valid_from_ns),
        valid_to=instant_of(following.terms.valid_from_ns) if following else None,
        source=terms.source,
    )
