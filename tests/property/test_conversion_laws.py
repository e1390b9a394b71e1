"""Whatever is grouped by, the ledger in one currency has one total, the one Python finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.domain.entries import Entry
from steelyard.domain.instants import DAY_NS
from steelyard.domain.money import AMOUNT_PICO_MAX, round_half_even
from steelyard.domain.rates import ExchangeRate
from steelyard.ledger.conversion import Into
from steelyard.ledger.lines import to_table
from steelyard.ledger.reports import GROUPS, Query, Reports
from steelyard.pricebook.exchange import Exchange, begin_of
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

DAY = CALLED_AT_NS // DAY_NS
CURRENCIES = ("CNY", "USD", "JPY")

amounts = st.one_of(
    st.integers(-20, 20),
    st.integers(-(10**15), 10**15),
    st.integers(-AMOUNT_PICO_MAX, AMOUNT_PICO_MAX),
)
terms = st.integers(1, 10**10 - 1)
rates = st.dictionaries(
    st.tuples(st.sampled_from(CURRENCIES[1:]), st.integers(0, 2)),
    st.one_of(st.builds(Fraction, terms, terms), st.sampled_from([Fraction(1, 2), Fraction(7, 2)])),
)
lines = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(CURRENCIES),
        amounts,
        st.sampled_from(["a", "a/b", "a/c"]),
        st.sampled_from(["m", "n"]),
    ),
    max_size=12,
)


class TableReports(Reports):
    """Reports over a table in memory."""

    def __init__(self, table: Any) -> None:
        # As the real ones do: DuckDB's zoned instants would need a zone package.
        self._table = table.drop_columns(["called_at", "booked_at"])

    @contextmanager
    def _connected(self, query: Query) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect() as connection:
            connection.register("lines", self._table)
            yield connection


def entry(number: int, line: tuple[int, str, int, str, str]) -> Entry:
    day, currency, cost, path, model = line
    intent = make_intent(number, currency=currency, account_path=path, account_id=path[-1])
    intent = intent._replace(model=model, task=path)
    booked_at_ns = (DAY + day) * DAY_NS
    return Entry(intent, make_settlement(intent, cost_pico=cost), booked_at_ns)


def exchange(found: dict[tuple[str, int], Fraction]) -> Exchange:
    def rate(currency: str, day: int, value: Fraction) -> ExchangeRate:
        on = date(1970, 1, 1) + timedelta(days=DAY + day)
        return ExchangeRate(f"{currency}-{day}", currency, "CNY", value, begin_of(on))

    return Exchange(None, [rate(*key, value) for key, value in found.items()])


@settings(max_examples=25, deadline=None)
@given(lines, rates, st.lists(st.sampled_from(sorted(GROUPS)), unique=True, max_size=3))
def test_one_total(
    found: list[tuple[int, str, int, str, str]],
    known: dict[tuple[str, int], Fraction],
    by: list[str],
) -> None:
    reports = TableReports(to_table([entry(n, line) for n, line in enumerate(found)]))
    total, missing = 0, {"USD": 0, "JPY": 0, "CNY": 0}
    for day, currency, cost, _, _ in found:
        value = Fraction(1) if currency == "CNY" else known.get((currency, day))
        if value is None:
            missing[currency] += cost
        else:
            total += round_half_even(cost * value.numerator, value.denominator)
    answer = reports.summarise_in(Into("CNY", exchange(known), 0), by)
    assert answer.total_pico == total
    told: dict[str, int] = dict.fromkeys(missing, 0)
    for amount in answer.rates.unconverted:
        told[amount.currency] += amount.cost_pico
    assert told == missing
    if "account" not in by:
        assert sum(row["cost_in_pico"] or 0 for row in answer.rows) == total
    else:
        tops = [row for row in answer.rows if row["account"] == "a"]
        assert sum(row["cost_in_pico"] or 0 for row in tops) == total
    assert reports.lines_in(Into("CNY", exchange(known), 0), 100).total_pico == total
