"""Exchange rates are dated and never edited; reported days keep theirs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.rates import ExchangeRate
from steelyard.store import exchange

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def rate(day: int, value: str = "7.1", kind: str = "ecb", pair: str = "USD-CNY") -> ExchangeRate:
    base, quote = pair.split("-")
    at = MARCH + timedelta(days=day - 1)
    return ExchangeRate(
        f"{kind}-{day}-{pair}-{value}", base, quote, Fraction(value), at, "a source"
    )


def noon_ns(day: int) -> int:
    return instant_ns(MARCH) + day * DAY_NS - DAY_NS // 2


def test_the_newest_that_held_counts(tx: Connection) -> None:
    assert exchange.add(tx, [rate(1), rate(3)]) == 2
    assert exchange.add(tx, [rate(1), rate(4), rate(4)]) == 1
    assert exchange.newest(tx, "USD", "CNY", noon_ns(3)) == rate(3)
    assert exchange.newest(tx, "CNY", "USD", noon_ns(3)) is None
    assert exchange.newest(tx, "USD", "CNY", 0) is None


def test_of_one_day_ones_own_comes_first_and_the_latest_of_them(tx: Connection) -> None:
    exchange.add(tx, [rate(3), rate(3, "7.2", "csv"), rate(1, "9", "csv")], 5)
    assert exchange.newest(tx, "USD", "CNY", noon_ns(3)) == rate(3, "7.2", "csv")
    exchange.add(tx, [rate(3, "7.0", "csv")], 6)
    assert exchange.newest(tx, "USD", "CNY", noon_ns(3)) == rate(3, "7.0", "csv")
    at = MARCH + timedelta(days=3)
    exchange.add(tx, [ExchangeRate("csv-4-inverse", "USD", "CNY", Fraction(2), at)])
    assert exchange.newest(tx, "USD", "CNY", noon_ns(4)) == rate(3, "7.0", "csv")


def test_rates_come_back_as_they_were_in_the_order_of_recording(tx: Connection) -> None:
    odd = ExchangeRate("x", "USD", "EUR", Fraction(10, 77), MARCH, "bank")
    exchange.add(tx, [rate(5)], 7)
    exchange.add(tx, [odd, rate(3)], 8)
    assert exchange.recorded(tx) == [rate(5), odd, rate(3)]
    assert exchange.recorded(tx, "USD", "EUR") == [odd]
    assert exchange.recorded(tx, quote="CNY", since=date(2026, 3, 4)) == [rate(5)]
    many = [f"none-{number}" for number in range(1200)]
    assert exchange.known_ids(tx, [*many, "x"]) == {"x"}


def test_a_reported_day_keeps_its_first_rate_until_it_is_released(tx: Connection) -> None:
    days = [date(2026, 3, day) for day in range(1, 8)]
    assert exchange.fix(tx, [(days[0], rate(1)), (days[1], rate(1))], 5) == 2
    assert exchange.fix(tx, [(days[1], rate(2)), (days[1], rate(2, "0.1", pair="CNY-USD"))], 6) == 1
    assert sorted(exchange.fixed(tx), key=str) == sorted(
        [(days[0], rate(1)), (days[1], rate(1)), (days[1], rate(2, "0.1", pair="CNY-USD"))], key=str
    )
    assert exchange.count_fixed(tx, "USD", "CNY", (days[1], days[6])) == 2
    assert exchange.release(tx, "USD", "EUR", (days[0], days[6])) == 0
    assert exchange.release(tx, "USD", "CNY", (days[1], days[6])) == 2
    assert exchange.fixed(tx) == [(days[0], rate(1))]


def test_nobody_edits_or_deletes_a_rate(tx: Connection) -> None:
    exchange.add(tx, [rate(1)])
    for statement in ("UPDATE exchange_rates SET numerator = '2'", "DELETE FROM exchange_rates"):
        with pytest.raises(IntegrityError, match="dated, never"):
            tx.execute(text(statement))
