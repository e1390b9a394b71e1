from dataclasses import replace
from fractions import Fraction

import pytest

from steelyard.weigh.authenticity import obedience
from steelyard.weigh.authenticity.pairs import Pair, of_kind, paired
from steelyard.weigh.authenticity.probes import Kind
from weigh.authenticity.probing import OURS, model

ERROR = Fraction(1, 500)


def _endless(repeats: int) -> list[Pair]:
    suspect = [replace(one, text=one.text * repeats) for one in model(OURS, seed=2)]
    return of_kind(paired(model(OURS, seed=1, samples=30), suspect), Kind.OBEDIENCE)


def test_answers_as_long_as_they_may_be_raise_nothing() -> None:
    found = obedience.test(_endless(1), error=ERROR, seed=0)
    assert (found.p, found.factor, found.n) == (1.0, pytest.approx(1), 16)


def test_answers_beyond_the_limit_are_found_and_measured() -> None:
    found = obedience.test(_endless(4), error=ERROR, seed=0)
    assert found.p <= ERROR
    assert 3 < found.factor <= 4


def test_nothing_to_compare_is_no_finding() -> None:
    assert obedience.test([], error=ERROR, seed=0) == obedience.Obedience(1.0, 1.0, 0)
