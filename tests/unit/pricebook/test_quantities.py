from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from steelyard.pricebook.quantities import (
    read_count,
    read_currency,
    read_instant,
    read_money,
    read_seconds,
    read_share,
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        *(("1M", 10**6), ("200k", 200_000), ("1.25m", 1_250_000), ("10 B", 10**10)),
        *(("1_000", 1000), ("1,000", 1000), ("75万", 750_000), ("100亿", 10**10), ("0", 0)),
    ],
)
def test_counts(text: str, count: int) -> None:
    assert read_count(text) == count


def test_shares_money_and_days() -> None:
    assert read_share("50%") == read_share("0.5") == Fraction(1, 2)
    assert read_share("12.5 %") == Fraction(1, 8)
    assert read_money("1CNY") == (Fraction(1), "CNY")
    assert read_money("0.5 usd") == (Fraction(1, 2), "USD")
    assert read_currency(" cny") == "CNY"
    assert read_seconds("0.5") == Fraction(1, 2)
    assert read_instant("2024-05-15") == datetime(2024, 5, 15, 12, tzinfo=UTC)
    assert read_instant("2024-05-15T08:00+08:00") == datetime(2024, 5, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((read_count, text) for text in ("", "1.5", "-1", "1e6", "1MM", "1Q", "٣", "9999999B")),
        *((read_share, text) for text in ("150%", "1.5", "half", "-1%", "%")),
        *((read_money, text) for text in ("1", "CNY", "0 CNY", "1 yuan", "-1CNY", "1e3CNY")),
        *((read_currency, text) for text in ("", "YUAN", "1CN")),
        *((read_seconds, text) for text in ("0", "x", "-1")),
        *((read_instant, text) for text in ("soon", "2024-05-15T12:00", "2024-13-01", "20:00")),
        (read_instant, "0001-01-01T00:00+14:00"),
        (read_instant, "9999-12-31T23:00-12:00"),
    ],
)
def test_what_is_not_exact_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError):
        read(text)
