"""Is part of the traffic served by another model? A reseller may swap one call in four.

The discrepancy of ``equality`` falls with the square of the swapped share. Here each answer gets a
score of its own, how untypical it is among all answers to its prompt, and the suspect's scores are
summed: that falls with the share itself. Two sums: of the scores, two-sided, since a substitute may
also be duller than the model; and of the answers in the untypical tail, for a small share of very
foreign answers.

Scores do not know whose an answer is, so permutations within prompts give their exact law.

Called by ``verdict``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from steelyard.weigh.authenticity.equality import likenesses
from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.permutation import Alternative, ScoreStratum, p_value
from steelyard.weigh.authenticity.pieces import pieces
from steelyard.weigh.authenticity.probes import ProbeAnswer

__all__ = ["Mixture", "test", "untypical"]

_TAIL = 0.2
"""Share of all answers to a prompt that counts as its untypical tail."""
_BOUND_Z = NormalDist().inv_cdf(0.995)
_RARE = 0.5
"""Added to counts, so that a piece that nobody else used has a finite score."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """What was found; both p-values are to be held against half the error each."""

    p_scores: float
    p_tail: float
    share: float
    """Estimate of the swapped share; too low by as much as a substitute's answers look genuine."""
    share_lower: float
    """Bound below the swapped share at about 99.5 %. No bound from above exists without knowing the
    substitute: one that answers as the model does cannot be told from it."""
    n: int
    """Answers of the suspect that were compared."""


def test(pairs: Sequence[Pair], *, error: Fraction, seed: int) -> Mixture:
    """Looks for foreign answers among those to open probes.

    Args:
        pairs: of open probes; a prompt needs two answers of the reference to count.
        error: of both p-values together.
        seed: of the permutations.
    """
    telling = [pair for pair in pairs if len(pair.reference) > 1]
    scores, tails = [], []
    for pair in telling:
        values = untypical((*pair.reference, *pair.suspect))
        split = len(pair.reference)
        scores.append(ScoreStratum.of(values[:split], values[split:]))
        is_tail = _tail(values)
        tails.append(ScoreStratum.of(is_tail[:split], is_tail[split:]))
    share, lower = _share(tails)
    return Mixture(
        p_scores=p_value(scores, error=error / 2, seed=seed, alternative=Alternative.EITHER),
        p_tail=p_value(tails, error=error / 2, seed=seed),
        share=share,
        share_lower=lower,
        n=sum(len(pair.suspect) for pair in telling),
    )


def untypical(answers: Sequence[ProbeAnswer]) -> list[float]:
    """How untypical each answer is among the others to its prompt, in standard deviations.

    The mean of two: how little it is alike the others from place to place, and how rare its pieces
    are in the others wherever they stand.
    """
    n = len(answers)
    unlike = [-math.log((sum(row) - 1 + _RARE) / n) for row in likenesses(answers)]
    bags = [set(pieces(answer.text)) for answer in answers]
    holders = Counter(piece for bag in bags for piece in bag)
    rare = [
        math.fsum(-math.log((holders[piece] - 1 + _RARE) / n) for piece in sorted(bag)) / len(bag)
        for bag in bags
    ]
    return [(a + b) / 2 for a, b in zip(_standard(unlike), _standard(rare), strict=True)]


def _standard(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / len(values)
    if variance < 1e-12:  # noqa: PLR2004 - all alike but for rounding
        return [0.0] * len(values)
    return [(value - mean) / math.sqrt(variance) for value in values]


def _tail(values: Sequence[float]) -> list[float]:
    """1 for the most untypical answers, 0 for the rest; ties at the edge are left out."""
    edge = sorted(values, reverse=True)[math.ceil(_TAIL * len(values)) - 1]
    above = [value for value in values if value >= edge]
    if len(above) > math.ceil(_TAIL * len(values)):
        return [float(value > edge) for value in values]
    return [float(value >= edge) for value in values]


def _share(tails: Sequence[ScoreStratum]) -> tuple[float, float]:
    """The swapped share and its lower bound, from the excess of answers in the tails.

    Of the genuine answers at most the tail's share lies in it (less, once foreign answers have
    filled it), so what the suspect has beyond that is foreign, if not all that is foreign.
    """
    excess, variance, room = 0.0, 0.0, 0.0
    for stratum in tails:
        n, m = stratum.n, stratum.n_suspect
        if not 0 < m < n:
            continue
        mean = stratum.mean / m
        excess += math.fsum(stratum.scores[n - m :]) - stratum.mean
        variance += m * mean * (1 - mean) * (n - m) / (n - 1)  # hypergeometric
        room += m * (1 - mean)
    if not room:
        return 0.0, 0.0
    lower = (excess - _BOUND_Z * math.sqrt(variance)) / room
    return max(0.0, excess / room), max(0.0, lower)
