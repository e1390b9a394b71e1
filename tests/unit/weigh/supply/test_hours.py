"""Exact intervals of shares, against published values."""

from __future__ import annotations

import pytest

from steelyard.weigh.supply.hours import by_hour, share_bounds


@pytest.mark.parametrize(
    ("succeeded", "calls", "lower", "upper"),
    [
        (0, 10, 0.0, 0.308497),
        (10, 10, 0.691503, 1.0),
        (9, 10, 0.554984, 0.997471),
        (5, 10, 0.187086, 0.812914),
        (950, 1000, 0.934610, 0.962660),
        (1, 1, 0.025, 1.0),
    ],
)
def test_bounds_are_those_of_clopper_and_pearson(
    succeeded: int, calls: int, lower: float, upper: float
) -> None:
    assert share_bounds(succeeded, calls) == pytest.approx((lower, upper), abs=2e-5)


def test_large_counts_are_no_trouble() -> None:
    lower, upper = share_bounds(990_000, 1_000_000)
    assert 0.9897 < lower < 0.99 < upper < 0.9903


@pytest.mark.parametrize(("succeeded", "calls"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_is_refused(succeeded: int, calls: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        share_bounds(succeeded, calls)


def test_days_are_folded_and_thin_hours_said_to_be() -> None:
    day = 24 * 20_000
    nine, ten = by_hour([(day + 9, 30, 27), (day + 33, 10, 10), (day + 10, 5, 5), (day + 11, 0, 0)])
    assert (nine.hour, nine.calls, nine.succeeded, nine.is_thin) == (9, 40, 37, False)
    assert (ten.hour, ten.calls, ten.is_thin) == (10, 5, True)
    assert nine.lower < 37 / 40 < nine.upper
