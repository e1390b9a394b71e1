"""The finance department's CSV: what is right is read, what is wrong is named by its line."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from steelyard.domain.rates import ExchangeRate
from steelyard.pricebook.exchange import Exchange, History
from steelyard.pricebook.exchange_list import OwnRates, differing, far_off, read_own

BANK = Exchange(History(("Date,USD,CNY,JPY,\n2026-03-09,1.0,7.0,150,\n",)))


def read(text: str) -> OwnRates:
    return read_own(text.encode(), "finance.csv")


def test_lines_become_rates_with_ids_that_say_all() -> None:
    own = read("2026-03-09,USD,CNY,7.20\n\n# bank holiday\n2026/3/10,EUR,CNY,8\n")
    assert own.is_sound and own.findings == ()
    assert own.rates[0] == ExchangeRate(
        "csv-2026-03-09-USD-CNY-7.2",
        *("USD", "CNY", Fraction("7.2"), datetime(2026, 3, 9, tzinfo=UTC), "finance.csv"),
    )
    assert own.rates[1].rate_id == "csv-2026-03-10-EUR-CNY-8"
    assert own.lines["csv-2026-03-10-EUR-CNY-8"] == 4


@pytest.mark.parametrize(
    "text",
    [
        "date,base,quote,value\n2026-03-09,USD,CNY,7.2\n",
        "value,quote,base,note,date\n7.2,CNY,USD,agreed,2026-03-09\n",
        "日期,源货币,目标货币,汇率\n2026-03-09,USD,CNY,7.2\n",
        "\ufeffDate , Base,Quote,Value\r\n2026-03-09, USD ,CNY,7.2\r\n",
    ],
)
def test_a_title_line_may_name_the_columns(text: str) -> None:
    assert [rate.rate_id for rate in read(text).rates] == ["csv-2026-03-09-USD-CNY-7.2"]
    assert read(text).is_sound


def test_a_column_may_name_the_source() -> None:
    (rate,) = read("date,base,quote,value,source\n2026-03-09,USD,CNY,7.2,PBOC mid\n").rates
    assert rate.source == "PBOC mid"


def test_a_file_of_a_chinese_spreadsheet_is_read() -> None:
    own = read_own("日期,源货币,目标货币,汇率\n2026-03-09,USD,CNY,7.2\n".encode("gbk"), "f")
    assert own.is_sound and len(own.rates) == 1
    assert [finding.kind for finding in own.findings] == ["encoding"]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("2026-03-01,USD,CNY", "cell_missing"),
        ("2026-03-01,USD,,7", "cell_missing"),
        ("March,USD,CNY,7", "date_bad"),
        ("2026-02-30,USD,CNY,7", "date_bad"),
        ("3/1/2026,USD,CNY,7", "date_bad"),
        ("2026-03-01,usd,CNY,7", "currency_unknown"),
        ("2026-03-01,USD,RMB,7", "currency_unknown"),
        ("2026-03-01,CNY,CNY,1", "pair_same"),
        ("2026-03-01,USD,CNY,0", "value_zero"),
        ("2026-03-01,USD,CNY,-7", "number_negative"),
        ("2026-03-01,USD,CNY,7e0", "number_float"),
        ("2026-03-01,USD,CNY,nan", "number_float"),
        ('2026-03-01,USD,CNY,"7,2"', "number_comma"),
        ("2026-03-01,USD,CNY,7.1234567890", "value_long"),
        ("2026-03-09,USD,CNY,7.3", "pair_twice"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_nothing_is_sound(line: str, kind: str) -> None:
    own = read(f"date,base,quote,value\n2026-03-09,USD,CNY,7.2\n{line}\n")
    assert [(finding.kind, finding.line) for finding in own.findings] == [(kind, 3)]
    assert not own.is_sound


def test_a_field_without_end_ends_the_list() -> None:
    before = csv.field_size_limit(131_072)  # others raise it for the whole process
    try:
        own = read(f'date,base,quote,value\n2026-03-01,USD,CNY,"{"7" * 200_000}"\n')
    finally:
        csv.field_size_limit(before)
    assert [(finding.kind, finding.line) for finding in own.findings] == [("csv_bad", 2)]
    assert not own.is_sound


def test_the_same_line_twice_does_no_harm() -> None:
    own = read("2026-03-09,USD,CNY,7.2\n2026-03-09,USD,CNY,7.20\n")
    assert own.is_sound and len(own.rates) == 1


@pytest.mark.parametrize("data", [b"", b"\n# nothing\n", b"date,base,quote,value\n"])
def test_an_empty_file_is_a_mistake(data: bytes) -> None:
    assert [finding.kind for finding in read_own(data, "f").findings] == ["empty"]


def test_a_rate_far_from_the_banks_is_asked_about() -> None:
    text = "2026-03-09,USD,CNY,7.3\n2026-03-09,CNY,EUR,7.3\n2026-03-09,JPY,CNY,4.67\n"
    found = far_off(read(text + "2026-03-09,USD,THB,35\n2020-03-09,USD,CNY,1\n"), BANK)
    assert [(finding.kind, finding.line) for finding in found] == [
        ("value_far", 2),
        ("value_far", 3),
    ]
    assert "turned round" in found[0].message and "--yes" in found[0].message


def test_another_rate_for_a_recorded_day_is_a_correction() -> None:
    before = read("2026-03-09,USD,CNY,7.2\n").rates
    assert differing(read("2026-03-09,USD,CNY,7.20\n2026-03-10,USD,CNY,7\n"), before) == []
    (finding,) = differing(read("2026-03-09,USD,CNY,7.3\n"), before)
    assert (finding.kind, finding.line) == ("rate_differs", 1)
    assert "csv-2026-03-09-USD-CNY-7.2" in finding.message
