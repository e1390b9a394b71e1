"""How sure a weighing is: intervals for a mean grade that stay valid when one stops early.

The method is the hedged-capital confidence sequence with predictable plug-in bets of Waudby-Smith
and Ramdas, "Estimating means of bounded random variables by betting" (JRSS-B 2024, theorem 3).
For each candidate mean m a gambler bets on the grades being larger, another on their
being smaller. If m is the true mean, neither fortune is ever expected to grow, so it passes
2 / error with probability at most error / 2 *over the whole run* (Ville's inequality). The means
that no gambler got rich against are the interval. It needs no variance, no normality and no planned
sample size, and works for right-or-wrong grades and fractions alike; where grades agree it adapts.
Wilson's interval is narrower at one planned n (lower bound 0.76 instead of 0.73 at 205 of 250), but
looking at it after every item, as a run does, makes it wrong far more often than it says.

What it asks for: grades come in an order fixed before any was seen (the runner's seeded shuffle),
and the set is a fair sample of the work. It measures the set, not the world.

Called by the runner and the report. Grades are not money: floats do here, and bounds leave as
``Decimal`` on a grid of millionths so that comparing with a floor is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.tasks import UNSCORED_SHARE_MAX, Grade, Status, decide

CONFIDENCE = Decimal("0.95")
GRADED_MIN = 10
"""No verdict before so many graded items. The bounds hold without it; people's trust would not."""

_GRID = 1_000_000
_BET_SHARE_MAX = 0.5  # never stake more than half of what could be lost: the paper's c


class Interval(NamedTuple):
    """Bounds of a mean, rounded outward to millionths."""

    lower: Decimal
    upper: Decimal


class PairedDifference(NamedTuple):
    """How much better one offer is than another on the same items, -1 to 1."""

    mean: Fraction | None
    """None without a common item."""
    lower: Decimal
    upper: Decimal
    n: int
    """Items that both have graded."""


@dataclass(slots=True)
class Bets:
    """The stake for each grade, settled before that grade is seen.

    State is the running mean and variance with the paper's prior of one half and one quarter.
    """

    error: float
    """The whole error of both sides, such as 0.05."""
    _n: int = 0
    _total: float = 0.0
    _square: float = 0.0
    _variance: float = 0.25

    def next(self, grade: float) -> float:
        """The stake for ``grade``, which is taken in only after the stake is fixed."""
        t = self._n + 1
        stake = math.sqrt(2 * math.log(2 / self.error) / (self._variance * t * math.log(t + 1)))
        self._n = t
        self._total += grade
        mean = (0.5 + self._total) / (t + 1)
        self._square += (grade - mean) ** 2
        self._variance = (0.25 + self._square) / (t + 1)
        return stake


def _gain(grade: float, mean: float, stake: float) -> float:
    """Log growth of the fortune of who bets that the true mean is larger than ``mean``."""
    return math.log1p(min(stake, _BET_SHARE_MAX / mean) * (grade - mean))


def _bound(grades: Sequence[float], error: float) -> int:
    """The largest m, in millionths, that the grades speak against from above.

    The fortune falls as m grows (each factor does), so bisection finds the edge.
    """
    bets = Bets(error)
    staked = [(grade, bets.next(grade)) for grade in grades]
    rich = math.log(2 / error)
    low, high = 0, _GRID  # 0 bounds every grade from below; the grid's end is never refuted
    while high - low > 1:
        middle = (low + high) // 2
        mean = middle / _GRID
        if sum(_gain(grade, mean, stake) for grade, stake in staked) >= rich:
            low = middle
        else:
            high = middle
    return low


