from datetime import UTC, datetime

import pytest

from steelyard.domain.budgets import FOREVER_NS, Limit, Period, Unit, window


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def ns(instant: datetime) -> int:
    return int(instant.timestamp()) * 10**9


@pytest.mark.parametrize(
    ("period", "zone", "at", "begin", "end"),
    [
        (Period.DAY, "UTC", utc(2026, 2, 28, 23, 59, 59), utc(2026, 2, 28), utc(2026, 3, 1)),
        (Period.DAY, "UTC", utc(2028, 2, 28, 12), utc(2028, 2, 28), utc(2028, 2, 29)),
        # 16:00 UTC is midnight in Shanghai.
        (
            Period.DAY,
            "Asia/Shanghai",
            utc(2026, 12, 31, 15, 59),
            utc(2026, 12, 30, 16),
            utc(2026, 12, 31, 16),
        ),
        (
            Period.MONTH,
            "Asia/Shanghai",
            utc(2026, 12, 31, 16),
            utc(2026, 12, 31, 16),
            utc(2027, 1, 31, 16),
        ),
        (Period.MONTH, "UTC", utc(2026, 12, 31, 23), utc(2026, 12, 1), utc(2027, 1, 1)),
        (Period.MONTH, "UTC", utc(2026, 2, 1), utc(2026, 2, 1), utc(2026, 3, 1)),
        # A day with 23 hours, where clocks go forward.
        (
            Period.DAY,
            "Europe/Berlin",
            utc(2026, 3, 29, 12),
            utc(2026, 3, 28, 23),
            utc(2026, 3, 29, 22),
        ),
        (Period.MINUTE, "UTC", utc(2026, 1, 1, 0, 0, 59), utc(2026, 1, 1), utc(2026, 1, 1, 0, 1)),
        # The doubled hour, where clocks go back.
        (
            Period.MINUTE,
            "Europe/Berlin",
            utc(2026, 10, 25, 1, 30, 5),
            utc(2026, 10, 25, 1, 30),
            utc(2026, 10, 25, 1, 31),
        ),
    ],
)
def test_windows_begin_in_the_zone_of_the_budget(
    period: Period, zone: str, at: datetime, begin: datetime, end: datetime
) -> None:
    assert window(period, zone, at) == (ns(begin), ns(end))
    assert window(period, zone, begin) == (ns(begin), ns(end))
    assert window(period, zone, end)[0] == ns(end)


def test_a_total_never_ends() -> None:
    assert window(Period.TOTAL, "UTC", utc(2026, 1, 1)) == (0, FOREVER_NS)


def test_a_limit_is_hard_unless_it_says_otherwise() -> None:
    assert Limit(1, "key:k", Unit.REQUESTS, 60, Period.MINUTE).is_hard
