import random

import pytest
from bench.outcomes import Population

from bench import drift


@pytest.fixture
def populations() -> list[Population]:
    scores = {"good": bytes([1] * 450 + [0] * 50), "poor": bytes([0] * 500)}
    return [Population("made/up", 500, scores, {"good": [1] * 500, "poor": [1] * 500})]


def test_an_offer_is_as_good_as_its_model_whatever_its_noise(populations: list[Population]) -> None:
    chance = random.Random(1)
    rights = []
    for _ in range(40):
        offer = drift.Offer(populations, chance)
        assert offer.mean == 0.9
        rights += [float(offer.visit(index).grade or 0) for index in range(drift.POOL)]
    assert abs(sum(rights) / len(rights) - 0.9) < 0.01
    offer.fall = drift.FALL / offer.mean
    fallen = [float(offer.visit(n % drift.POOL).grade or 0) for n in range(9000)]
    assert abs(sum(fallen) / len(fallen) - 0.8) < 0.05


def test_only_what_is_proven_is_watched_and_a_fall_is_found(populations: list[Population]) -> None:
    offer, watch = drift.proven(populations, "a")
    assert offer.mean == 0.9
    again, _ = drift.proven(populations, "a")
    assert again.redrawn == offer.redrawn
    found = drift.looks_to_alarm(offer, watch, 3)
    assert found is None or found >= 3
    offer, watch = drift.proven(populations, "b")
    offer.fall = 1.0
    assert drift.looks_to_alarm(offer, watch, None) is not None
