from __future__ import annotations

from fractions import Fraction
from zoneinfo import ZoneInfo

from pricebook.lists_rig import NOW, exchange, listed

from steelyard.control.api.prices import shown
from steelyard.domain.conditions import Clock, Condition
from steelyard.pricebook import shipped
from steelyard.pricebook.buys import Bill, buys
from steelyard.pricebook.compare import Question, Work, compare
from steelyard.pricebook.history import history
from steelyard.pricebook.market import Market
from steelyard.pricebook.tokens import parse

TABLE = parse(shipped.read("characters.yaml"))


def test_an_hour_that_is_not_midnight_is_shown() -> None:
    market = Market((listed("m input", "4", "2026-01-01T16:00", "2026-02-01"),))
    (row,) = [shown.step(s, ZoneInfo("Asia/Shanghai")) for s in history(market, market.listings())]
    assert (row["from_day"], row["to_day"]) == ("2026-01-02", "2026-02-01 08:00")
    assert row["zone"] == "Asia/Shanghai"


def test_rows_are_cut_and_counted_and_amounts_are_plain_decimals() -> None:
    night = Condition(clock=Clock("UTC", ((0, 60),)))
    market = Market(
        (
            listed("m input", "0.00001"),
            listed("m input", "0.000001", condition=night),
            listed("n input", "100"),
            listed("o input", "1", currency="XTS"),
        )
    )
    question = Question(Work(input_tokens=10**6), NOW, "CNY")
    found = shown.comparison(question, compare(market, question, TABLE, exchange), top=1)
    assert found["counts"] == {"priced": 2, "free": 0, "unconvertible": 1, "unpriced": 0}
    (row,) = found["priced"]
    assert (row["amount"], row["amount_cheapest_hour"]) == ("0.00001", "0.000001")
    assert (row["amount_low"], row["exchange_rate"]) == (None, None)
    assert found["unconvertible"][0]["home_amount"] is None


def test_work_in_characters_has_a_range_and_unknown_ones_no_price_of_10000() -> None:
    market = Market((listed("m input", "1"), listed("doubao output", "1")))
    question = Question(Work(input_characters={"zh": 10}), NOW, "CNY")
    found = shown.comparison(question, compare(market, question, TABLE, exchange), top=5)
    row = next(row for row in found["priced"] if row["model"] == "m")
    assert row["amount_low"] < row["amount"] < row["amount_high"]
    assert row["wan_characters"]["output"] is None
    assert row["characters_per_token"][0]["basis"] == "span"


def test_most_rows_of_each_item_are_kept() -> None:
    market = Market(listed(f"m{n} {item}", "1") for n in range(3) for item in ("input", "output"))
    bill = Bill(Fraction(1), "CNY", NOW)
    found = shown.bill(bill, *buys(market, bill, TABLE, exchange), top=2)
    assert [row["item"] for row in found["data"]] == ["input", "input", "output", "output"]
    assert found["count"] == 6
