"""Amounts at the rate of their booking day: exact, each line rounded once, nothing assumed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.domain.errors import InvalidRequest
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.money import round_half_even
from steelyard.domain.rates import ExchangeRate
from steelyard.journal.segment import Journal
from steelyard.ledger.conversion import Into, Unconverted
from steelyard.ledger.reports import Query, Reports
from steelyard.ledger.scribe import Scribe
from steelyard.pricebook.exchange import Exchange, begin_of
from steelyard.store.database import Database
from steelyard.testing.records import make_intent, make_settlement

DAY_NS_0 = instant_ns(datetime(2026, 3, 9, 12, tzinfo=UTC))
DAYS = [date(2026, 3, day) for day in (9, 10, 11)]
USD_CNY = {DAYS[0]: Fraction(19553, 2708), DAYS[1]: Fraction(7, 2)}


def rate(day: date, value: Fraction, base: str = "USD") -> ExchangeRate:
    name = f"ecb-{day}-{base}-CNY"
    return ExchangeRate(name, base, "CNY", value, begin_of(day), "a bank")


INTO = Into("CNY", Exchange(None, [rate(day, value) for day, value in USD_CNY.items()]), 0)
CALLS = [
    # booked on day, currency, account, cost
    (0, "USD", "acc_1/acc_2", 1),
    (0, "USD", "acc_1/acc_3", 2708 * 10**12),
    (0, "USD", "acc_1/acc_3", 10**25 + 7),
    (1, "USD", "acc_1/acc_2", 1),
    (1, "USD", "acc_1/acc_2", 3),
    (1, "USD", "acc_1/acc_3", -1),
    (1, "CNY", "acc_1/acc_3", 700),
    (2, "USD", "acc_1/acc_3", 11),
    (2, "USD", "acc_1/acc_2", 0),
    (0, "JPY", "acc_1/acc_2", 13),
]
EXPECTED = [
    0 if currency == "JPY" or day == 2
    else cost if currency == "CNY"
    else round_half_even(cost * USD_CNY[DAYS[day]].numerator, USD_CNY[DAYS[day]].denominator)
    for day, currency, _, cost in CALLS
]  # fmt: skip


@pytest.fixture
def reports(home: Path, database: Database, make_journal: Callable[[], Journal]) -> Reports:
    """All calls were made on the first day and booked on later ones."""
    journal = make_journal()
    with Scribe(home, database) as scribe:
        for day in range(3):
            for number, (booked, currency, path, cost) in enumerate(CALLS, 1):
                if booked == day:
                    intent = make_intent(
                        number,
                        called_at_ns=DAY_NS_0,
                        currency=currency,
                        account_path=path,
                        account_id=path.rpartition("/")[2],
                    )
                    journal.append_intent(intent)
                    journal.append_settlement(make_settlement(intent, cost_pico=cost))
            scribe.run_once(DAY_NS_0 + day * DAY_NS)
    return Reports(home, database, clock=lambda: DAY_NS_0 + 2 * DAY_NS)


def test_each_line_is_converted_at_its_booking_day_and_rounded_once(reports: Reports) -> None:
    found = reports.summarise_in(INTO, [])
    assert [(r["currency"], r["cost_in_pico"], r["unconverted_pico"]) for r in found.rows] == [
        ("USD", sum(EXPECTED) - 700, 11),
        ("CNY", 700, 0),
        ("JPY", None, 13),
    ]
    assert found.total_pico == sum(EXPECTED)
    assert EXPECTED[3:6] == [4, 10, -4], "3.5, 10.5 and -3.5: ties go to the even one"


def test_what_was_used_and_what_has_no_rate_is_told(reports: Reports) -> None:
    rates = reports.summarise_in(INTO, ["offer"]).rates
    assert rates.days == [(day, rate(day, value)) for day, value in USD_CNY.items()]
    assert rates.unconverted == (
        Unconverted(DAYS[0], "JPY", 13),
        Unconverted(DAYS[2], "USD", 11),
    )


def test_an_older_rate_holds_as_far_as_it_is_allowed(reports: Reports) -> None:
    found = reports.summarise_in(INTO._replace(back_days_max=1), ["currency"][:0])
    assert found.total_pico == sum(EXPECTED) + 38, "11 at 3.5 is 38.5"
    assert [missing.currency for missing in found.rates.unconverted] == ["JPY"]


@pytest.mark.parametrize("by", [["account"], ["account_own"], ["day_booked", "offer"], ["hour"]])
def test_totals_and_sums_are_the_same_however_lines_are_grouped(
    reports: Reports, by: list[str]
) -> None:
    found = reports.summarise_in(INTO, by)
    plain = reports.summarise(by)
    assert found.total_pico == sum(EXPECTED)
    if by != ["account"]:
        assert sum(row["cost_in_pico"] or 0 for row in found.rows) == sum(EXPECTED)
    else:
        (whole,) = (r for r in found.rows if (r["account"], r["currency"]) == ("acc_1", "USD"))
        assert whole["cost_in_pico"] == sum(EXPECTED) - 700

    def key(row: dict[str, object]) -> str:
        return str([row[name] for name in (*by, "currency")])

    told = [
        {n: v for n, v in row.items() if n not in ("cost_in_pico", "unconverted_pico")}
        for row in found.rows
    ]
    assert sorted(told, key=key) == sorted(plain, key=key), "the rest is as without converting"


def test_single_lines_say_their_rate_and_add_up(reports: Reports) -> None:
    found = reports.lines_in(INTO, 100)
    assert found.total_pico == sum(EXPECTED)
    told = {row["sequence"]: (row["cost_in_pico"], row["exchange_id"]) for row in found.rows}
    assert told[4] == (4, "ecb-2026-03-10-USD-CNY")
    assert (told[7], told[8], told[9], told[10]) == ((700, ""), (None, ""), (0, ""), (None, ""))
    assert found.rates.unconverted == (
        Unconverted(DAYS[0], "JPY", 13),
        Unconverted(DAYS[2], "USD", 11),
    )


def test_conditions_hold_and_unknown_names_are_refused(reports: Reports) -> None:
    found = reports.summarise_in(INTO, [], Query({"currency": ["CNY"]}))
    assert (found.total_pico, found.rates.days) == (700, [])
    with pytest.raises(InvalidRequest, match="one of"):
        reports.summarise_in(INTO, ["cost; DROP TABLE lines"])


def test_a_rate_of_too_many_digits_is_none(reports: Reports) -> None:
    fine = Exchange(None, [rate(DAYS[0], Fraction(10**10 + 1, 10**10))])
    found = reports.summarise_in(Into("CNY", fine), [])
    assert found.rates.days == [] and len(found.rates.unconverted) == 4


def test_an_empty_ledger_is_worth_nothing(home: Path, database: Database) -> None:
    found = Reports(home, database).summarise_in(INTO, ["account"])
    assert (found.rows, found.total_pico, found.rates.days) == ([], 0, [])
