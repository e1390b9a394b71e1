"""Exchange rates: exact crosses, dated ids, no look ahead."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.config.model import ExchangeRates
from steelyard.control.exchange import cross, newest_sheet, read_sheets, wanted_rates
from steelyard.domain.errors import ConfigError

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HISTORY = "Date,USD,CNY,CYP,\n2026-03-09,1.1,7.7,N/A,\n2026-03-06,1.0,7.0,N/A,\n"
TODAY = "Date, USD, CNY, \n09 March 2026, 1.1, 7.7, \n"


@pytest.mark.parametrize("text", [HISTORY, TODAY])
def test_both_forms_of_the_ecbs_files_are_read(text: str) -> None:
    sheet = next(read_sheets(text))
    assert sheet.day == datetime(2026, 3, 9, tzinfo=UTC)
    assert sheet.per_euro == {
        "EUR": Fraction(1),
        "USD": Fraction(11, 10),
        "CNY": Fraction(77, 10),
    }


def test_crosses_go_through_the_euro_exactly() -> None:
    sheet = next(read_sheets(HISTORY))
    rate = cross(sheet, "USD", "CNY")
    assert rate is not None
    assert (rate.rate_id, rate.value) == ("ecb-2026-03-09-USD-CNY", Fraction(7))
    assert cross(sheet, "USD", "ZZZ") is None


def test_the_packaged_rates_never_look_ahead() -> None:
    sheet = newest_sheet(NOW)
    assert sheet.day <= NOW
    assert {"USD", "CNY", "EUR"} <= set(sheet.per_euro)


def test_only_the_pairs_in_use_come() -> None:
    found = wanted_rates(ExchangeRates(), [("USD", "CNY"), ("CNY", "CNY"), ("USD", "ZZZ")], NOW)
    assert [(rate.base, rate.quote) for rate in found] == [("USD", "CNY")]
    assert wanted_rates(ExchangeRates(source="none"), [("USD", "CNY")], NOW) == []
    assert wanted_rates(ExchangeRates(), [("CNY", "CNY")], NOW) == []


def test_a_csv_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(
        "date,base,quote,value\n2026-03-01,USD,CNY,7.1\n2026-03-09,USD,CNY,7.2\n"
        "2026-04-01,USD,CNY,9\n2026-03-01,EUR,CNY,8\n# done\n"
    )
    source = ExchangeRates(source="csv", file=str(file))
    (rate,) = wanted_rates(source, [("USD", "CNY")], NOW)
    assert (rate.value, rate.as_of) == (Fraction(72, 10), datetime(2026, 3, 9, tzinfo=UTC))


@pytest.mark.parametrize(
    "line", ["2026-03-01,USD,CNY", "March,USD,CNY,7", "2026-03-01,USD,CNY,0", "2026-03-01,U,C,nan"]
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("date,base,quote,value\n" + line + "\n")
    with pytest.raises(ConfigError, match=r"rates\.csv:2|no date"):
        wanted_rates(ExchangeRates(source="csv", file=str(file)), [("USD", "CNY")], NOW)


def test_a_missing_csv_is_said(tmp_path: Path) -> None:
    source = ExchangeRates(source="csv", file=str(tmp_path / "none.csv"))
    with pytest.raises(ConfigError, match="none.csv"):
        wanted_rates(source, [("USD", "CNY")], NOW)
