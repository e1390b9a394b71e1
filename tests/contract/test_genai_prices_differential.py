"""Every model of genai-prices costs the same by us, to the last digit: the bench's comparison.

``make bench-prices`` compares 200 usages of every model; here are a few of each.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("genai_prices", reason="pip install genai-prices")
# The benches are no installed package.
sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.differential import EXPLAINED, Report, run

from bench import differential
from steelyard.domain.listings import Listing
from steelyard.domain.rates import Rate

USAGES = 2


@pytest.fixture(scope="module")
def report() -> Report:
    return run(USAGES, seed=2)


def test_nothing_differs_unexplained(report: Report) -> None:
    assert report.unexplained == []
    assert report.models > 2000
    assert report.compared >= USAGES * report.models
    # What is explained is the exception: models that the package itself has no price for.
    assert report.explained.total() - report.explained["no_prices"] < report.compared / 500
    assert report.explained.keys() <= EXPLAINED.keys()


def test_it_would_find_a_difference_of_one_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = differential.ours()

    def dearer(rate: Rate) -> Rate:
        return replace(rate, amount=rate.amount + 1) if rate.item == "output" else rate

    changed: Mapping[Listing, list[Rate]] = {
        listing: [dearer(rate) for rate in rates] for listing, rates in shipped.items()
    }
    monkeypatch.setattr(differential, "ours", lambda: changed)
    found = run(USAGES, seed=2, only=lambda vendor: vendor == "anthropic")
    assert len(found.unexplained) > found.compared / 2


def test_every_explanation_says_why() -> None:
    assert all(len(why) > 60 for why, _ in EXPLAINED.values())
