"""Rates are superseded, never edited."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from steelyard.store import prices, revisions
from steelyard.store.revisions import Change

NS = 10**9
NOON_NS = 1_770_000_000 * NS


def step(tx: Connection, at_ns: int = NOON_NS) -> Change:
    return revisions.begin(tx, at_ns, "test", "a test")


class TestRates:
    def terms(self, amount: int | str | None, since_ns: int = 0) -> prices.Terms:
        value = Fraction(amount) if amount is not None else None
        return prices.Terms(since_ns, value, "CNY", "mtok", "a page")

    def record(self, tx: Connection, at_ns: int, **items: list[prices.Terms]) -> bool:
        return prices.record(tx, step(tx, at_ns), "o", items)

    def timeline(self, tx: Connection, item: str = "input") -> list[tuple[int, int | None, str]]:
        def seconds(at: datetime | None) -> int | None:
            return int(at.timestamp()) if at is not None else None

        return [
            (int(r.valid_from.timestamp()), seconds(r.valid_to), str(r.amount))
            for r in prices.of_offers(tx)["o"]
            if r.item == item
        ]

    def test_first_prices_may_begin_in_the_past_and_the_future(self, tx: Connection) -> None:
        assert self.record(tx, 100 * NS, input=[self.terms(1, 10 * NS), self.terms(2, 200 * NS)])
        assert self.timeline(tx) == [(10, 200, "1"), (200, None, "2")]

    def test_the_same_again_is_no_news(self, tx: Connection) -> None:
        both = [self.terms(1, 10 * NS), self.terms(2, 200 * NS)]
        self.record(tx, 100 * NS, input=both)
        assert not self.record(tx, 150 * NS, input=both)
        assert not self.record(tx, 300 * NS, input=both)

    def test_a_change_holds_from_now_and_the_past_stays(self, tx: Connection) -> None:
        self.record(tx, 100 * NS, input=[self.terms("1/3", 10 * NS), self.terms(9, 400 * NS)])
        before = prices.of_offers(tx)["o"][0]
        assert self.record(tx, 200 * NS, input=[self.terms(2, 10 * NS)])
        assert self.timeline(tx) == [(10, 200, "1/3"), (200, None, "2")]
        after = prices.of_offers(tx)["o"][0]
        assert (after.rate_id, after.amount) == (before.rate_id, before.amount)

    def test_a_price_that_vanished_ends_and_may_come_back(self, tx: Connection) -> None:
        self.record(tx, 100 * NS, input=[self.terms(1)], output=[self.terms(2)])
        assert self.record(tx, 200 * NS, output=[self.terms(2)])
        assert not self.record(tx, 250 * NS, output=[self.terms(2)])
        assert self.record(tx, 300 * NS, input=[self.terms(1)], output=[self.terms(2)])
        assert self.timeline(tx) == [(100, 200, "1"), (300, None, "1")]
        assert self.timeline(tx, "output") == [(100, None, "2")]

    def test_a_further_item_of_a_known_offer_never_begins_in_the_past(self, tx: Connection) -> None:
        self.record(tx, 100 * NS, input=[self.terms(1)])
        self.record(tx, 200 * NS, input=[self.terms(1)], cache_read=[self.terms("0.1", 10 * NS)])
        assert self.timeline(tx, "cache_read") == [(200, None, "1/10")]

    def test_rows_cannot_be_edited_or_deleted_by_anybody(self, tx: Connection) -> None:
        self.record(tx, 100 * NS, input=[self.terms(1)])
        for statement in ("UPDATE rates SET numerator = '2'", "DELETE FROM rates"):
            with pytest.raises(IntegrityError, match="superseded, never"):
                tx.execute(text(statement))
