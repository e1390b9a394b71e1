"""Does ``max_tokens`` reach the model? Who ignores it sells longer answers than were ordered.

Answers to tasks without an end are as long as ``max_tokens`` allows. A channel that passes on less
or more than was asked gives shorter or longer texts, whatever it reports.

Called by ``verdict``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean

from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.permutation import Alternative, ScoreStratum, p_value
from steelyard.weigh.authenticity.probes import ProbeAnswer

__all__ = ["Obedience", "test"]


@dataclass(frozen=True, slots=True)
class Obedience:
    """What was found."""

    p: float
    factor: float
    """Length of the suspect's texts over that of the reference's, geometric mean; 1 if equal."""
    n: int
    """Answers of the suspect that were compared."""


def test(pairs: Sequence[Pair], *, error: Fraction, seed: int) -> Obedience:
    """Compares lengths of answers to tasks without an end.

    Args:
        pairs: of obedience probes.
        error: what the p-value will be compared with.
        seed: of the permutations.
    """
    sides = [
        ([_size(a) for a in pair.reference], [_size(a) for a in pair.suspect]) for pair in pairs
    ]
    strata = [ScoreStratum.of(ours, theirs) for ours, theirs in sides]
    gaps = [fmean(theirs) - fmean(ours) for ours, theirs in sides]
    return Obedience(
        p=p_value(strata, error=error, seed=seed, alternative=Alternative.EITHER),
        factor=math.exp(fmean(gaps)) if gaps else 1.0,
        n=sum(len(theirs) for _, theirs in sides),
    )


def _size(answer: ProbeAnswer) -> float:
    return math.log1p(len(answer.text))
