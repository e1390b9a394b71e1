"""How far a weighing is, and how a judge went about it, as rows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from steelyard.control.weighing.orders import Order, Standing, judge_row
from steelyard.weigh.entrants import Goal
from steelyard.weigh.judging import report_on
from steelyard.weigh.sequences import Interval
from steelyard.weigh.terms import Progress


def test_an_order_says_little_by_default() -> None:
    order = Order("mood")
    assert (order.offers, order.money, order.goal) == ((), None, Goal.ALL)
    assert not order.is_fresh
    assert not order.is_unsafe_code


def test_a_standing_shows_bounds_and_money_as_text() -> None:
    standing = Standing(7, "mood", "a/b", total=9)
    assert standing.live() == {
        **{"items_done": 0, "items_total": 9},
        **{"paid_pico": "0", "all_paid_pico": "0"},
    }
    bounds = Interval(Decimal("0.4"), Decimal("0.9"))
    standing.take(Progress("a/b", 3, 9, False, 50, 20, lambda: bounds))
    assert standing.live() == {
        **{"items_done": 3, "items_total": 9, "lower": "0.4", "upper": "0.9"},
        **{"paid_pico": "20", "all_paid_pico": "50"},
    }


def test_a_vendor_that_bills_more_than_it_may_is_told_once_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    standing = Standing(7, "mood", "a/b", total=9)
    bounds = Interval(Decimal(0), Decimal(1))
    news = Progress("a/b", 0, 9, False, 50, 50, lambda: bounds, "cost 8 CNY where 1 was held")
    standing.take(news)
    standing.take(news)
    assert [record.getMessage() for record in caplog.records] == [
        "weighing of mood: a/b is asked no more, since a call of it cost 8 CNY where 1 was held"
    ]
    assert standing.live()["detail"] == "cost 8 CNY where 1 was held"


def test_a_judge_s_report_is_plain() -> None:
    row = judge_row(report_on([]))
    assert (row["pairs"], row["is_biased"]) == (0, False)
    assert not row["is_reading"]
    assert row["kept"] == row["first_favoured"]
    assert row["disagreement"] == {"count": 0, "total": 0, "lower": 0.0, "upper": 1.0}
