from __future__ import annotations

from steelyard.testing.limiters import SlidingWindow
from steelyard.testing.virtual_load import Network, measure
from steelyard.weigh.supply.finder import Terms


def test_equal_seeds_give_equal_measurements_and_money_is_counted() -> None:
    network = Network(cost_pico=7)
    terms = Terms(240)
    found = [measure(SlidingWindow(100), terms, seed, network) for seed in (1, 1, 2)]
    assert found[0] == found[1] and found[0] != found[2]
    assert found[0].cost_pico == 7 * (found[0].calls - found[0].refused)
    assert abs(found[0].rate.estimate - 100) < 1
