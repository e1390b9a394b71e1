"""Exchange rates, append-only, and with which of them a day was reported.

A rate is recorded when it is first used, so that a figure that somebody has seen comes out the same
when the published list is renewed. Rates of the user's own come before the bank's of the same day;
when they arrive later, the days that they reach are free to be reported anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, case, delete, func, or_, select
from sqlalchemy.dialects.sqlite import insert

from steelyard.domain.instants import instant_ns, instant_of
from steelyard.domain.rates import ExchangeRate
from steelyard.store.schema import exchange_days, exchange_rates

_EPOCH = date(1970, 1, 1)
_IDS_MAX = 500
"""Ids in one question; SQLite takes no more than some thousand parameters."""
_OWN = "csv-%"
_TURNED = "%-inverse"
"""Recorded for the days that were reported with it; what it was turned round from is corrected
without it."""

DayRate = tuple[date, ExchangeRate]
"""A booking day (UTC) and the rate at which it was reported."""


def add(connection: Connection, found: Iterable[ExchangeRate], at_ns: int = 0) -> int:
    """Records the rates whose id is new; returns how many. ``at_ns`` is now, UTC."""
    wanted = {rate.rate_id: rate for rate in found}
    known = known_ids(connection, wanted)
    rows = [
        {
            "rate_id": rate.rate_id,
            "base": rate.base,
            "quote": rate.quote,
            "numerator": str(rate.value.numerator),
            "denominator": str(rate.value.denominator),
            "as_of_ns": instant_ns(rate.as_of),
            "source": rate.source,
            "recorded_at_ns": at_ns,
        }
        for rate in wanted.values()
        if rate.rate_id not in known
    ]
    if rows:
        connection.execute(insert(exchange_rates), rows)
    return len(rows)


def known_ids(connection: Connection, rate_ids: Iterable[str]) -> set[str]:
    """Those of the ids that are recorded."""
    wanted, found = list(rate_ids), set[str]()
    for begin in range(0, len(wanted), _IDS_MAX):
        some = exchange_rates.c.rate_id.in_(wanted[begin : begin + _IDS_MAX])
        found |= set(connection.scalars(select(exchange_rates.c.rate_id).where(some)))
    return found


def newest(connection: Connection, base: str, quote: str, at_ns: int) -> ExchangeRate | None:
    """The newest rate of the pair that held at ``at_ns``, for limits and for comparing offers.

    Of one day the user's own comes first.
    """
    own_first = case((exchange_rates.c.rate_id.like(_OWN), 0), else_=1)
    query = (
        select(exchange_rates)
        .where(
            exchange_rates.c.base == base,
            exchange_rates.c.quote == quote,
            exchange_rates.c.as_of_ns <= at_ns,
            exchange_rates.c.rate_id.notlike(_TURNED),
        )
        .order_by(
            exchange_rates.c.as_of_ns.desc(),
            own_first,
            exchange_rates.c.recorded_at_ns.desc(),
            exchange_rates.c.rate_id,
        )
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else _rate(row)


def recorded(
    connection: Connection, base: str = "", quote: str = "", since: date | None = None
) -> list[ExchangeRate]:
    """All rates, or those of a pair or since a day, in the order in which they were recorded."""
    query = select(exchange_rates).order_by(
        exchange_rates.c.recorded_at_ns, exchange_rates.c.as_of_ns, exchange_rates.c.rate_id
    )
    if base:
        query = query.where(exchange_rates.c.base == base)
    if quote:
        query = query.where(exchange_rates.c.quote == quote)
    if since is not None:
        query = query.where(exchange_rates.c.as_of_ns >= _day_number(since) * 86_400 * 10**9)
    return [_rate(row) for row in connection.execute(query)]


def fixed(connection: Connection) -> list[DayRate]:
    """The days that were reported, each with its rate."""
    query = select(exchange_days.c.day, exchange_rates).join_from(exchange_days, exchange_rates)
    return [(_EPOCH + timedelta(days=row.day), _rate(row)) for row in connection.execute(query)]


def fix(connection: Connection, reported: Iterable[DayRate], at_ns: int) -> int:
    """Records rates and that these days were reported with them; returns how many were not yet."""
    found = list(reported)
    add(connection, (rate for _, rate in found), at_ns)
    count = 0
    for day, rate in found:
        statement = insert(exchange_days).values(
            day=_day_number(day), base=rate.base, quote=rate.quote, rate_id=rate.rate_id
        )
        count += connection.execute(statement.on_conflict_do_nothing()).rowcount
    return count


def release(connection: Connection, base: str, quote: str, days: tuple[date, date]) -> int:
    """Frees the days from the first to the last, in both directions of a pair; returns how many."""
    first, last = map(_day_number, days)
    statement = delete(exchange_days).where(
        exchange_days.c.day.between(first, last),
        or_(
            (exchange_days.c.base == base) & (exchange_days.c.quote == quote),
            (exchange_days.c.base == quote) & (exchange_days.c.quote == base),
        ),
    )
    return connection.execute(statement).rowcount


def count_fixed(connection: Connection, base: str, quote: str, days: tuple[date, date]) -> int:
    """How many days ``release`` would free."""
    first, last = map(_day_number, days)
    query = select(func.count()).where(
        exchange_days.c.day.between(first, last),
        exchange_days.c.base.in_([base, quote]),
        exchange_days.c.quote.in_([base, quote]),
    )
    return int(connection.scalar(query) or 0)


def _day_number(day: date) -> int:
    return (day - _EPOCH).days


def _rate(row: Any) -> ExchangeRate:
    value = Fraction(int(row.numerator), int(row.denominator))
    as_of = instant_of(row.as_of_ns)
    return ExchangeRate(row.rate_id, row.base, row.quote, value, as_of, row.source)
