"""Price events: open until somebody decides, and what they hold back until then."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from sqlalchemy import Connection

from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.store import listings, price_events, revisions
from steelyard.store.listings import NewRate, Source

CHAT = Listing("DeepSeek", "official", "deepseek-chat", "CNY")
MAY = datetime(2024, 5, 1, tzinfo=UTC)


def change(tx: Connection, at_ns: int = 7) -> revisions.Change:
    return revisions.begin(tx, at_ns, "admin", "a test")


@pytest.fixture
def number(tx: Connection) -> int:
    """An event about one of two rates."""
    rates = [
        ListedRate(CHAT, Rate("", item, Fraction(1), "CNY", "mtok", MAY), "own")
        for item in ("input", "output")
    ]
    first = listings.record(tx, change(tx), Source("own", "a", "1"), [NewRate(rates[0])])
    body = {"items": ["input"]}
    found = price_events.add(tx, change(tx), first.list_number, CHAT, kind="cut", body=body)
    new = NewRate(rates[1], event_number=found)
    listings.record(tx, change(tx), Source("own", "a", "2"), [new])
    return found


def test_an_event_is_open_until_it_is_decided(tx: Connection, number: int) -> None:
    (event,) = price_events.load(tx)
    assert (event.number, event.listing, event.kind, event.state) == (number, CHAT, "cut", "open")
    assert event.body == {"items": ["input"]}
    price_events.write_body(tx, number, {"effect": "5"})
    assert price_events.decide(tx, change(tx, 9), number, price_events.APPROVED)
    assert not price_events.decide(tx, change(tx), number, price_events.APPROVED)
    (event,) = price_events.load(tx, number=number)
    assert (event.state, event.decided_at_ns, event.decided_by) == ("approved", 9, "admin")
    assert event.body == {"effect": "5"}
    assert price_events.load(tx, "open") == []
    assert not price_events.decide(tx, change(tx), 99, price_events.APPROVED)
    with pytest.raises(ValueError, match="approved, dismissed"):
        price_events.decide(tx, change(tx), number, "done")


def test_its_rates_are_held_back_until_it_is_approved(tx: Connection, number: int) -> None:
    assert price_events.unapproved_ids(tx) == {"b2"}
    price_events.decide(tx, change(tx), number, price_events.DISMISSED)
    assert price_events.unapproved_ids(tx) == {"b2"}
    price_events.decide(tx, change(tx), number, price_events.APPROVED)
    assert price_events.unapproved_ids(tx) == frozenset()


def test_the_newest_of_many_and_those_after_a_number(tx: Connection, number: int) -> None:
    (first,) = price_events.load(tx)
    more = [
        price_events.add(tx, change(tx), first.list_number, CHAT, kind="rise", body={})
        for _ in range(3)
    ]
    price_events.decide(tx, change(tx), more[0], price_events.DISMISSED)
    assert [event.number for event in price_events.load(tx, limit=2)] == [more[2], more[1]]
    assert [event.number for event in price_events.load(tx, after=more[1])] == [more[2]]
    found = price_events.load(tx, "open", after=number, limit=9)
    assert [event.number for event in found] == [more[2], more[1]]
    assert (price_events.count(tx), price_events.count(tx, "dismissed")) == (4, 1)
