import math
from fractions import Fraction

import pytest

from steelyard.weigh.authenticity import logprobs
from steelyard.weigh.authenticity.logprobs import distance
from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer, probes

ERROR = Fraction(1, 100)
Tops = tuple[tuple[str, float], ...]
OWN: Tops = (("Cat", math.log(0.6)), ("Dog", math.log(0.3)))
OTHER: Tops = (("Dog", math.log(0.6)), ("Cat", math.log(0.3)))
NEARLY: Tops = (("Cat", math.log(0.59)), ("Dog", math.log(0.31)))


def _pairs(suspect: Tops | None, references: int = 3) -> list[Pair]:
    return [
        Pair(
            probe,
            (ProbeAnswer(probe.id, "", logprobs=OWN),) * references,
            (ProbeAnswer(probe.id, "", logprobs=suspect),),
        )
        for probe in probes()
        if probe.kind is Kind.OPEN
    ]


def test_a_distance_is_half_the_absolute_difference_less_what_is_forgiven() -> None:
    assert distance(OWN, OTHER) == pytest.approx(0.3 - 0.05)
    assert distance(OWN, OWN) == distance(OWN, NEARLY) == distance(OWN, ()) == 0


def test_a_token_below_the_others_list_is_granted_the_most_it_can_have() -> None:
    short: Tops = (("Cat", math.log(0.6)),)
    assert distance(OWN, short) == 0  # "Dog" may well have had 0.3 there
    loud: Tops = (("Dog", math.log(0.9)),)
    assert distance(OWN, loud) == pytest.approx(0.3 - 0.05)


def test_other_weights_stand_apart() -> None:
    found = logprobs.test(_pairs(OTHER), error=ERROR, seed=0)
    assert found.p <= ERROR
    assert found.distance == pytest.approx(0.25)
    assert found.n == 24


def test_other_hardware_does_not() -> None:
    assert logprobs.test(_pairs(NEARLY), error=ERROR, seed=0).p == 1.0


def test_without_two_of_the_reference_or_any_of_the_suspect_nothing_is_said() -> None:
    assert logprobs.test(_pairs(OTHER, references=1), error=ERROR, seed=0).n == 0
    assert logprobs.test(_pairs(None), error=ERROR, seed=0).n == 0
