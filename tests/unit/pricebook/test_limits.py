from __future__ import annotations

from fractions import Fraction

import pytest

from pricebook.lists_rig import NOW
from steelyard.domain.listings import Fact
from steelyard.pricebook.limits import Amount, bounds, duration_text, free_s, limit_text


def limit(**body: object) -> Fact:
    return Fact("limit", "Maker", "", NOW, None, body)


def allowance(amount: int, unit: str, per: str) -> Fact:
    body = {"amount": amount, "unit": unit, "per": per, "holder": "account"}
    return Fact("allowance", "Maker", "", NOW, None, body)


@pytest.mark.parametrize(
    ("name", "size", "seconds"),
    [("tpm", 600, 100), ("tpd", 86_400, 1_000), ("qps", 2, 5), ("rpm", 6, 100), ("rpd", 10, 86400)],
)
def test_each_limit_bounds_in_its_own_time(name: str, size: int, seconds: int) -> None:
    (found,) = bounds([limit(**{name: size})], Amount(tokens=1000, calls=10))
    assert (found.name, found.size, found.least_s) == (name, size, seconds)


def test_calls_at_once_take_as_long_as_a_call_does() -> None:
    fact = limit(concurrency=5)
    assert bounds([fact], Amount(1000, 10))[0].least_s is None
    assert bounds([fact], Amount(1000, 10, Fraction(3)))[0].least_s == 6


def test_the_tightest_limit_comes_first_and_the_lowest_level_counts() -> None:
    facts = [
        limit(rpm=3, tpm=500_000, concurrency=1, level="Tier0", holder="account"),
        limit(rpm=200, level="Tier1"),
        limit(qps=100),
        allowance(5, "tokens", "day"),
    ]
    found = bounds(facts, Amount(tokens=1_000_000, calls=30))
    assert [(bound.name, bound.size) for bound in found] == [
        *(("rpm", 3), ("tpm", 500_000), ("qps", 100), ("concurrency", 1)),
    ]


def test_what_is_given_for_nothing_covers_work_in_time_or_never() -> None:
    work = Amount(tokens=1000, calls=10)
    assert free_s(allowance(500, "tokens", "day"), work) == 2 * 86_400
    assert free_s(allowance(10, "requests", "month"), work) == 30 * 86_400
    assert free_s(allowance(999, "tokens", "once"), work) is None
    assert free_s(allowance(1000, "tokens", "once"), work) == 0


def test_words_for_people() -> None:
    assert limit_text(limit(rpm=500, tpm=200_000, holder="account")) == (
        "500 rpm, 200,000 tpm per account"
    )
    assert (
        limit_text(limit(concurrency=1, rpm=3, level="Tier0")) == "1 calls at once, 3 rpm (Tier0)"
    )
    assert limit_text(allowance(1000, "requests", "day")) == "1,000 requests free a day per account"
    assert limit_text(allowance(5, "tokens", "once")) == "5 tokens free once per account"
    assert duration_text(Fraction(3_000_000)) == "34.7 days"
    assert duration_text(Fraction(5400)) == "1.5 hours"
    assert duration_text(Fraction(90)) == "1.5 minutes"
    assert duration_text(Fraction(1, 3)) == "1 second"
    assert duration_text(Fraction(59)) == "59 seconds"
