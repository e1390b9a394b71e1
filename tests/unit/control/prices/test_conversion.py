"""Amounts in one currency: one day's rates, no rounding on the way, and nothing assumed."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from steelyard.control.prices.conversion import BACK_DAYS_MAX, OneDay
from steelyard.ledger.what_if import Row
from steelyard.pricebook.exchange import Exchange, History

DAY = date(2024, 5, 17)
BANK = Exchange(History(("Date,USD,CNY,JPY,\n2024-05-17,1.5,3.5,N/A,\n",)))
RATE = Fraction("3.5") / Fraction("1.5")


def row(then_pico: int, then: str, now_pico: int, now: str) -> Row:
    return Row((), then, now, 1, 0, 0, then_pico, now_pico)


def test_both_amounts_and_their_difference_are_rounded_once_each() -> None:
    told = OneDay(BANK, "CNY", DAY).tell(row(1, "USD", 2, "CNY"))
    assert told is not None
    assert told.then_exact == RATE
    # 2.33 is 2 and 2 - 2.33 is 0, though 1 - 2.33 would be -1.
    assert (told.then_pico, told.now_pico, told.difference_pico) == (2, 2, 0)


def test_a_total_is_not_the_sum_of_what_was_rounded() -> None:
    one = OneDay(BANK, "CNY", DAY)
    rows = [row(1, "USD", 0, "CNY")] * 3
    assert one.total(rows).then_pico == 7
    assert sum(told.then_pico for each in rows if (told := one.tell(each))) == 6


def test_the_rates_are_named_and_at_most_so_old() -> None:
    last = DAY + timedelta(days=BACK_DAYS_MAX)
    one = OneDay(BANK, "CNY", last)
    assert one.tell(row(1, "USD", 1, "CNY")) is not None
    assert [rate.rate_id for rate in one.used] == ["ecb-2024-05-17-USD-CNY"]
    late = OneDay(BANK, "CNY", last + timedelta(days=1))
    assert late.tell(row(1, "USD", 1, "CNY")) is None
    early = OneDay(BANK, "CNY", DAY - timedelta(days=1))
    assert early.tell(row(1, "USD", 1, "CNY")) is None, "no rate of a later day"


def test_what_has_no_rate_is_told_and_left_out_of_the_total_on_both_sides() -> None:
    one = OneDay(BANK, "CNY", DAY)
    lost = row(10**12, "CNY", 10**12, "JPY")
    assert one.tell(lost) is None
    assert one.missing(lost) == ["JPY"]
    assert one.total([lost, row(5, "CNY", 6, "CNY")]) == (5, 6)
    assert one.used == []


def test_nothing_needs_no_rate() -> None:
    one = OneDay(BANK, "CNY", DAY)
    free = row(0, "", 7, "CNY")
    assert one.missing(free) == []
    assert one.tell(free) == (0, 7)
