"""How much of the traffic goes to a substitute that one has recordings of?

Without knowing the substitute only a lower bound of the swapped share exists (``mixture``). With
its answers to the same probes the share can be measured from both sides: the suspect's answers lie
between the two models', and how far along is the share.

Called by whoever has a substitute in mind, and by the bench.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

from steelyard.weigh.authenticity.equality import likenesses
from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.probes import ProbeAnswer

__all__ = ["Share", "share_of"]

_CONFIDENCE = 0.95
_ANSWERS_MIN = 2
"""Of each side, to tell how much a side differs from itself."""


@dataclass(frozen=True, slots=True)
class Share:
    """Part of a suspect's answers that are the substitute's; not cut to [0, 1]."""

    estimate: float
    lower: float
    upper: float
    """Bounds at 95 %, by the normal law."""
    n: int
    """Answers of the suspect that were compared."""


def share_of(pairs: Sequence[Pair], substitute: Iterable[ProbeAnswer]) -> Share | None:
    """The share of the substitute in the suspect's answers.

    Each answer is scored by how much more it is like the reference's than like the substitute's,
    itself left out; mean scores of a mixture lie between those of its parts.

    Args:
        pairs: of open probes.
        substitute: answers of the model in mind to the same probes.

    Returns:
        None if nothing can be compared, or if the two models cannot be told apart.
    """
    by_probe: dict[str, list[ProbeAnswer]] = defaultdict(list)
    for answer in substitute:
        by_probe[answer.probe_id].append(answer)
    gap, span, noise, n = 0.0, 0.0, 0.0, 0
    for pair in pairs:
        sides = pair.reference, pair.suspect, tuple(by_probe[pair.probe.id])
        if min(map(len, sides)) < _ANSWERS_MIN:
            continue
        ours, theirs, others = _scores(*sides)
        # Prompts count by the answers of the suspect, as the share does.
        weight = len(theirs)
        gap += weight * (fmean(ours) - fmean(theirs))
        span += weight * (fmean(ours) - fmean(others))
        noise += weight**2 * (variance(ours) / len(ours) + variance(theirs) / len(theirs))
        n += weight
    if span <= 0:
        return None
    reach = NormalDist().inv_cdf(0.5 + _CONFIDENCE / 2) * math.sqrt(noise) / span
    return Share(gap / span, gap / span - reach, gap / span + reach, n)


def _scores(
    ours: Sequence[ProbeAnswer], theirs: Sequence[ProbeAnswer], others: Sequence[ProbeAnswer]
) -> tuple[list[float], list[float], list[float]]:
    """Likeness to the reference less likeness to the substitute, of each answer of each side."""
    a, b = len(ours), len(ours) + len(theirs)
    rows = likenesses((*ours, *theirs, *others))
    scores = []
    for place, row in enumerate(rows):
        is_ours, is_other = place < a, place >= b
        to_ours = (sum(row[:a]) - is_ours) / (a - is_ours)  # an answer is 1 like itself
        to_others = (sum(row[b:]) - is_other) / (len(others) - is_other)
        scores.append(to_ours - to_others)
    return scores[:a], scores[a:b], scores[b:]
