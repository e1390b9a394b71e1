from fractions import Fraction

import pytest

from steelyard.domain.errors import UnbalancedEntry
from steelyard.domain.tallies import Tally, Used
from steelyard.domain.usage import Usage
from steelyard.weigh.asking import Price
from steelyard.weigh.bills import Bill, in_run_currency

PRICE = Price("CNY", 10, 50, Fraction(1, 7))


def test_a_bill_adds_up_in_one_currency() -> None:
    bill = Bill()
    bill.add(0, "")
    bill.add(5, "CNY")
    bill.add(7, "CNY", is_paid=False)
    assert (bill.cost_pico, bill.currency, bill.paid_pico) == (12, "CNY", 5)
    with pytest.raises(UnbalancedEntry, match="CNY and in USD"):
        bill.add(1, "USD")
    assert Bill.over([bill, bill]).cost_pico == 24


def test_what_nobody_can_tell_counts_at_its_most() -> None:
    bill = Bill(PRICE)
    bill.add_lost()
    assert (bill.cost_pico, bill.currency, bill.paid_pico) == (50, "CNY", 50)
    free = Bill()
    free.add_lost()
    assert free.cost_pico == 0


def test_it_knows_what_was_used_as_long_as_all_of_it_is_known() -> None:
    bill, one = Bill(), Tally.of(Usage(10, 2))
    assert bill.used == Tally()
    bill.add(5, "CNY", one)
    bill.add(0, "", Tally())
    bill.add(5, "CNY", one, is_paid=False)
    assert bill.used == Tally((Used(Usage(10, 2), "", 2),))
    assert Bill.over([bill, bill]).used == Tally((Used(Usage(10, 2), "", 4),))
    bill.add(0, "")
    bill.add(5, "CNY", one)
    assert bill.used is None
    lost = Bill()
    lost.add(5, "CNY", one)
    lost.add_lost()
    assert lost.used is None


def test_amounts_are_rounded_up_into_the_currency_of_the_weighing() -> None:
    assert in_run_currency(15, PRICE) == 3
    assert in_run_currency(14, PRICE) == 2
    assert in_run_currency(15, None) == 15


def test_a_bill_above_what_was_held_says_so() -> None:
    bill = Bill(PRICE)
    bill.add(150, "CNY")
    bill.check(3)
    assert bill.overrun is None
    bill.add(900, "CNY", is_paid=False)  # an answer that was there costs nothing now
    bill.check(3)
    assert bill.overrun is None
    bill.add(1, "CNY")
    bill.check(3, output_tokens=2_000)
    assert bill.overrun is not None
    told = "cost 0.000000000151 CNY where at most 0.00000000015 CNY was held"
    assert bill.overrun.told(0) == bill.overrun.told(2_000) == told
    assert bill.overrun.told(8) == (f"{told}: it reported 2,000 output tokens where 8 were allowed")
    free = Bill()
    free.add(1, "CNY")
    free.check(1)
    assert free.overrun is None
