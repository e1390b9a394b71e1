"""The ledger's amounts in one currency: each line at the rate of the day on which it was booked.

A report converts, the ledger does not: lines keep their currency and the exchange rates stored with
them. Every line is rounded half-even at 10**-12 by itself, so that sums are equal however lines are
grouped. Without a rate an amount stays apart and is told: it is neither left out unsaid nor counted
at an assumed rate. All of it is decimals and integers, no float.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
_TERM_MAX = 10**10
"""Numerators and denominators of rates stay below it, so that sums of products keep to 38 digits,
even those of a hundred of the largest amounts that the ledger holds."""
_PICO_OF = """
    CREATE TEMP MACRO pico_of(x) AS
    floor(x)::HUGEINT * 1000000000000 + ((x - floor(x)) * 1000000000000)::HUGEINT
"""
"""The integer of an amount's digits, without any product that might leave them."""

_ROUNDED = f"""
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
            FROM (SELECT *, {BOOKED} AS booked FROM lines WHERE {{condition}} AND cost <> 0)
            LEFT JOIN worth USING (currency, booked)
        )
    )
"""  # noqa: S608 - no outside text
"""The lines that cost something with ``rounding``: what rounding half-even adds to cost x p.

With p and q a rate's terms: the remainder of cost x p by 2 q says both how far the last multiple of
q is and whether that one is odd, so that a tie goes to the even one. ``over`` is q at the scale of
an amount. Division of 128 bits is 20 times slower than that of 64, which is enough for nearly
every line.
"""

WORTH = f"""
    SELECT {{columns}}, sum(worth) AS worth,
        sum(cost) FILTER (times IS NULL) AS unconverted
    FROM (
        SELECT *, pico_of(cost * times + rounding) // terms AS worth
        FROM (
            SELECT {{columns}}, booked, times, terms, sum(cost) AS cost, sum(rounding) AS rounding
            FROM (SELECT *{{groups}} FROM ({_ROUNDED})) GROUP BY ALL
        )
    )
    GROUP BY {{columns}}
"""  # noqa: S608 - no outside text
"""What each group's lines are worth, in pico-units: cells of one day and rate, which divide without
rest, and then their sums."""


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
    """Makes the rates known to ``WORTH``."""
    terms = [rate.value for rate in rates.used.values()]
    over = [Decimal(term.denominator).scaleb(-12) for term in terms]
    columns = {
        "currency": pa.array([currency for currency, _ in rates.used], pa.string()),
        "booked": pa.array([day for _, day in rates.used], pa.int64()),
        "times": pa.array([Decimal(t.numerator) for t in terms], pa.decimal128(13, 0)),
        "over": pa.array(over, pa.decimal128(38, 12)),
        "terms": pa.array([t.denominator for t in terms], pa.int64()),
    }
    connection.register("worth", pa.table(columns))
    connection.execute(_PICO_OF)


def join_worth(
    rows: Iterable[dict[str, Any]],
    found: Iterable[tuple[Any, ...]],
    by: Sequence[str],
    into: Into,
) -> list[dict[str, Any]]:
    """Sums with what they are worth, the dearest first.

    Args:
        rows: Sums per group and currency, their keys named ``by``.
        found: What ``WORTH`` says of the same groups.
        by: The keys of a row, in the order of ``found``.
        into: Into which currency.
    """
    worth = {tuple(key): (inside, outside) for *key, inside, outside in found}
    joined = []
    for row in rows:
        inside, outside = worth.get(tuple(row[name] for name in by), (0, 0))
        if row["currency"] == into.currency:
            inside, outside = row["cost_pico"], 0
        joined.append({**row, "cost_in_pico": inside, "unconverted_pico": to_pico(outside or 0)})
    return sorted(joined, key=lambda row: _order(row, by))


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


def _order(row: Mapping[str, Any], by: Sequence[str]) -> tuple[Any, ...]:
    worth = row["cost_in_pico"]
    return (worth is None, -(worth or 0), *(str(row[name]) for name in by))
