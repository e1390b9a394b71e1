"""The rate of a day: exact, dated, never of tomorrow, the user's own first."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction

import pytest

from steelyard.domain.rates import ExchangeRate
from steelyard.pricebook.exchange import Exchange, History, begin_of, day_of, is_own

TEXT = """Date,USD,CNY,CYP,
2026-03-09,1.1,7.7,N/A,
2026-03-06,1.0,7.0,N/A,
2026-02-20,1.0,6.9,N/A,
2026-02-03,1.0,6.5,0.5,
"""
NEWEST = "Date, USD, CNY, \n10 March 2026, 1.25, 7.5, \n"
MONDAY, FRIDAY = date(2026, 3, 9), date(2026, 3, 6)


def own(day: date, value: str, base: str = "USD", quote: str = "CNY") -> ExchangeRate:
    name = f"csv-{day}-{base}-{quote}-{value}"
    return ExchangeRate(name, base, quote, Fraction(value), begin_of(day), "finance.csv")


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(History((TEXT, NEWEST)))


def test_crosses_go_through_the_euro_exactly() -> None:
    history = History((TEXT,))
    rate = history.cross("USD", "CNY", MONDAY)
    assert rate == ExchangeRate(
        "ecb-2026-03-09-USD-CNY",
        *("USD", "CNY", Fraction(7)),
        datetime(2026, 3, 9, tzinfo=UTC),
        "European Central Bank",
    )
    assert history.cross("CNY", "EUR", MONDAY).value == Fraction(10, 77)  # type: ignore[union-attr]
    assert history.cross("USD", "ZZZ", MONDAY) is None
    assert history.cross("USD", "CYP", MONDAY) is None, "no longer published"
    assert history.cross("USD", "CNY", date(2026, 3, 8)) is None, "nothing on a Sunday"


def test_both_forms_of_the_banks_files_are_read() -> None:
    history = History((TEXT, NEWEST))
    assert history.cross("USD", "CNY", date(2026, 3, 10)).value == 6  # type: ignore[union-attr]
    assert history.newest_day(date(2026, 4, 1)) == date(2026, 3, 10)
    assert history.newest_day(date(2026, 3, 8)) == FRIDAY
    assert history.newest_day(date(2026, 1, 1)) is None
    assert day_of("09 March 2026, 1") == day_of("2026-03-09,1") == MONDAY
    with pytest.raises(ValueError, match="March"):
        day_of("March,1")


@pytest.mark.parametrize(
    ("day", "found"),
    [
        (date(2026, 3, 10), "2026-03-10"),
        (date(2026, 3, 20), "2026-03-10"),
        (date(2026, 4, 10), "2026-03-10"),
        (date(2026, 4, 11), ""),
        (MONDAY, "2026-03-09"),
        (date(2026, 3, 8), "2026-03-06"),
        (date(2026, 3, 5), "2026-02-20"),
        (date(2026, 3, 2), "2026-02-20"),
        (date(2026, 2, 2), ""),
    ],
)
def test_a_days_rate_is_the_last_until_then_and_not_too_old(
    exchange: Exchange, day: date, found: str
) -> None:
    rate = exchange.rate("USD", "CNY", day)
    assert (rate.rate_id if rate else "") == (f"ecb-{found}-USD-CNY" if found else "")
    assert rate is exchange.rate("USD", "CNY", day)


def test_an_older_rate_holds_only_if_somebody_asks_for_it(exchange: Exchange) -> None:
    late = date(2026, 5, 9)
    assert exchange.rate("USD", "CNY", late) is None
    rate = exchange.rate("USD", "CNY", late, back_days_max=60)
    assert rate is not None and rate.as_of == datetime(2026, 3, 10, tzinfo=UTC)


def test_a_currency_is_worth_itself_on_any_day(exchange: Exchange) -> None:
    rate = exchange.rate("XAU", "XAU", date(1970, 1, 1))
    assert rate is not None and (rate.value, rate.rate_id) == (Fraction(1), "same-XAU")


def test_amounts_are_converted_exactly_at_the_utc_day_of_the_instant(exchange: Exchange) -> None:
    shanghai = timezone(timedelta(hours=8))
    early = datetime(2026, 3, 9, 7, tzinfo=shanghai)  # still Sunday in UTC
    for at, value in ((early, 7), (MONDAY, 7), (date(2026, 3, 10), 6)):
        converted = exchange.convert(Fraction(1, 3), "USD", "CNY", at)
        assert converted is not None and converted[0] == Fraction(value, 3)
    assert exchange.convert(Fraction(1), "USD", "CNY", early)[1].as_of.date() == FRIDAY  # type: ignore[index]
    assert exchange.convert(Fraction(1), "USD", "CNY", date(2030, 1, 1)) is None


def test_ones_own_rates_hold_on_their_days_and_the_days_after_them() -> None:
    saturday = date(2026, 3, 7)
    exchange = Exchange(History((TEXT,)), [own(saturday, "7.25"), own(FRIDAY, "9")])
    assert [
        exchange.rate("USD", "CNY", date(2026, 3, day)).value  # type: ignore[union-attr]
        for day in (6, 7, 8, 9)
    ] == [9, Fraction("7.25"), Fraction("7.25"), 7]
    assert Exchange(None, [own(FRIDAY, "9")]).rate("USD", "EUR", FRIDAY) is None


def test_one_direction_of_ones_own_answers_for_both() -> None:
    exchange = Exchange(History((TEXT,)), [own(FRIDAY, "8")])
    there, back = exchange.rate("USD", "CNY", FRIDAY), exchange.rate("CNY", "USD", FRIDAY)
    assert there is not None and back is not None
    assert there.value * back.value == 1
    assert (back.rate_id, is_own(there), is_own(back)) == (
        "csv-2026-03-06-USD-CNY-8-inverse",
        True,
        False,
    )
    kept = Exchange(None, [back, own(FRIDAY, "5")])
    assert kept.rate("CNY", "USD", FRIDAY).value == Fraction(1, 5)  # type: ignore[union-attr]


def test_of_ones_own_the_latest_holds_and_what_was_recorded_outlives_the_package() -> None:
    before = ExchangeRate("ecb-x", "USD", "CNY", Fraction(5), begin_of(MONDAY))
    assert Exchange(History((TEXT,)), [before]).rate("USD", "CNY", MONDAY) == before
    rates = [own(MONDAY, "6"), own(MONDAY, "8"), before]
    assert Exchange(None, rates).rate("USD", "CNY", MONDAY) == rates[1]


def test_a_reported_day_keeps_its_rate() -> None:
    old = ExchangeRate("ecb-old", "USD", "CNY", Fraction(5), begin_of(FRIDAY))
    exchange = Exchange(History((TEXT,)), [old], {(MONDAY, "USD", "CNY"): old})
    assert exchange.rate("USD", "CNY", MONDAY) == old
    assert exchange.rate("USD", "CNY", MONDAY, back_days_max=2).value == 7  # type: ignore[union-attr]
    assert Exchange().rate("USD", "CNY", MONDAY) is None
