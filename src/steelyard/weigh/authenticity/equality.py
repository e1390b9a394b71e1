"""Are the suspect's answers drawn from the reference's distribution? A two-sample test per prompt.

After "Model Equality Testing: Which Model Is This API Serving?" (Gao, Liang and Guestrin, 2024):
the maximum mean discrepancy between both sides' answers to a prompt under a string kernel, summed
over prompts, against permutations within prompts. Beside it the lengths of the answers, where a
model that differs in little but its habits shows first.

Called by ``verdict``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from statistics import NormalDist, fmean, stdev

from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.permutation import (
    Alternative,
    KernelStratum,
    ScoreStratum,
    p_value,
)
from steelyard.weigh.authenticity.pieces import likeness, pieces
from steelyard.weigh.authenticity.probes import ProbeAnswer

__all__ = ["Equality", "likenesses", "test"]

Likenesses = tuple[tuple[float, ...], ...]
_PROMPTS_MIN = 8
"""A margin from fewer prompts is no margin."""
_BOUND_Z = NormalDist().inv_cdf(0.995)
_KEPT = 48
"""Prompts whose likenesses are kept: the test of mixtures needs them again."""


@dataclass(frozen=True, slots=True)
class Equality:
    """What was found; each p-value is to be held against its own share of the error."""

    p_answers: float
    p_length: float
    distance: float
    """Root of the mean discrepancy over prompts, from 0 (alike) to 1.41 (nothing in common)."""
    share_lower: float
    """Bound below the share of foreign answers, at about 99.5 %."""
    n: int
    """Answers of the suspect that were compared."""


def test(
    pairs: Sequence[Pair], *, error_answers: Fraction, error_length: Fraction, seed: int
) -> Equality:
    """Compares answers to open probes.

    Args:
        pairs: of open probes; a prompt needs two answers on each side to count.
        error_answers: what ``p_answers`` will be compared with.
        error_length: what ``p_length`` will be compared with.
        seed: of the permutations.
    """
    telling = [pair for pair in pairs if min(len(pair.reference), len(pair.suspect)) > 1]
    strata = [
        KernelStratum.of(likenesses((*pair.reference, *pair.suspect)), len(pair.suspect))
        for pair in telling
    ]
    lengths = [
        ScoreStratum.of([_length(a) for a in pair.reference], [_length(a) for a in pair.suspect])
        for pair in telling
    ]
    found = [stratum.observed for stratum in strata]
    mean = math.fsum(found) / len(found) if found else 0.0
    return Equality(
        p_answers=p_value(strata, error=error_answers, seed=seed),
        p_length=p_value(lengths, error=error_length, seed=seed, alternative=Alternative.EITHER),
        distance=math.sqrt(max(0.0, mean)),
        share_lower=_share_lower(found),
        n=sum(len(pair.suspect) for pair in telling),
    )


def _share_lower(found: Sequence[float]) -> float:
    """The least share of foreign answers that explains the discrepancies.

    A share e of foreign answers makes a squared discrepancy of e squared times that of a whole
    swap, which is 2 at most, since likeness lies between 0 and 1. The margin is that of the mean
    over prompts, by the normal law.
    """
    if len(found) < _PROMPTS_MIN:
        return 0.0
    lower = fmean(found) - _BOUND_Z * stdev(found) / math.sqrt(len(found))
    return math.sqrt(max(0.0, lower) / 2)


def likenesses(answers: Sequence[ProbeAnswer]) -> Likenesses:
    """How alike each two answers are."""
    return _likenesses(tuple(pieces(answer.text) for answer in answers))


@lru_cache(maxsize=_KEPT)
def _likenesses(starts: tuple[tuple[str, ...], ...]) -> Likenesses:
    rows = [[1.0] * len(starts) for _ in starts]
    for i, one in enumerate(starts):
        for j in range(i):
            rows[i][j] = rows[j][i] = likeness(one, starts[j])
    return tuple(map(tuple, rows))


def _length(answer: ProbeAnswer) -> float:
    """Logarithm, so that a long answer does not outweigh the short ones."""
    return math.log1p(len(answer.text))
