from __future__ import annotations

from fractions import Fraction

import pytest

from pricebook.lists_rig import listed
from steelyard.domain.conditions import Clock, Condition
from steelyard.pricebook.wording import (
    condition_text,
    count_text,
    decimal_text,
    money_text,
    price_text,
)

PEAK = Clock("Asia/Shanghai", ((540, 720), (840, 1080)), frozenset(range(5)), "CN")


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Condition(), ""),
        (Condition(input_from=32_000, input_to=128_000), "input 32k to 128k"),
        (Condition(input_to=272_001), "input below 272,001"),
        (Condition(output_from=200, is_marginal=True), "output from 200, counted by part"),
        (Condition(volume_from=10**9, thinking=False), "volume from 1B, not thinking"),
        (Condition(tier="batch", region="intl"), "batch, intl"),
        (Condition(thinking=True, version="V3.1", remark="beta"), "thinking, V3.1, beta"),
        (Condition(is_list_price=True), "list price"),
        (
            Condition(clock=PEAK),
            "09:00-12:00 and 14:00-18:00 Mon-Fri but holidays (CN) Asia/Shanghai",
        ),
        (
            Condition(clock=Clock("UTC", ((0, 60),), frozenset((0, 2)))),
            "00:00-01:00 Mon Wed UTC",
        ),
    ],
)
def test_conditions_in_words(condition: Condition, text: str) -> None:
    assert condition_text(condition) == text


def test_prices_are_shown_by_one_unit_and_never_as_nothing() -> None:
    assert price_text(listed("m input", "0.0008", unit="ktok").rate) == "0.80 CNY/mtok"
    assert price_text(listed("m input", "0").rate) == "0.00 CNY/mtok"
    assert price_text(listed("m input", "0.0000001").rate) == "0.0000001 CNY/mtok"
    assert price_text(listed("m gpu", "3.95", unit="hour").rate) == "3.95 CNY/hour"


def test_amounts_for_people_are_short_and_never_zero_unless_so() -> None:
    assert money_text(Fraction(1, 3)) == "0.333333"
    assert money_text(Fraction("1234567.891")) == "1234567.89"
    assert money_text(Fraction(1, 10**15)) == "0.000000000000001"
    assert money_text(Fraction(0)) == "0.00"


def test_decimals_are_exact_where_they_end() -> None:
    assert decimal_text(Fraction(1, 8)) == "0.125"
    assert decimal_text(Fraction(-1, 8)) == "-0.125"
    assert decimal_text(Fraction(2, 3)) == "0.666666666667"
    assert decimal_text(Fraction(10**20)) == "1" + "0" * 20


def test_counts_are_short_only_where_that_is_exact() -> None:
    assert [count_text(n) for n in (999, 32_000, 32_001, 1_250_000, 10**9)] == [
        *("999", "32k", "32,001", "1.25M", "1B"),
    ]
