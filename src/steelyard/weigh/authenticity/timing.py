"""How fast a channel answers, beside its reference: a hint, never proof.

A smaller model is quicker and a resold one slower, but load, distance and caches do the same. So
the rank test below is shown and decides nothing.

Called by ``verdict``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

from steelyard.weigh.authenticity.probes import ProbeAnswer

__all__ = ["Pace", "first_token", "rank_sum", "speed"]


@dataclass(frozen=True, slots=True)
class Pace:
    """Two sides' medians and how far apart they are."""

    p: float
    """Two-sided, by Wilcoxon's rank sum with the normal law; good from about 8 answers a side."""
    reference: float
    suspect: float
    n: int
    """Answers of the suspect that were compared."""


def first_token(reference: Sequence[ProbeAnswer], suspect: Sequence[ProbeAnswer]) -> Pace | None:
    """Seconds to the first token; None if either side has no such times."""
    return _pace(lambda answer: answer.first_s, reference, suspect)


def speed(reference: Sequence[ProbeAnswer], suspect: Sequence[ProbeAnswer]) -> Pace | None:
    """Tokens per second after the first; None if either side has no such times."""
    return _pace(_tokens_per_s, reference, suspect)


def rank_sum(one: Sequence[float], other: Sequence[float]) -> float:
    """Two-sided p-value of Wilcoxon's rank sum, with ties and the continuity correction."""
    n, m = len(one), len(other)
    counts = Counter((*one, *other))
    ranks, below = {}, 0
    for value in sorted(counts):
        ranks[value] = below + (counts[value] + 1) / 2
        below += counts[value]
    total = n + m
    if not n or not m or total == 1:
        return 1.0
    excess = abs(sum(ranks[value] for value in one) - n * (total + 1) / 2)
    ties = sum(count**3 - count for count in counts.values())
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, excess - 0.5) / math.sqrt(variance)
    return 2 * (1 - NormalDist().cdf(z))


def _pace(
    measure: Callable[[ProbeAnswer], float | None],
    reference: Sequence[ProbeAnswer],
    suspect: Sequence[ProbeAnswer],
) -> Pace | None:
    ours = [value for value in map(measure, reference) if value is not None]
    theirs = [value for value in map(measure, suspect) if value is not None]
    if not ours or not theirs:
        return None
    return Pace(rank_sum(ours, theirs), median(ours), median(theirs), len(theirs))


def _tokens_per_s(answer: ProbeAnswer) -> float | None:
    if answer.first_s is None or answer.total_s is None or answer.completion_tokens is None:
        return None
    rest_s = answer.total_s - answer.first_s
    return (answer.completion_tokens - 1) / rest_s if rest_s > 0 else None
