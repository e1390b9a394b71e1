"""The ledger's amounts in one currency: each line at the rate of the day on which it was booked.

A report converts, the ledger does not: lines keep their currency and the exchange rates stored with
them. Every line is rounded half-even at 10**-12 by itself, so that sums are equal however lines are
grouped. DuckDB finds for each group, booking day (UTC) and currency the exact sum and by how much
its lines' roundings change it; the rest is integers in Python. Without a rate an amount stays apart
and is told: it is neither left out unsaid nor counted at an assumed rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from steelyard.domain.money import round_half_even, to_pico
from steelyard.domain.rates import ExchangeRate
from steelyard.pricebook.exchange import BACK_DAYS_MAX, Exchange
from steelyard.store.books import NS_PER_DAY

_EPOCH = date(1970, 1, 1)
BOOKED = f"booked_at_ns // {NS_PER_DAY}"
"""A line's booking day (UTC), counted since 1970."""
_TERM_MAX = 10**12
"""Numerators and denominators stay below it, so that no product leaves 38 digits."""

ROUNDINGS = """
    SELECT *, sign(cost) * (
        CASE WHEN 2 * rest >= 3 * over THEN 2 * over WHEN 2 * rest > over THEN over ELSE 0 END
        - rest
    ) AS rounding
    FROM (
        SELECT *, abs(CASE
            WHEN scaled BETWEEN -999999 AND 999999
            THEN scaled::DECIMAL(18, 12) % (2 * over)::DECIMAL(18, 12)
            ELSE scaled % (2 * over)
        END) AS rest
        FROM (
            SELECT *, cost * times AS scaled
            FROM (SELECT *, {booked} AS booked FROM lines WHERE {condition})
            LEFT JOIN worth USING (currency, booked)
        )
    )
"""
"""The lines with ``rounding``: what rounding half-even adds to cost x numerator of a line.

With c the cost, p and q the rate's terms: the remainder of c p by 2 q says both how far the last
multiple of q is and whether that one is odd, so that a tie goes to the even one. ``over`` is q at
the scale of an amount. Division of 128 bits is 20 times slower than that of 64, which is enough for
nearly every line.
"""


class Into(NamedTuple):
    """Into which currency, at which rates."""

    currency: str
    exchange: Exchange
    back_days_max: int = BACK_DAYS_MAX
    """How many days old a booking day's rate may be."""


class Unconverted(NamedTuple):
    """An amount of a booking day that has no rate."""

    day: date
    currency: str
    cost_pico: int


class Rates(NamedTuple):
    """The rates that some lines need."""

    used: Mapping[tuple[str, int], ExchangeRate]
    """Currency and booking day -> rate; for all days that have one."""
    unconverted: tuple[Unconverted, ...]

    @property
    def days(self) -> list[tuple[date, ExchangeRate]]:
        """The booking days with their rates, in order."""
        return [
            (_EPOCH + timedelta(days=day), self.used[currency, day])
            for currency, day in sorted(self.used)
        ]


class Converted(NamedTuple):
    """The answer to a question in one currency."""

    rows: list[dict[str, Any]]
    """Those of the question, each with ``cost_in_pico`` (None where nothing of it has a rate) and
    ``unconverted_pico``, in the row's own currency."""
    rates: Rates
    total_pico: int
    """Of all lines, each counted once."""


def find_rates(into: Into, sums: Iterable[tuple[str, int, int]]) -> Rates:
    """The rates for amounts of (currency, booking day, cost in pico-units)."""
    used: dict[tuple[str, int], ExchangeRate] = {}
    missing: dict[tuple[date, str], int] = {}
    for currency, day, cost_pico in sums:
        if currency == into.currency or (currency, day) in used:
            continue
        on = _EPOCH + timedelta(days=day)
        rate = into.exchange.rate(currency, into.currency, on, into.back_days_max)
        if rate is not None and max(rate.value.numerator, rate.value.denominator) < _TERM_MAX:
            used[currency, day] = rate
        else:
            missing[on, currency] = missing.get((on, currency), 0) + cost_pico
    return Rates(used, tuple(Unconverted(*key, cost) for key, cost in sorted(missing.items())))


def register(connection: duckdb.DuckDBPyConnection, rates: Rates) -> None:
    """Makes the rates known to ``ROUNDINGS`` as the table ``worth``."""
    terms = [rate.value for rate in rates.used.values()]
    columns = {
        "currency": pa.array([currency for currency, _ in rates.used], pa.string()),
        "booked": pa.array([day for _, day in rates.used], pa.int64()),
        "times": pa.array([Decimal(t.numerator) for t in terms], pa.decimal128(13, 0)),
        "over": pa.array(
            [Decimal(t.denominator).scaleb(-12) for t in terms], pa.decimal128(38, 12)
        ),
    }
    connection.register("worth", pa.table(columns))


def join_days(
    cells: Iterable[Mapping[str, Any]], by: tuple[str, ...], into: Into, rates: Rates
) -> list[dict[str, Any]]:
    """Rows per group and currency from cells that are per booking day, too; the dearest first.

    Every number but the day is added up.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cell in cells:
        key = tuple(cell[name] for name in by)
        inside, outside = _worth(cell, into, rates)
        row = rows.get(key)
        if row is None:
            kept = {name: cell[name] for name in cell if name not in ("booked", "rounding")}
            rows[key] = {**kept, "cost_in_pico": inside, "unconverted_pico": outside}
            continue
        for name, value in cell.items():
            if name not in by and name in row:
                row[name] = (row[name] or 0) + (value or 0)
        row["cost_in_pico"] = _plus(row["cost_in_pico"], inside)
        row["unconverted_pico"] += outside
    return sorted(rows.values(), key=lambda row: _order(row, by))


def convert_line(row: Mapping[str, Any], into: Into, rates: Rates) -> dict[str, Any]:
    """A single line with ``cost_in_pico`` (None without a rate) and the id of its rate."""
    rate = rates.used.get((row["currency"], row["booked_at_ns"] // NS_PER_DAY))
    cost_pico, found = row["cost_pico"], None
    if row["currency"] == into.currency or not cost_pico:
        found = cost_pico
    elif rate is not None:
        found = round_half_even(cost_pico * rate.value.numerator, rate.value.denominator)
    used = rate.rate_id if rate is not None and cost_pico else ""
    return {**row, "cost_in_pico": found, "exchange_id": used}


def _worth(cell: Mapping[str, Any], into: Into, rates: Rates) -> tuple[int | None, int]:
    """What a cell is worth, and what of it has no rate (in its own currency)."""
    cost_pico = cell["cost_pico"]
    if cell["currency"] == into.currency or not cost_pico and not cell["rounding"]:
        return cost_pico, 0
    rate = rates.used.get((cell["currency"], cell["booked"]))
    if rate is None:
        return None, cost_pico
    scaled = cost_pico * rate.value.numerator + to_pico(cell["rounding"] or 0)
    return scaled // rate.value.denominator, 0


def _plus(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def _order(row: Mapping[str, Any], by: tuple[str, ...]) -> tuple[Any, ...]:
    worth = row["cost_in_pico"]
    return (worth is None, -(worth or 0), *(str(row[name]) for name in by))
