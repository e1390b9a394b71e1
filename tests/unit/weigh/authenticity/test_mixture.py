import random
from fractions import Fraction

import pytest

from steelyard.weigh.authenticity import mixture
from steelyard.weigh.authenticity.pairs import Pair, of_kind, paired
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer
from weigh.authenticity.probing import OTHERS, OURS, model

ERROR = Fraction(1, 100)


def _mixed(share: float, seed: int) -> list[Pair]:
    own, foreign = model(OURS, seed=seed), model(OTHERS, seed=seed + 1)
    draw = random.Random(seed)
    suspect = [b if draw.random() < share else a for a, b in zip(own, foreign, strict=True)]
    return of_kind(paired(model(OURS, seed=99, samples=20), suspect), Kind.OPEN)


def test_a_quarter_of_foreign_answers_is_found() -> None:
    found = mixture.test(_mixed(0.25, 3), error=ERROR, seed=0)
    assert min(found.p_scores, found.p_tail) <= ERROR / 2
    assert 0.05 < found.share_lower < found.share < 0.35


def test_none_are_found_where_none_are() -> None:
    found = mixture.test(_mixed(0, 3), error=ERROR, seed=0)
    assert min(found.p_scores, found.p_tail) > ERROR / 2
    assert found.share_lower == 0


def test_the_bound_stays_below_the_true_share() -> None:
    for share in (0.1, 0.5, 1.0):
        assert mixture.test(_mixed(share, 5), error=ERROR, seed=0).share_lower <= share


def test_scores_are_standardised_and_highest_for_the_odd_one_out() -> None:
    texts = ["the sea is blue", "the sea is grey", "the sea is blue", "Ahoy, sailor! Arr"]
    scores = mixture.untypical([ProbeAnswer("open-en-11", text) for text in texts])
    assert scores.index(max(scores)) == 3
    assert sum(scores) == pytest.approx(0)
    assert scores[0] == scores[2]


def test_equal_answers_have_no_score() -> None:
    assert mixture.untypical([ProbeAnswer("open-en-11", "Yes.")] * 5) == [0.0] * 5


def test_nothing_to_compare_is_no_finding() -> None:
    found = mixture.test([], error=ERROR, seed=0)
    assert (found.n, found.p_scores, found.p_tail, found.share) == (0, 1.0, 1.0, 0.0)
