from __future__ import annotations

from typing import Any

import pytest

from steelyard.cli.conversion import cells, print_about, titles


def rate(day: str, about: str, days: int = 1) -> dict[str, Any]:
    return {
        **{"id": f"ecb-{day}-USD-CNY", "base": "USD", "quote": "CNY", "about": about},
        **{"as_of": day, "first": day, "last": day, "days": days, "source": "a bank"},
    }


def told(capsys: pytest.CaptureFixture[str], **answer: Any) -> list[str]:
    print_about({"in": "CNY", "total_in_pico": "0", "rates_used": [], "unconverted": []} | answer)
    return capsys.readouterr().out.strip().splitlines()


@pytest.mark.parametrize(
    ("worth", "rest", "shown"),
    [
        ("700", "0", "0.0000000007"),
        ("700", "5", "0.0000000007 + 0.000000000005 USD: no rate"),
        (None, "5", "no rate"),
        ("0", "0", "0.00"),
    ],
)
def test_a_cell_never_hides_what_has_no_rate(worth: str | None, rest: str, shown: str) -> None:
    row = {"currency": "USD", "cost_in_pico": worth, "unconverted_pico": rest}
    assert cells(row, "CNY") == (shown,)
    assert titles("CNY") == ("in CNY",)
    assert (cells(row, None), titles(None)) == ((), ())


def test_one_rate_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, rates_used=[rate("2024-05-17", "7.24")]) == [
        "total 0.00 CNY",
        "one USD in CNY, booked on 2024-05-17: 7.24 (ecb-2024-05-17-USD-CNY), a bank",
    ]


def test_many_rates_are_told_by_their_ends(capsys: pytest.CaptureFixture[str]) -> None:
    used = [rate("2024-05-17", "10.1", 3), rate("2024-05-16", "9.9"), rate("2024-05-15", "10")]
    assert told(capsys, rates_used=used)[1] == (
        "one USD in CNY, booked from 2024-05-15 to 2024-05-17 (5 days): 9.9 to 10.1, 3 rates"
        " (ecb-2024-05-15-USD-CNY to ecb-2024-05-17-USD-CNY), a bank"
    )


def test_what_has_no_rate_is_told_with_a_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    missing = {"currency": "USD", "cost": "3.20", "first": "2026-11-20", "last": "2026-11-21"}
    missing |= {"days": 2, "newest": "2026-10-30"}
    lines = told(capsys, unconverted=[missing, {**missing, "newest": None}])
    assert lines[0] == "total 0.00 CNY, without what has no rate:"
    assert "3.20 USD booked from 2026-11-20 to 2026-11-21 (2 days)" in lines[1]
    assert lines[1].endswith("--rate-age 22")
    assert "nobody has a rate into CNY" in lines[2]
