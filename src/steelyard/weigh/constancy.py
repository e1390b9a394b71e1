"""Whether a judge reads the answers at all: the condition for a verdict that rests on its word.

A judge that does not read gives every offer a mean grade of a half: all ties, or as many wins as
losses. Its bounds close on a half, above any floor under it and below any floor over it. So an
offer is decided only when one of three holds:

- the judge is shown to read: it keeps to its opinion, when the order is turned, oftener than one
  that does not read could (half the time at most, whatever its favourite place). The bet of
  ``betting`` against that half holds at every moment of the run at once, so a race may look at it
  after every item and stop for it;
- the bounds of the mean leave out a half: their own error rate holds, whoever judged;
- hardly a grade is a tie of the judge's making.

Called by ``entrants`` item by item and by ``judging`` for its report. No loop, no clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from fractions import Fraction
from typing import Final

from steelyard.domain.tasks import UNSCORED_SHARE_MAX
from steelyard.weigh.betting import STAKES, Fortune, log_fortune
from steelyard.weigh.graders.judge import Settled, Winner

READING_ERROR: Final = 0.025
"""Chance at most, over a whole run however long, that a judge that does not read is taken to."""
HOPE_MIN: Final = 20
"""Graded items before a judge is despaired of; who asks fewer wants to see them."""
_GRACE: Final = 10
"""Pairs that a forecast takes to have been kept besides: so bad luck at first ends nothing."""
_HALF: Final = 0.5
_NOISE: Final = "nothing shows so far that the judge reads the answers"
_PLACES = (Winner.FIRST, Winner.SECOND)


class Opinion(Enum):
    """What the two opinions on a pair, one in either order, say of the judge."""

    NONE = auto()
    """Nobody was asked: no grade, or one that the answers gave themselves."""
    NEITHER = auto()
    """In one order, at least, it named none better."""
    TURNED = auto()
    """It named the same place both times: a tie."""
    KEPT = auto()
    """It named the same answer both times."""

    @classmethod
    def of(cls, settled: Settled | None) -> Opinion:
        """How a pair was settled; None where it was not."""
        if settled is None:
            return cls.NONE
        if settled.winner in _PLACES:
            return cls.KEPT
        return cls.TURNED if settled.favoured in _PLACES else cls.NEITHER


@dataclass(slots=True)
class Constancy:
    """How often a judge kept to its opinion, and whether a coin could have."""

    n_kept: int = 0
    n_turned: int = 0
    n_neither: int = 0
    _coin: Fortune = field(default_factory=lambda: Fortune(_HALF, READING_ERROR), repr=False)

    def take(self, opinion: Opinion) -> None:
        """Takes one more pair, in the run's order."""
        if opinion is Opinion.KEPT:
            self.n_kept += 1
            self._coin.take(1.0)
        elif opinion is Opinion.TURNED:
            self.n_turned += 1
            self._coin.take(0.0)
        elif opinion is Opinion.NEITHER:
            self.n_neither += 1

    @property
    def is_reading(self) -> bool:
        """Whether it kept to its opinion oftener than one that does not read could.

        Once true, always. What it goes by is another question: length is a thing one reads, too.
        """
        return self._coin.is_rich

    @property
    def n_named(self) -> int:
        """Pairs on which it named a better answer in both orders."""
        return self.n_kept + self.n_turned

    @property
    def n_tied(self) -> int:
        """Pairs that its opinions made a tie."""
        return self.n_turned + self.n_neither


@dataclass(slots=True)
class Gate:
    """What must hold of the judge before an offer may be decided."""

    error: float
    """Of each side of the mean's bounds."""
    size_max: int = 1
    """Most items in a cluster."""
    constancy: Constancy = field(default_factory=Constancy)
    n_graded: int = 0
    n_won: int = 0
    _above: Fortune = field(init=False, repr=False)
    _below: Fortune = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._above = Fortune(_HALF, self.error)
        self._below = Fortune(_HALF, self.error)

    def take(self, opinion: Opinion, grade: Fraction | None) -> None:
        """Takes an item in, in the run's order; unscored ones say nothing."""
        if grade is None:
            return
        self.constancy.take(opinion)
        self.n_graded += 1
        self.n_won += opinion is Opinion.KEPT and grade == 1

    def close(self, grades: Sequence[Fraction]) -> None:
        """Bets on a cluster as a whole, or on an item that stands alone."""
        weight = len(grades) / self.size_max
        gain = float(sum(grades)) / self.size_max
        self._above.take(gain, weight)
        self._below.take(max(0.0, weight - gain), weight)

    @property
    def is_open(self) -> bool:
        """Whether the mean is worth what its bounds say."""
        if self.constancy.is_reading or self._above.is_rich or self._below.is_rich:
            return True
        return self.constancy.n_tied <= UNSCORED_SHARE_MAX * self.n_graded

    def no_hope(self, n_left: int) -> bool:
        """Whether the gate would stay shut if the items that are left went like those so far.

        An economy, which no bound rests on: who ends early claims less. Its constancy is forecast
        as if ten pairs more had been kept, so that bad luck at first does not end a run.

        Args:
            n_left: items that may yet be graded.
        """
        if self.is_open or self.n_graded < HOPE_MIN:
            return False
        found = self.constancy
        grown = 1 + n_left / self.n_graded
        named = found.n_named * grown
        kept = named * (found.n_kept + _GRACE) / (found.n_named + _GRACE)
        if _log_won(kept, named - kept) >= -math.log(READING_ERROR):
            return False
        won, lost = self.n_won * grown, (found.n_kept - self.n_won) * grown
        return _log_won(max(won, lost), min(won, lost)) < -math.log(self.error)

    @property
    def told(self) -> str:
        """Why nothing is decided, for people."""
        found = self.constancy
        if not found.n_named:
            return f"{_NOISE}: in both orders it named a better one on none of {found.n_tied} pairs"
        return (
            f"{_NOISE}: with the order turned it kept to its opinion on {found.n_kept} of"
            f" {found.n_named} pairs, and a coin does so on half of them"
        )


def _log_won(n_for: float, n_against: float) -> float:
    """The log fortune against a half after so many observations of 1 and of 0."""
    return log_fortune(
        [n_for * math.log1p(stake) + n_against * math.log1p(-stake) for stake in STAKES]
    )
