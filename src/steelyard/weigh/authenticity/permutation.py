"""Exact tests by exchanging answers within prompts: the null law of every test of this package.

If two channels serve the same model, the answers to one prompt are exchangeable between them: which
of them came from the suspect is a random choice. So the observed statistic is one draw among those
of random choices, and its rank is a p-value with no assumption about texts or counts. Prompts are
never mixed: a stratum is one prompt (or one group of equal calls).

Drawing stops by Besag and Clifford (1991): once ``HITS`` draws reach the observed value, the
p-value is their number over the draws made. It is exact at any sample size, and the same verdict on
a genuine channel costs tens of draws instead of thousands.

A sum may be trimmed: it does without the prompts that say most, and so do the draws that it is
compared with. It stays exact, and no few prompts alone raise an alarm.

Called by the tests of this package.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import lru_cache
from heapq import nlargest
from operator import itemgetter
from typing import Any

__all__ = [
    "HITS",
    "Alternative",
    "KernelStratum",
    "NoveltyStratum",
    "ScoreStratum",
    "Stratum",
    "p_value",
]

HITS = 4
"""So many draws at least as extreme end the drawing. The cost of fewer would be less power."""
_TIES = 1e-9
"""Sums of the same numbers in another order are equal; more ties only raise a p-value."""
_BLOCK = 32
_CHOICES_KEPT = 192
"""Strata whose choices are kept between the tests of one verdict; some hundred KB each."""

Chosen = Callable[[Sequence[Any]], tuple[Any, ...]]
"""Picks the suspect's items of a stratum out of a sequence over its items."""


@dataclass(frozen=True, slots=True)
class ScoreStratum:
    """Adds the chosen items' scores, less what is expected by chance."""

    n: int
    """Items of one prompt, among which any could have been the suspect's; its own are the last."""
    n_suspect: int
    scores: tuple[float, ...]
    """By item, each a function of the pooled items that does not know whose they are."""
    mean: float
    """Expected sum over a random choice."""

    @classmethod
    def of(cls, reference: Sequence[float], suspect: Sequence[float]) -> ScoreStratum:
        """Scores of both sides of one stratum."""
        scores = (*reference, *suspect)
        mean = math.fsum(scores) * len(suspect) / len(scores)
        return cls(len(scores), len(suspect), scores, mean)

    def values(self, choices: Sequence[Chosen]) -> list[float]:
        """The chosen items' excess, for each choice."""
        scores, mean = self.scores, self.mean
        return [sum(chosen(scores)) - mean for chosen in choices]

    @property
    def is_telling(self) -> bool:
        """Whether another choice could give another value."""
        return 0 < self.n_suspect < self.n and min(self.scores) < max(self.scores)


@dataclass(frozen=True, slots=True)
class KernelStratum:
    """Adds the squared maximum mean discrepancy between the chosen items and the rest.

    The unbiased estimate of Gretton et al. (2012); needs two items on each side.
    """

    n: int
    """As in ``ScoreStratum``."""
    n_suspect: int
    rows: tuple[tuple[float, ...], ...]
    """The kernel between items, symmetric, with zeros on the diagonal."""
    sums: tuple[float, ...]
    """Of each row."""
    total: float
    """Of all rows."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]], n_suspect: int) -> KernelStratum:
        """A kernel's values between all items, the suspect's last; the diagonal is ignored."""
        bare = tuple(
            tuple(0.0 if i == j else value for j, value in enumerate(row))
            for i, row in enumerate(rows)
        )
        sums = tuple(map(math.fsum, bare))
        return cls(len(bare), n_suspect, bare, sums, math.fsum(sums))

    def values(self, choices: Sequence[Chosen]) -> list[float]:
        """The discrepancy, about 0 by chance, for each choice."""
        m, r = self.n_suspect, self.n - self.n_suspect
        rows, sums = self.rows, self.sums
        # within / m(m-1) + rest / r(r-1) - 2 across / mr, where the chosen rows' sum is within +
        # across, and all rows' sum is within + rest + 2 across.
        by_within = 1 / (m * (m - 1)) + 1 / (r * (r - 1)) + 2 / (m * r)
        by_sum = -2 / (r * (r - 1)) - 2 / (m * r)
        base = self.total / (r * (r - 1))
        return [
            base + by_within * sum(map(sum, map(chosen, chosen(rows)))) + by_sum * sum(chosen(sums))
            for chosen in choices
        ]

    @property
    def is_telling(self) -> bool:
        """Whether another choice could give another value."""
        return min(self.n_suspect, self.n - self.n_suspect) > 1

    @property
    def observed(self) -> float:
        """The discrepancy between the suspect's own items and the rest."""
        (value,) = self.values([_chooser(range(self.n - self.n_suspect, self.n))])
        return value


