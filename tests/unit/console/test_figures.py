from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.console import figures

PICO = 10**12


@pytest.mark.parametrize(
    ("pico", "shown"),
    [
        (0, "0.00"),
        (5 * PICO, "5.00"),
        (1234567 * PICO + PICO // 2, "1,234,567.50"),
        (45581243, "0.0000456"),
        (1, "0.000000000001"),
        (-45581243, "-0.0000456"),
        (123456789012, "0.123"),
        (999_999_999_999, "1.00"),
        ("1500000000000", "1.50"),
    ],
)
def test_amounts_are_short_and_honest(pico: int | str, shown: str) -> None:
    assert figures.amount(pico) == shown


@given(st.integers(-(10**26), 10**26))
def test_what_is_not_zero_never_reads_as_zero_and_is_close(pico: int) -> None:
    shown = float(figures.amount(pico).replace(",", ""))
    assert (shown == 0) == (pico == 0)
    assert shown == pytest.approx(pico / PICO, rel=0.006, abs=0)


def test_amounts_below_each_other_have_their_points_below_each_other() -> None:
    assert figures.column([110 * 10**6, 122 * 10**6, 0, 12 * PICO]) == [
        "0.000110",
        "0.000122",
        "0.000000",
        "12.000000",
    ]
    assert figures.column([]) == []


def test_exact_amount_keeps_every_digit() -> None:
    assert figures.exact(45581243) == "0.000045581243"


def test_what_is_below_a_fen_is_told_in_li_and_hao_to_those_who_count_so() -> None:
    assert figures.told(800_000_000, "CNY", "zh") == "0.0008 CNY (0.8 厘)"
    assert figures.told("-800000000", "CNY", "en") == "-0.0008 CNY"
    assert figures.told(PICO, "CNY", "zh") == "1.00 CNY"
    assert figures.small("45581243", "CNY") == "≈0.456 毫"
    assert figures.small(45581243, "USD") == ""


def test_counts_shares_and_progress() -> None:
    assert figures.count(1234567) == "1,234,567"
    assert figures.count(None) == "0"
    assert figures.share("0.6123") == "61.2 %"
    assert figures.share(None) == figures.points(None) == ""
    assert figures.points("0.08") == "8.0"
    assert [figures.width(x) for x in (None, "0.613457", 1.2)] == ["0.00", "61.35", "100.00"]
    assert figures.percent(1, 0) == 0
    assert figures.percent(50, 200) == 25
    assert figures.percent(300, 200) == 100


def test_clock_tells_the_day_only_when_it_is_another_one() -> None:
    zone = timezone(timedelta(hours=8))
    now = datetime(2026, 11, 22, 0, 30, tzinfo=zone)
    called = datetime(2026, 11, 21, 16, 10, 5, tzinfo=UTC)
    at_ns = int(called.timestamp()) * 10**9
    assert figures.clock(at_ns, now) == "00:10:05"
    assert figures.clock(at_ns - 3600 * 10**9, now) == "11-21 23:10"
