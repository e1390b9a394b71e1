"""Exchange rates in control: the packaged history, one's own files, what is recorded."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.config.model import ExchangeRates
from steelyard.control.prices import exchange
from steelyard.control.prices.exchange import (
    Worth,
    exchange_of,
    load_exchange,
    packaged,
    wanted_rates,
)
from steelyard.domain.errors import ConfigError
from steelyard.domain.instants import instant_ns
from steelyard.domain.money import Money
from steelyard.domain.rates import ExchangeRate
from steelyard.pricebook.exchange import History, begin_of
from steelyard.pricebook.exchange_list import read_own
from steelyard.store import exchange as rows
from steelyard.store import revisions
from steelyard.store.database import Database

NOW_NS = instant_ns(datetime(2026, 3, 10, 12, tzinfo=UTC))
MONDAY = date(2026, 3, 9)
PAIRS = [("USD", "CNY"), ("CNY", "USD"), ("CNY", "CNY"), ("USD", "ZZZ")]


def own(text: str) -> tuple[ExchangeRate, ...]:
    return read_own(text.encode(), "finance.csv").rates


@pytest.fixture
def csv_source(tmp_path: Path) -> ExchangeRates:
    file = tmp_path / "rates.csv"
    file.write_text("date,base,quote,value\n2026-03-06,USD,CNY,7.1\n2026-03-09,USD,CNY,7.2\n")
    return ExchangeRates(source="csv", file=str(file))


class TestThePackage:
    @pytest.mark.parametrize(
        ("day", "pair", "value"),
        [
            # On 2024-05-15 the bank published 1.0832 USD and 7.8212 CNY; the 18th is a Saturday.
            (date(2024, 5, 15), ("USD", "CNY"), Fraction("7.8212") / Fraction("1.0832")),
            (date(2024, 5, 18), ("EUR", "USD"), Fraction("1.0844")),
        ],
    )
    def test_known_days(self, day: date, pair: tuple[str, str], value: Fraction) -> None:
        rate = load_exchange(ExchangeRates()).rate(*pair, day)
        assert rate is not None and rate.value == value

    def test_the_first_question_is_quick(self) -> None:
        packaged.cache_clear()
        begin = time.perf_counter()
        assert load_exchange(ExchangeRates()).rate("USD", "CNY", MONDAY) is not None
        assert time.perf_counter() - begin < 2.0

    def test_it_never_looks_ahead(self) -> None:
        found = wanted_rates(ExchangeRates(), PAIRS, NOW_NS)
        assert [(rate.base, rate.quote) for rate in found] == [("CNY", "USD"), ("USD", "CNY")]
        assert all(rate.as_of <= datetime(2026, 3, 10, tzinfo=UTC) for rate in found)
        with pytest.raises(ConfigError, match="check the clock"):
            wanted_rates(ExchangeRates(), PAIRS, 0)

    def test_without_a_source_there_are_none(self) -> None:
        assert wanted_rates(ExchangeRates(source="none"), PAIRS, NOW_NS) == []
        assert wanted_rates(ExchangeRates(), [("CNY", "CNY")], NOW_NS) == []
        assert load_exchange(ExchangeRates(source="none")).rate("USD", "CNY", MONDAY) is None


class TestACsvOfOnesOwn:
    def test_all_of_it_is_read(self, csv_source: ExchangeRates) -> None:
        assert [r.value for r in wanted_rates(csv_source, [], 0)] == [
            Fraction("7.1"),
            Fraction("7.2"),
        ]
        known = load_exchange(csv_source)
        assert known.rate("USD", "CNY", date(2026, 3, 8)).value == Fraction("7.1")  # type: ignore[union-attr]
        assert known.rate("USD", "EUR", MONDAY) is None

    @pytest.mark.parametrize("line", ["2026-03-01,USD,CNY", "March,USD,CNY,7", "2026-03-01,U,C,7"])
    def test_a_bad_line_is_named(self, csv_source: ExchangeRates, line: str) -> None:
        with Path(csv_source.file).open("a") as file:
            file.write(line + "\n")
        with pytest.raises(ConfigError, match=r"rates\.csv:4: "):
            wanted_rates(csv_source, [], NOW_NS)

    def test_a_missing_one_is_said(self, tmp_path: Path) -> None:
        source = ExchangeRates(source="csv", file=str(tmp_path / "none.csv"))
        with pytest.raises(ConfigError, match=r"none\.csv"):
            load_exchange(source)


class TestRefreshing:
    def test_the_newest_rates_are_recorded_once(self, database: Database) -> None:
        assert exchange.refresh(database, ExchangeRates(), PAIRS, NOW_NS)
        with database.read() as tx:
            revision = revisions.latest(tx)
            assert rows.newest(tx, "USD", "CNY", NOW_NS) is not None
        assert not exchange.refresh(database, ExchangeRates(), PAIRS, NOW_NS)
        with database.read() as tx:
            assert revisions.latest(tx) == revision, "no news, no revision"

    def test_the_source_that_holds_is_known_from_the_database(
        self, database: Database, csv_source: ExchangeRates
    ) -> None:
        def rate_id(day: date) -> str:
            with database.read() as tx:
                found = exchange_of(tx).rate("USD", "CNY", day)
            return found.rate_id[:14] if found else ""

        assert rate_id(MONDAY) == "ecb-2026-03-09", "as packaged, before anything was said"
        exchange.refresh(database, csv_source, PAIRS, NOW_NS)
        assert rate_id(MONDAY) == "csv-2026-03-09"
        assert rate_id(date(2024, 5, 15)) == ""
        exchange.refresh(database, ExchangeRates(), PAIRS, NOW_NS)
        assert (rate_id(MONDAY), rate_id(date(2024, 5, 15))) == ("csv-2026-03-09", "ecb-2024-05-15")
        exchange.refresh(database, ExchangeRates(source="none"), PAIRS, NOW_NS)
        assert rate_id(date(2024, 5, 15)) == ""


class TestOnesOwn:
    def test_a_correction_of_a_correction_may_come_back(self, database: Database) -> None:
        values = ["7.2", "7.3", "7.2", "7.3", "7.3"]
        added = []
        for now_ns, value in enumerate(values, 1):
            with database.write() as tx:
                rates = own(f"2026-03-09,USD,CNY,{value}\n")
                added.append(exchange.take_own(tx, rates, now_ns).added)
                found = exchange_of(tx).rate("USD", "CNY", MONDAY)
                assert found is not None and found.value == Fraction(value)
        assert added == [1, 1, 1, 1, 0]

    def test_it_frees_the_days_it_reaches_and_says_so_before(self, database: Database) -> None:
        friday = date(2026, 3, 6)
        with database.read() as tx:
            before = exchange_of(tx)
        used = [(day, before.rate("USD", "CNY", day)) for day in (friday, date(2026, 3, 8), MONDAY)]
        exchange.remember(database, used, NOW_NS)  # type: ignore[arg-type]
        rates = own("2026-03-07,USD,CNY,7.5\n")
        with database.write() as tx:
            assert exchange.released_by(tx, rates) == 2
            assert exchange.take_own(tx, rates, NOW_NS) == (1, 2)
            assert exchange.released_by(tx, rates) == 0
            after = exchange_of(tx)
        assert after.rate("USD", "CNY", date(2026, 3, 8)).value == Fraction("7.5")  # type: ignore[union-attr]
        assert after.rate("USD", "CNY", MONDAY) == before.rate("USD", "CNY", MONDAY)


class TestRemembering:
    def test_a_reported_day_outlives_the_packages_data(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sunday = date(2026, 3, 8)
        text = "Date,USD,CNY,\n2026-03-06,1.0,7.0,\n"
        monkeypatch.setattr(exchange, "packaged", lambda: History((text,)))
        with database.read() as tx:
            rate = exchange_of(tx).rate("USD", "CNY", sunday)
        assert rate is not None
        assert exchange.remember(database, [(sunday, rate)], NOW_NS) == 1
        assert exchange.remember(database, [(sunday, rate)], NOW_NS) == 0
        later = "Date,USD,CNY,\n2026-03-08,1.0,9.9,\n2026-03-06,1.0,8.0,\n"
        monkeypatch.setattr(exchange, "packaged", lambda: History((later,)))
        with database.read() as tx:
            known = exchange_of(tx)
        assert known.rate("USD", "CNY", sunday) == rate
        assert known.rate("USD", "CNY", date(2026, 3, 6)) == rate
        assert known.rate("USD", "CNY", MONDAY).value == Fraction("9.9")  # type: ignore[union-attr]

    def test_what_is_not_final_is_not_fixed(self, database: Database) -> None:
        rate = ExchangeRate("ecb-x", "USD", "CNY", Fraction(7), begin_of(date(2026, 2, 1)))
        today, too_late = date(2026, 3, 10), date(2026, 2, 12)
        assert exchange.remember(database, [(today, rate), (too_late, rate)], NOW_NS) == 0
        assert exchange.remember(database, [(date(2026, 2, 11), rate)], NOW_NS) == 1


class TestWorth:
    def test_another_currency_is_worth_its_rate_of_the_day(self, database: Database) -> None:
        with database.read() as tx:
            worth, today = Worth(tx, "CNY", NOW_NS), date(2026, 3, 10)
            rate = exchange_of(tx).rate("USD", "CNY", today)
            assert rate is not None and rate.as_of == begin_of(today)
            assert worth.find("USD") == worth.demand("USD") == rate.value
            assert (worth.find("CNY"), worth.find("ZZZ")) == (Fraction(1), None)

    def test_one_currency_needs_no_rates(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with database.read() as tx:
            worth = Worth(tx, "CNY", NOW_NS)
        monkeypatch.delattr(exchange, "exchange_of")
        assert worth.demand("CNY") == 1

    def test_a_bound_is_rounded_down_and_never_assumed(self, database: Database) -> None:
        with database.write() as tx:
            exchange.take_own(tx, own("2026-03-10,USD,CNY,7.15\n"), NOW_NS)
        with database.read() as tx:
            worth = Worth(tx, "CNY", NOW_NS)
            assert worth.bound_pico(Money(3, "CNY"), "budget") == 3
            assert worth.bound_pico(Money(3, "USD"), "budget") == 21
            message = "budget: no rate of ZZZ in CNY; say it in CNY."
            with pytest.raises(ConfigError, match=message):
                worth.bound_pico(Money(3, "ZZZ"), "budget")
