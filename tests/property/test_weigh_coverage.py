"""Law: the true mean is outside the bounds *ever in a run* at most as often as stated.

Runs are simulated with a fixed seed; the screen that ``Decision`` keeps at its floor is exactly
the test of the mean "floor", so a floor set to the truth counts every miss at every moment.
"""

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.domain.tasks import Grade
from steelyard.weigh.stats import Decision

RUNS = 400
ITEMS = 120
# 5 % plus three standard deviations of a 5 % count over 400 runs.
MISSES_MAX = 0.05 + 3 * (0.05 * 0.95 / RUNS) ** 0.5


def _misses(draw: object, mean: str) -> float:
    missed = 0
    for _ in range(RUNS):
        decision = Decision(Decimal(mean), graded_min=1)
        for _ in range(ITEMS):
            decision.take(Grade(draw()))  # type: ignore[operator]
            if decision.is_settled:
                missed += 1
                break
    return missed / RUNS


@pytest.mark.parametrize("mean", ["0.1", "0.5", "0.8", "0.97"])
def test_right_or_wrong_grades(mean: str) -> None:
    chance = random.Random(f"coins {mean}")
    truth = float(mean)
    assert _misses(lambda: Fraction(chance.random() < truth), mean) <= MISSES_MAX


def test_fractions_of_slots() -> None:
    # Sums of three fair slots over three: mean one half, grades 0, 1/3, 2/3, 1.
    chance = random.Random("slots")
    grade = lambda: Fraction(sum(chance.random() < 0.5 for _ in range(3)), 3)  # noqa: E731
    assert _misses(grade, "0.5") <= MISSES_MAX


def test_stopping_at_every_peek_with_ordinary_intervals_would_not_do() -> None:
    # The reason for all this: Wilson's 95 % interval, looked at after every item.
    chance = random.Random("wilson")
    missed = 0
    for _ in range(RUNS):
        right = 0
        for n in range(1, ITEMS + 1):
            right += chance.random() < 0.8
            share, z = right / n, 1.96
            centre = (share + z * z / (2 * n)) / (1 + z * z / n)
            half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
            if n >= 10 and not centre - half <= 0.8 <= centre + half:
                missed += 1
                break
    assert missed / RUNS > 2 * 0.05
