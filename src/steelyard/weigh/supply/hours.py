"""Success by hour of the day, with exact intervals: what nights, mornings and rush hours are like.

Exact means Clopper and Pearson's (1934): whatever the true share, the interval misses it in at most
5 % of cases. It is for a count planned beforehand, such as "the calls of this hour last week".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

CONFIDENCE = 0.95
CALLS_MIN = 20
"""Hours with fewer calls are said to be thin."""
_STEPS = 60


class Hour(NamedTuple):
    """One hour of the day, UTC."""

    hour: int
    calls: int
    succeeded: int
    lower: float
    upper: float

    @property
    def is_thin(self) -> bool:
        """Whether so few calls say next to nothing."""
        return self.calls < CALLS_MIN


def by_hour(counts: Iterable[tuple[int, int, int]]) -> list[Hour]:
    """The hours that had calls, in order, from (hours since 1970 UTC, calls, succeeded)."""
    sums: dict[int, list[int]] = {}
    for hour, calls, succeeded in counts:
        row = sums.setdefault(hour % 24, [0, 0])
        row[0] += calls
        row[1] += succeeded
    return [
        Hour(hour, calls, succeeded, *share_bounds(succeeded, calls))
        for hour, (calls, succeeded) in sorted(sums.items())
        if calls
    ]


def share_bounds(succeeded: int, calls: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Bounds of a share, exact for any count.

    Raises:
        ValueError: more succeeded than there were, or none were there.
    """
    if not 0 <= succeeded <= calls or not calls:
        raise ValueError(f"{succeeded} of {calls} is no share")
    tail = (1 - confidence) / 2
    failed = calls - succeeded
    lower = 0.0 if not succeeded else _quantile(tail, succeeded, failed + 1)
    upper = 1.0 if not failed else _quantile(1 - tail, succeeded + 1, failed)
    return lower, upper


def _quantile(share: float, a: int, b: int) -> float:
    """Where the beta distribution's function reaches ``share``, by halving."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _beta(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(log + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * fraction
