"""Does the channel read the whole prompt? A cut context saves a reseller most of the cost.

One long document holds a line for each question. A model that reads all of it finds most; where the
prompt was cut, the answers are gone at the depths that were cut. A weaker model finds less as well,
so fewer lines found do not say which of the two it is. The reported prompt count may tell: capped,
unless it was made up.

Called by ``verdict``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.permutation import Alternative, ScoreStratum, p_value
from steelyard.weigh.authenticity.probes import Probe, ProbeAnswer

__all__ = ["Context", "is_found", "test"]

_LOST_MAX = 0.5
"""A depth counts as lost when the suspect finds less than so much of what the reference finds."""


@dataclass(frozen=True, slots=True)
class Context:
    """What was found."""

    p: float
    found_reference: float
    """Share of the questions that the reference answers."""
    found_suspect: float
    lost: tuple[float, ...]
    """Depths, from 0 (start) to 1, whose line the reference finds and the suspect does not."""
    n: int
    """Answers of the suspect that were compared."""


def test(pairs: Sequence[Pair], *, error: Fraction, seed: int) -> Context:
    """Compares answers to needle probes.

    Args:
        pairs: of needle probes.
        error: what the p-value will be compared with.
        seed: of the permutations.
    """
    sides = [
        (
            [float(is_found(pair.probe, answer)) for answer in pair.reference],
            [float(is_found(pair.probe, answer)) for answer in pair.suspect],
        )
        for pair in pairs
    ]
    strata = [ScoreStratum.of(ours, theirs) for ours, theirs in sides]
    return Context(
        p=p_value(strata, error=error, seed=seed, alternative=Alternative.LESS),
        found_reference=_mean([value for ours, _ in sides for value in ours]),
        found_suspect=_mean([value for _, theirs in sides for value in theirs]),
        lost=_lost(pairs, sides),
        n=sum(len(theirs) for _, theirs in sides),
    )


def is_found(probe: Probe, answer: ProbeAnswer) -> bool:
    """Whether the answer holds what the document says; spaces and marks within do not matter."""
    bare = "".join(letter for letter in answer.text if letter.isalnum())
    return probe.expected is not None and probe.expected in bare


def _lost(
    pairs: Sequence[Pair], sides: Sequence[tuple[list[float], list[float]]]
) -> tuple[float, ...]:
    by_depth: dict[float, tuple[list[float], list[float]]] = {}
    for pair, (ours, theirs) in zip(pairs, sides, strict=True):
        if pair.probe.depth is not None:
            known = by_depth.setdefault(pair.probe.depth, ([], []))
            known[0].extend(ours)
            known[1].extend(theirs)
    return tuple(
        depth
        for depth, (ours, theirs) in sorted(by_depth.items())
        if _mean(theirs) < _LOST_MAX * _mean(ours)
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
