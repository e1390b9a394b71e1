"""Money: held before, taken after, and never more than there is."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from steelyard.control.authenticity.till import Price, Till
from steelyard.pricebook.book import flat, quote

PERIOD = flat((0, 2**63 - 1), (10, 20, 10, 10, 20, 0), ())
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 16}


def till(budget_pico: int, worth: Fraction = Fraction(1)) -> Till:
    return Till("CNY", budget_pico, {"suspect": Price(PERIOD), "reference": Price(PERIOD, worth)})


def test_a_call_is_held_at_its_worst_case_and_taken_at_its_cost() -> None:
    found = till(10**6)
    bound = found.bound("suspect", BODY)
    assert bound >= quote(PERIOD, len("hi"), 16)
    assert found.hold("suspect", bound)
    assert (found.held_pico, found.paid_pico) == (bound, 0)
    found.settle("suspect", bound, 7)
    assert (found.held_pico, found.paid_pico) == (0, 7)


def test_nothing_is_sent_that_might_not_be_paid() -> None:
    bound = till(0).bound("suspect", BODY)
    found = till(2 * bound - 1)
    assert found.hold("suspect", bound)
    assert not found.hold("suspect", bound)
    found.settle("suspect", bound, bound - 1)
    assert found.hold("suspect", bound)


def test_the_other_side_is_paid_in_the_same_currency_rounded_up() -> None:
    found = till(100, Fraction(10, 3))
    assert found.hold("reference", 10)
    assert found.held_pico == 34
    found.settle("reference", 10, 10)
    assert (found.held_pico, found.paid_pico) == (0, 34)
    assert not found.hold("reference", 20)
