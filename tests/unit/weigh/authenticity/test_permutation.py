import itertools
import math
import statistics
from fractions import Fraction
from operator import itemgetter

import pytest

from steelyard.weigh.authenticity.permutation import (
    HITS,
    Alternative,
    KernelStratum,
    NoveltyStratum,
    ScoreStratum,
    p_value,
)

ERROR = Fraction(1, 100)


def test_equal_scores_say_nothing() -> None:
    assert p_value([ScoreStratum.of([2.0, 2.0], [2.0])], error=ERROR, seed=1) == 1.0
    assert p_value([], error=ERROR, seed=1) == 1.0


def test_a_p_value_is_the_share_of_choices_that_reach_the_observed_one() -> None:
    # Two of six items, seen at the two highest scores: one choice of fifteen.
    stratum = ScoreStratum.of([1.0, 2.0, 3.0, 4.0], [5.0, 6.0])
    found = [p_value([stratum], error=Fraction(1, 1000), seed=seed) for seed in range(300)]
    # Draws until the fourth hit are 60 on the mean, whatever share of them the p-value is.
    assert statistics.fmean(HITS / p for p in found) == pytest.approx(HITS * 15, rel=0.1)
    assert p_value([stratum], error=ERROR, seed=3, alternative=Alternative.LESS) == 1.0


def test_either_way_counts_both_tails() -> None:
    low = ScoreStratum.of([5.0, 6.0, 7.0, 8.0] * 3, [1.0, 1.5, 2.0])
    assert p_value([low], error=ERROR, seed=1, alternative=Alternative.MORE) == 1.0
    assert p_value([low], error=ERROR, seed=1, alternative=Alternative.LESS) <= ERROR
    assert p_value([low], error=ERROR, seed=1, alternative=Alternative.EITHER) <= ERROR


def test_enough_draws_are_made_to_get_below_the_error() -> None:
    apart = [ScoreStratum.of([0.0] * 10, [1.0] * 5) for _ in range(4)]
    for error in (Fraction(1, 20), Fraction(1, 400)):
        assert p_value(apart, error=error, seed=1) == pytest.approx(float(error / HITS), rel=0.02)


def test_a_seed_fixes_the_p_value() -> None:
    strata = [ScoreStratum.of([1.0, 4.0, 2.0, 8.0], [5.0, 3.0])]
    assert p_value(strata, error=ERROR, seed=5) == p_value(strata, error=ERROR, seed=5)


def test_an_error_lies_between_nothing_and_everything() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        p_value([], error=Fraction(1), seed=1)


def test_a_discrepancy_is_the_mean_likeness_within_less_that_across() -> None:
    rows = [[abs(math.sin(3 * min(i, j) + max(i, j))) for j in range(5)] for i in range(5)]
    stratum = KernelStratum.of(rows, 2)

    def mean(pairs: list[tuple[int, int]]) -> float:
        return sum(rows[i][j] for i, j in pairs) / len(pairs)

    for chosen in itertools.combinations(range(5), 2):
        rest = [i for i in range(5) if i not in chosen]
        (value,) = stratum.values([itemgetter(*chosen)])
        assert value == pytest.approx(
            mean(list(itertools.permutations(chosen, 2)))
            + mean(list(itertools.permutations(rest, 2)))
            - 2 * mean(list(itertools.product(chosen, rest)))
        )


def test_one_answer_on_a_side_has_no_discrepancy() -> None:
    assert not KernelStratum.of([[1.0] * 4] * 4, 1).is_telling
    assert not KernelStratum.of([[1.0] * 4] * 4, 3).is_telling
    assert KernelStratum.of([[1.0] * 4] * 4, 2).is_telling


def test_novelty_is_how_far_the_nearest_neighbour_among_the_rest_is() -> None:
    # The third and fourth are the chosen ones: as far as 0.5 and 0.9 from the nearest of the rest,
    # of whom each is 0.2 from the other.
    rows = [[1, 0.8, 0.4, 0], [0.8, 1, 0.5, 0.1], [0.4, 0.5, 1, 0.9], [0, 0.1, 0.9, 1]]
    (value,) = NoveltyStratum.of(rows, 2).values([itemgetter(2, 3)])
    assert value == pytest.approx((0.5 + 0.9) / 2 - 0.2)


def test_taking_turns_between_known_answers_is_not_new() -> None:
    words = ["a", "b", "a", "b", "b", "b"]
    rows = [[float(one == other) for other in words] for one in words]
    assert NoveltyStratum.of(rows, 2).values([itemgetter(4, 5)]) == [0]


def test_novelty_needs_two_of_the_rest_and_a_difference() -> None:
    apart = [[float(i == j) for j in range(3)] for i in range(3)]
    assert NoveltyStratum.of(apart, 1).is_telling
    assert not NoveltyStratum.of(apart, 2).is_telling
    assert not NoveltyStratum.of([[1.0] * 3] * 3, 1).is_telling


def test_a_trimmed_sum_needs_more_than_the_few_that_say_most() -> None:
    same, apart = ([0.0, 1.0] * 5, [0.0, 1.0] * 3), ([0.0] * 10, [1.0] * 5)
    few = [ScoreStratum.of(*sides) for sides in (*[apart] * 3, *[same] * 9)]
    assert p_value(few, error=ERROR, seed=1) <= ERROR
    assert p_value(few, error=ERROR, seed=1, trimmed=3) > ERROR
    assert p_value(few[:3] * 3, error=ERROR, seed=1, trimmed=3) <= ERROR
    assert p_value(few, error=ERROR, seed=1, trimmed=99) == 1


def test_only_a_sum_of_which_more_counts_is_trimmed() -> None:
    with pytest.raises(ValueError, match="trimmed"):
        p_value([], error=ERROR, seed=1, alternative=Alternative.EITHER, trimmed=1)