@dataclass(frozen=True, slots=True)
class NoveltyStratum:
    """Adds how new chosen items are to the rest, less how new each of the rest is to the others.

    New is what is far from its nearest neighbour. So who takes turns between a few answers is not
    new, whichever turn it is; needs two items that are not chosen.
    """

    n: int
    """As in ``ScoreStratum``."""
    n_suspect: int
    nearest: tuple[tuple[tuple[int, float], ...], ...]
    """By item, the others and how far they are, nearest first."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]], n_suspect: int) -> NoveltyStratum:
        """Likenesses between all items, from 0 to 1, the suspect's last."""
        nearest = tuple(
            tuple(sorted(((j, 1 - v) for j, v in enumerate(row) if j != i), key=itemgetter(1)))
            for i, row in enumerate(rows)
        )
        return cls(len(rows), n_suspect, nearest)

    def values(self, choices: Sequence[Chosen]) -> list[float]:
        """The excess of novelty, for each choice."""
        items = tuple(range(self.n))
        per_chosen, per_rest = 1 / self.n_suspect, -1 / (self.n - self.n_suspect)
        found = []
        for chosen in choices:
            own = set(chosen(items))
            value = 0.0
            for item in items:
                far = next(far for other, far in self.nearest[item] if other not in own)
                value += far * (per_chosen if item in own else per_rest)
            found.append(value)
        return found

    @property
    def is_telling(self) -> bool:
        """Whether another choice could give another value."""
        is_enough = self.n_suspect > 0 and self.n - self.n_suspect > 1
        return is_enough and any(row[-1][1] > 0 for row in self.nearest)


Stratum = ScoreStratum | KernelStratum | NoveltyStratum


class Alternative(IntEnum):
    """Which way a statistic must stray to count."""

    MORE = 1
    LESS = -1
    EITHER = 0


def p_value(
    strata: Sequence[Stratum],
    *,
    error: Fraction,
    seed: int,
    alternative: Alternative = Alternative.MORE,
    trimmed: int = 0,
) -> float:
    """Chance that a random choice of the suspect's items reaches the observed statistic.

    Args:
        strata: independent of each other; those in which every choice is alike say nothing.
        error: what the p-value will be compared with: enough draws are made to get below it.
        seed: of the draws, fixed before any answer is seen.
        alternative: ``Alternative.MORE``, ``LESS``, or ``EITHER`` for statistics around 0.
        trimmed: so many of the largest values are left out of each sum, the observed one and the
            draws alike; with ``Alternative.MORE`` alone.

    Raises:
        ValueError: an error not between 0 and 1, or a trimmed sum that looks the other way.
    """
    if not 0 < error < 1:
        raise ValueError(f"an error lies between 0 and 1, not {error}")
    if trimmed and alternative != Alternative.MORE:
        raise ValueError("a sum is trimmed of its largest values, so only more of it counts")
    telling = [stratum for stratum in strata if stratum.is_telling]
    if not telling:
        return 1.0
    own = [(_chooser(range(s.n - s.n_suspect, s.n)),) for s in telling]
    (observed,) = _totals(telling, own, alternative, trimmed)
    reached = observed - _TIES * max(1.0, abs(observed))
    draws = math.ceil(HITS / error) - 1
    tables = [_choices(s.n, s.n_suspect, seed, place) for place, s in enumerate(telling)]
    hits, done = 0, 0
    while done < draws:
        # A genuine channel is done after tens of draws, so blocks are small at first.
        size = min(max(_BLOCK, done), draws - done)
        block = [table.between(done, done + size) for table in tables]
        for value in _totals(telling, block, alternative, trimmed):
            done += 1
            hits += value >= reached
            if hits == HITS:
                return hits / done
    return (hits + 1) / (draws + 1)


def _totals(
    strata: Sequence[Stratum],
    picks: Sequence[Sequence[Chosen]],
    alternative: Alternative,
    trimmed: int,
) -> list[float]:
    """The statistic for each choice, turned so that more is more extreme."""
    columns = [stratum.values(choices) for stratum, choices in zip(strata, picks, strict=True)]
    if trimmed:
        return [sum(row) - sum(nlargest(trimmed, row)) for row in zip(*columns, strict=True)]
    totals = map(sum, zip(*columns, strict=True))
    if alternative == Alternative.EITHER:
        return [abs(total) for total in totals]
    return [alternative * total for total in totals]


def _chooser(places: Sequence[int]) -> Chosen:
    """Picks the items at these places; always a tuple, also of one."""
    if len(places) == 1:
        (only,) = places
        return lambda items: (items[only],)
    return itemgetter(*places)


@lru_cache(maxsize=1024)
def _single(place: int) -> Chosen:
    """One for all choices of this place: of one in n there are many."""
    return _chooser((place,))


@dataclass(slots=True)
class _Choices:
    """Random choices of ``m`` items out of ``n``, made as far as somebody asked."""

    n: int
    m: int
    draw: random.Random
    made: list[Chosen]

    def between(self, start: int, end: int) -> list[Chosen]:
        """Choices by their numbers, the last one not included."""
        while len(self.made) < end:
            places = self.draw.sample(range(self.n), self.m)
            self.made.append(_chooser(places) if self.m > 1 else _single(*places))
        return self.made[start:end]


@lru_cache(maxsize=_CHOICES_KEPT)
def _choices(n: int, m: int, seed: int, place: int) -> _Choices:
    """The choices for one stratum; another place has others, so that strata are independent."""
    draw = random.Random(f"{n} {m} {seed} {place}")  # noqa: S311 - a test, not a secret
    return _Choices(n, m, draw, [])