def interval(grades: Sequence[Fraction], confidence: Decimal = CONFIDENCE) -> Interval:
    """Bounds of the mean of grades in [0, 1] that hold at every moment of a run at once.

    Args:
        grades: in the order fixed before the run; the bounds depend on it slightly.
        confidence: such as 0.95.

    Raises:
        ValueError: a grade outside [0, 1], or a confidence not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, not {confidence}")
    if any(not 0 <= grade <= 1 for grade in grades):
        raise ValueError("grades lie between 0 and 1")
    error = float(1 - confidence)
    up = [float(grade) for grade in grades]
    lower = _bound(up, error)
    upper = _GRID - _bound([1.0 - grade for grade in up], error)
    return Interval(Decimal(lower) / _GRID, Decimal(upper) / _GRID)


def paired_difference(
    left: Sequence[Fraction | None],
    right: Sequence[Fraction | None],
    confidence: Decimal = CONFIDENCE,
) -> PairedDifference:
    """Mean of left minus right over the items both have graded, with bounds valid at any time.

    Args:
        left: grades of one offer in the run's order; None where it has none.
        right: grades of the other on the same items, position by position.
        confidence: such as 0.95.

    Raises:
        ValueError: the two differ in length.
    """
    pairs = zip(left, right, strict=True)
    differences = [a - b for a, b in pairs if a is not None and b is not None]
    bounds = interval([(d + 1) / 2 for d in differences], confidence)
    n = len(differences)
    mean = sum(differences, Fraction(0)) / n if n else None
    return PairedDifference(mean, 2 * bounds.lower - 1, 2 * bounds.upper - 1, n)


@dataclass(slots=True)
class _Fortune:
    """One gambler's log fortune against one candidate mean, grade by grade."""

    mean: float
    error: float
    bets: Bets = field(init=False)
    log: float = 0.0

    def __post_init__(self) -> None:
        self.bets = Bets(self.error)

    def take(self, grade: float) -> None:
        """Bets on one more grade."""
        self.log += _gain(grade, self.mean, self.bets.next(grade))


@dataclass(slots=True)
class Decision:
    """A sequence of grades as far as it was needed: stops by itself once the floor is decided.

    Fed with grades in the run's order it gives the same answer whatever order the vendor's answers
    came in, and after a resume. ``take`` costs a microsecond; only when a gambler against the floor
    is rich are the bounds computed.
    """

    floor: Decimal
    confidence: Decimal = CONFIDENCE
    graded_min: int = GRADED_MIN
    grades: list[Fraction] = field(default_factory=list)
    n_unscored: int = 0
    status: Status = Status.NOT_PROVEN
    _above: _Fortune = field(init=False, repr=False)
    _below: _Fortune = field(init=False, repr=False)

    def __post_init__(self) -> None:
        error = float(1 - self.confidence)
        self._above = _Fortune(float(self.floor), error)
        # At a floor of 1 nobody can bet on less than nothing being missing; any tiny mean will do
        # for the screen, the bounds decide.
        self._below = _Fortune(max(1 - float(self.floor), 1 / _GRID), error)

    @property
    def is_settled(self) -> bool:
        """Whether more grades would change nothing any more."""
        return self.status is not Status.NOT_PROVEN

    @property
    def bounds(self) -> Interval:
        """Bounds of the mean over the grades taken."""
        return interval(self.grades, self.confidence)

    def take(self, grade: Grade) -> None:
        """Takes one more grade; ignored once settled."""
        if self.is_settled:
            return
        if grade.value is None:
            self.n_unscored += 1
            return
        self.grades.append(grade.value)
        value = float(grade.value)
        self._above.take(value)
        self._below.take(1.0 - value)
        rich = math.log(2 / float(1 - self.confidence))
        if (
            max(self._above.log, self._below.log) < rich - 1e-9
            or len(self.grades) < self.graded_min
        ):
            return
        asked = len(self.grades) + self.n_unscored
        share = Fraction(self.n_unscored, asked)
        if share > UNSCORED_SHARE_MAX:
            return  # nothing will come of it; the bounds of a long run are not free
        self.status = decide(*self.bounds, self.floor, share)
