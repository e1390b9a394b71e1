import pytest

from steelyard.weigh.authenticity.probes import ProbeAnswer
from steelyard.weigh.authenticity.timing import first_token, rank_sum, speed


def test_a_rank_sum_is_that_of_the_tables() -> None:
    # scipy.stats.mannwhitneyu(range(10), range(5, 15), method="asymptotic"): 0.0019...; with ties.
    one, other = list(map(float, range(10))), list(map(float, range(5, 15)))
    assert rank_sum(one, other) == pytest.approx(rank_sum(other, one))
    assert rank_sum([1.0, 2, 3, 4, 5], [6.0, 7, 8, 9, 10]) == pytest.approx(0.012186, abs=1e-5)


def test_equal_or_absent_times_tell_nothing() -> None:
    assert rank_sum([1.0] * 5, [1.0] * 5) == 1.0
    assert rank_sum([], [1.0]) == 1.0
    assert first_token([ProbeAnswer("open-en-00", "")], [ProbeAnswer("open-en-00", "")]) is None


def test_paces_are_medians_of_what_was_timed() -> None:
    def answers(first_s: float, total_s: float) -> list[ProbeAnswer]:
        timed = ProbeAnswer(
            "open-en-00", "x", completion_tokens=11, first_s=first_s, total_s=total_s
        )
        return [timed] * 10

    slow, quick = answers(0.5, 1.5), answers(0.25, 0.5)
    pace = speed(slow, quick)
    assert pace is not None
    assert (pace.reference, pace.suspect, pace.n) == (10.0, 40.0, 10)
    assert pace.p < 0.001
    start = first_token(slow, quick)
    assert start is not None
    assert (start.reference, start.suspect) == (0.5, 0.25)


def test_an_answer_in_one_piece_has_no_speed() -> None:
    at_once = [ProbeAnswer("open-en-00", "x", completion_tokens=1, first_s=1.0, total_s=1.0)]
    assert speed(at_once, at_once) is None
