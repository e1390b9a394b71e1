"""At temperature 0 a model says nearly the same each time: the sharpest look at answers alone.

Where chance drowns a foreign answer at temperature 1, here it stands out: two answers of one model
to a prompt agree, unless rounding and neighbours in a batch tip a tie, and then there are a few
that come again and again. Another model says something else, and so do other weights. So each
answer is asked how new it is: how far from the nearest of the reference's. It does not matter
whether all answers are another model's or some, nor which model that is.

How steady a model is, is not assumed: the reference is asked several times, too, and the answers to
a prompt are exchanged between both sides as everywhere here.

Other hardware rounds otherwise, so an honest seller may answer a few prompts otherwise, every time.
A mixture shows in most prompts. So the prompts that say most are left out of the sum.

Called by ``verdict``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

from steelyard.weigh.authenticity.equality import likenesses
from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.permutation import NoveltyStratum, p_value
from steelyard.weigh.authenticity.probes import ProbeAnswer

__all__ = ["Steady", "test"]

_TRIMMED = Fraction(1, 5)
"""Share of the prompts that is left out. Of a hundred prompts there are a few in which the two
likeliest tokens lie so near to each other that other hardware turns them; other weights turn more
than a third."""


@dataclass(frozen=True, slots=True)
class Steady:
    """What was found."""

    p: float
    foreign: float
    """Share of the suspect's answers that are none of the reference's."""
    agree_reference: float
    """Share of pairs of answers to one prompt that are equal, mean over prompts."""
    agree_suspect: float
    n: int
    """Answers of the suspect that were compared."""


def test(pairs: Sequence[Pair], *, error: Fraction, seed: int) -> Steady:
    """Compares answers at temperature 0.

    Args:
        pairs: of steady probes; a prompt needs two answers of the reference to count.
        error: what the p-value will be compared with.
        seed: of the permutations.
    """
    telling = [pair for pair in pairs if len(pair.reference) > 1]
    strata = [
        NoveltyStratum.of(likenesses(_bare((*p.reference, *p.suspect))), len(p.suspect))
        for p in telling
    ]
    sides = [(_texts(pair.reference), _texts(pair.suspect)) for pair in telling]
    foreign = [text not in ours for ours, theirs in sides for text in theirs]
    return Steady(
        p=p_value(strata, error=error, seed=seed, trimmed=math.floor(_TRIMMED * len(strata))),
        foreign=_mean(foreign),
        agree_reference=_agreement([ours for ours, _ in sides]),
        agree_suspect=_agreement([theirs for _, theirs in sides]),
        n=len(foreign),
    )


def _agreement(sides: Sequence[Sequence[str]]) -> float:
    return _mean([one == other for side in sides for one, other in combinations(side, 2)])


def _bare(answers: Sequence[ProbeAnswer]) -> list[ProbeAnswer]:
    """Without spaces around, which a vendor may cut off."""
    return [replace(answer, text=answer.text.strip()) for answer in answers]


def _texts(answers: Sequence[ProbeAnswer]) -> list[str]:
    return [answer.text for answer in _bare(answers)]


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0
