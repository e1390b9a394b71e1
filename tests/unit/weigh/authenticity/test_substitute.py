import random

import pytest

from steelyard.weigh.authenticity.pairs import Pair, of_kind, paired
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer
from steelyard.weigh.authenticity.substitute import share_of
from weigh.authenticity.probing import OTHERS, OURS, model


def _mixed(share: float, seed: int) -> list[Pair]:
    own, foreign = model(OURS, seed=seed), model(OTHERS, seed=seed + 1)
    draw = random.Random(seed)
    suspect = [b if draw.random() < share else a for a, b in zip(own, foreign, strict=True)]
    return of_kind(paired(model(OURS, seed=99, samples=20), suspect), Kind.OPEN)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.6, 1.0])
def test_the_share_of_a_known_substitute_is_measured_from_both_sides(share: float) -> None:
    found = share_of(_mixed(share, 3), model(OTHERS, seed=50, samples=20))
    assert found is not None
    assert found.estimate == pytest.approx(share, abs=0.08)
    assert found.lower < found.estimate < found.upper
    assert found.upper - found.lower < 0.2
    assert found.n == 240


def test_without_answers_or_difference_there_is_no_share() -> None:
    pairs = _mixed(0.5, 3)
    assert share_of(pairs, []) is None
    assert share_of([], model(OTHERS, seed=50)) is None
    same = [ProbeAnswer("open-en-00", "Dog")] * 3
    assert share_of(paired(same, same), same) is None
