"""Log-probabilities of the first token, where a channel gives them: the sharpest look there is.

The likeliest first tokens and their probabilities do not depend on chance, only on the weights, a
little on the hardware and on who shares the batch. So their distance within the reference is the
scale, and what other hardware does to them is forgiven.

Called by ``verdict``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.permutation import ScoreStratum, p_value

__all__ = ["Logprobs", "distance", "test"]

_FORGIVEN = 0.05
"""Distance in probability that other kernels, batches or rounding may cause."""
_REFERENCES_MIN = 2
"""Without two of them nobody knows how much the reference differs from itself."""

Tops = Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Logprobs:
    """What was found."""

    p: float
    distance: float
    """Mean distance of the suspect's first-token law from the reference's, from 0 to 1."""
    n: int
    """Answers of the suspect that were compared; 0 if either side gives no log-probabilities."""


def test(pairs: Sequence[Pair], *, error: Fraction, seed: int) -> Logprobs:
    """Compares first-token log-probabilities.

    Each answer scores its mean distance to the others of its prompt. Of the suspect only the first
    takes part: alone among answers that agree, one from other weights stands apart.

    Args:
        pairs: of open probes; a prompt needs two answers of the reference with log-probabilities.
        error: what the p-value will be compared with.
        seed: of the permutations.
    """
    strata, distances = [], []
    for pair in pairs:
        ours = [answer.logprobs for answer in pair.reference if answer.logprobs]
        theirs = [answer.logprobs for answer in pair.suspect if answer.logprobs][:1]
        if len(ours) < _REFERENCES_MIN or not theirs:
            continue
        everyone = [*ours, *theirs]
        scores = [
            math.fsum(distance(one, other) for other in everyone) / (len(everyone) - 1)
            for one in everyone
        ]
        strata.append(ScoreStratum.of(scores[: len(ours)], scores[len(ours) :]))
        distances += [
            math.fsum(distance(one, other) for other in ours) / len(ours) for one in theirs
        ]
    return Logprobs(
        p=p_value(strata, error=error, seed=seed),
        distance=math.fsum(distances) / len(distances) if distances else 0.0,
        n=len(distances),
    )


def distance(one: Tops, other: Tops) -> float:
    """Total variation between two first-token laws as far as both lists tell, less the forgiven.

    A token that only one list has is at most as likely as the other's least likely one there; that
    much is granted to it.
    """
    if not one or not other:
        return 0.0
    ours, theirs = dict(one), dict(other)
    ours_least, theirs_least = min(ours.values()), min(theirs.values())
    total = 0.0
    for token in sorted(ours.keys() | theirs.keys()):
        a = ours.get(token, min(ours_least, theirs.get(token, ours_least)))
        b = theirs.get(token, min(theirs_least, ours.get(token, theirs_least)))
        total += abs(math.exp(a) - math.exp(b))
    return max(0.0, total / 2 - _FORGIVEN)
