"""What offers take from the price book: the right listing, by the source that is trusted most."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import msgspec
import pytest

from steelyard.control.prices import book as price_book
from steelyard.control.snapshot.compile import compile_core, currencies
from steelyard.control.weighing.contenders import named
from steelyard.domain.conditions import ALWAYS, Condition
from steelyard.domain.listings import Fact, ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.gateway.snapshot import OfferEntry
from steelyard.store import listings, objects, price_events, revisions
from steelyard.store.database import Database
from steelyard.store.listings import NewRate, Source

Put = Callable[..., list[str]]
NOW_NS = 1_773_144_000 * 10**9
"""2026-03-10 12:00 UTC."""
MAY = datetime(2024, 5, 15, tzinfo=UTC)
CHAT = Listing("Mine AI", "official", "chat", "CNY")
FILE = """
vendors: {mine: {title: Mine AI, base_url: "http://m/v1"}}
channels: {m: {vendor: mine}, r: {vendor: mine, kind: reseller}}
offers:
  - {model: chat, channel: m, context: 9%s}
"""


def lines(
    amount: str, listing: Listing = CHAT, condition: Condition = ALWAYS, since: datetime = MAY
) -> list[ListedRate]:
    return [
        ListedRate(
            listing,
            Rate("", i, Fraction(amount), listing.currency, "mtok", since, condition=condition),
            "",
        )
        for i in ("input", "output")
    ]


def record(
    database: Database,
    found: Iterable[ListedRate],
    origin: str = "own",
    at_ns: int = NOW_NS,
    event: int | None = None,
) -> None:
    with database.write() as tx:
        change = revisions.begin(tx, at_ns, "admin", "a test")
        new = [NewRate(line, event_number=event) for line in found]
        listings.record(tx, change, Source(origin, "a.csv", "d"), new)


def priced(database: Database, name: str = "m/chat") -> price_book.Priced:
    with database.read() as tx:
        return price_book.offer_prices(tx, objects.current(tx, "offer"))[name]


def test_an_offer_costs_what_the_book_says(database: Database, put: Put) -> None:
    put(FILE % "")
    record(database, lines("3"), "litellm")
    record(database, lines("2"))
    found = priced(database)
    assert [(rate.item, rate.amount) for rate in found.rates] == [("input", 2), ("output", 2)]
    assert (found.listing, found.origin, found.problem) == (CHAT, "own", "")
    with database.read() as tx:
        core = compile_core(tx, NOW_NS)
        entry = core.models["chat"]
        assert currencies(tx) == {"CNY"}
        assert [contender.offer for contender in named(tx, ())] == ["m/chat"]
    assert b"b3" in bytes(entry)
    assert b"b1" not in bytes(entry)


def test_rates_of_its_own_come_before_the_book(database: Database, put: Put) -> None:
    put(FILE % ", rates: {input: 5 USD/mtok, output: 6 USD/mtok}")
    record(database, lines("2"))
    found = priced(database)
    assert [str(rate.amount) for rate in found.rates] == ["5", "6"]
    assert (found.listing, found.origin) == (None, "")
    put(FILE % "", NOW_NS + 10**9)
    assert [str(rate.amount) for rate in priced(database).rates] == ["2", "2"]


@pytest.mark.parametrize(
    ("listed", "more", "problem"),
    [
        ([], "", "the price book has no Mine AI chat; give it rates, import a list"),
        (lines("1", CHAT._replace(model="Chat")), "", ""),
        (lines("1", CHAT._replace(channel="reseller")), "", "listed in CNY (reseller), not in"),
        (lines("1") + lines("1", CHAT._replace(currency="USD")), "", "listed in CNY and USD"),
        (lines("1") + lines("1", CHAT._replace(currency="USD")), ", list: {currency: USD}", ""),
        (lines("1"), ", list: {currency: USD}", "listed in CNY (official), not in USD"),
        (lines("1"), ", list: {model: other}", "has no Mine AI other"),
        (lines("1", condition=Condition(region="intl")), "", "is listed for intl only"),
        (lines("1", condition=Condition(region="intl")), ", list: {region: intl}", ""),
        (lines("1", condition=Condition(seller="Ark")), ", list: {seller: Ark}", ""),
    ],
)  # fmt: skip
def test_why_an_offer_has_no_price(
    database: Database, put: Put, listed: list[ListedRate], more: str, problem: str
) -> None:
    put(FILE % more)
    record(database, listed)
    found = priced(database)
    assert problem in found.problem
    assert bool(found.rates) == (not problem)
    with database.read() as tx:
        offers = objects.current(tx, "offer")
        assert set(price_book.offer_rates(tx, offers)) == (set() if problem else {"m/chat"})


def test_an_offer_of_nobody_needs_rates(database: Database, put: Put) -> None:
    put("channels: {x: {base_url: 'http://x/v1'}}\noffers: [{model: chat, channel: x, context: 9}]")
    record(database, lines("1"))
    assert "give it rates" in priced(database, "x/chat").problem


def test_a_region_of_its_own_does_not_hide_what_holds_everywhere(
    database: Database, put: Put
) -> None:
    put(FILE % ", list: {region: intl}")
    record(database, lines("1") + lines("2", condition=Condition(region="intl")))
    assert len(priced(database).rates) == 4


def test_only_what_is_approved_is_ranked_by_and_everything_is_booked_by(
    database: Database, put: Put
) -> None:
    put(FILE % "")
    record(database, lines("1"))
    with database.write() as tx:
        change = revisions.begin(tx, NOW_NS, "admin", "a test")
        event = price_events.add(tx, change, 1, CHAT, kind="cut", body={})
    record(database, lines("9", since=datetime(2026, 3, 1, tzinfo=UTC)), event=event)
    assert rank(database) == 10**6
    with database.write() as tx:
        change = revisions.begin(tx, NOW_NS, "admin", "a test")
        price_events.decide(tx, change, event, price_events.APPROVED)
    assert rank(database) == 9 * 10**6


def rank(database: Database) -> int:
    """What an input token ranks by, pico-units; booked is by the newest rate in any case."""
    with database.read() as tx:
        raw = bytes(compile_core(tx, NOW_NS).models["chat"])
    (entry,) = msgspec.msgpack.decode(raw, type=tuple[OfferEntry, ...])
    assert b"b3" in raw
    return round(entry.rank_input)


def test_the_book_as_a_whole_and_as_it_was_known(database: Database) -> None:
    record(database, lines("1"))
    fact = Fact("limit", "Mine AI", "chat", MAY, None, {"rpm": 5})
    with database.write() as tx:
        change = revisions.begin(tx, NOW_NS, "admin", "a test")
        listings.record(tx, change, Source("own", "facts", "f"), (), [fact])
    record(database, lines("2"), at_ns=NOW_NS + 10**9)
    with database.read() as tx:
        assert price_book.load_market(tx).of(CHAT)[0].amount == 2
        assert price_book.load_market(tx, "mine ai", "CHAT").of(CHAT)[0].amount == 2
        before = price_book.load_market(tx, recorded_before_ns=NOW_NS + 1)
        assert before.of(CHAT)[0].amount == 1
        assert before.facts_of(CHAT, MAY) == [fact]
        assert price_book.load_market(tx, "nobody").listings() == []


def test_a_source_that_fell_silent_is_continued_by_the_next(database: Database, put: Put) -> None:
    put(FILE % "")
    end = datetime(2025, 1, 1, tzinfo=UTC)
    ended = [ending(line, end) for line in lines("2")]
    record(database, ended)
    record(database, lines("3"), "litellm")
    found = priced(database)
    assert found.origin == "own then litellm"
    spans = [(r.amount, r.valid_from, r.valid_to) for r in found.rates if r.item == "input"]
    assert spans == [(2, MAY, end), (3, end, None)]


def test_ones_own_first_price_reroutes_nobody_until_approved(database: Database, put: Put) -> None:
    put(FILE % "")
    record(database, lines("3", condition=Condition(remark="list price")), "steelyard")
    with database.write() as tx:
        change = revisions.begin(tx, NOW_NS, "admin", "a test")
        event = price_events.add(tx, change, 1, CHAT, kind="cut", body={})
    record(database, lines("2", since=datetime(2026, 3, 1, tzinfo=UTC)), event=event)
    assert {rate.amount for rate in priced(database).rates} == {3, 2}
    assert rank(database) == 3 * 10**6


def test_until_ones_own_list_begins_the_next_source_holds(database: Database, put: Put) -> None:
    put(FILE % "")
    begin, end = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
    record(database, [ending(line, end) for line in lines("2", since=begin)])
    record(database, lines("3"), "steelyard")
    record(database, lines("4"), "litellm")
    found = priced(database)
    assert found.origin == "steelyard then own then steelyard"
    spans = {(r.amount, r.valid_from, r.valid_to) for r in found.rates if r.item == "input"}
    assert spans == {(3, MAY, begin), (2, begin, end), (3, end, None)}
    assert rank(database) == 3 * 10**6


def ending(line: ListedRate, end: datetime) -> ListedRate:
    return replace(line, rate=replace(line.rate, valid_to=end))


def only(found: list[ListedRate], *items: str) -> list[ListedRate]:
    """The lines of an amount, one for each item."""
    return [
        replace(found[0], rate=replace(found[0].rate, item=item)) for item in items
    ]  # fmt: skip


def spans(priced: price_book.Priced) -> set[tuple[str, int, datetime, datetime | None]]:
    return {(r.item, int(r.amount), r.valid_from, r.valid_to) for r in priced.rates}


def test_what_ones_own_list_does_not_price_at_all_is_the_next_sources(
    database: Database, put: Put
) -> None:
    put(FILE % "")
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
    own = only(lines("2", since=begin), "input")
    record(database, [ending(line, end) for line in own])
    record(database, only(lines("3"), "input", "output", "reasoning", "cache_read"), "steelyard")
    record(database, only(lines("4"), "output"), "litellm")
    found = priced(database)
    assert found.origin == "steelyard then own with output of steelyard then steelyard"
    whole = {
        (item, 3, since, to)
        for item in ("input", "output", "reasoning", "cache_read")
        for since, to in ((MAY, begin), (end, None))
    }
    filled = {(item, 3, begin, end) for item in ("output", "reasoning")}
    assert spans(found) == whole | filled | {("input", 2, begin, end)}, (
        "a cache read costs as input"
    )
    with database.read() as tx:
        (entry,) = msgspec.msgpack.decode(
            bytes(compile_core(tx, NOW_NS).models["chat"]), type=tuple[OfferEntry, ...]
        )
    assert not any(card.missing for period in entry.periods for card in period.cards)


def test_each_item_comes_from_the_first_source_that_has_it(database: Database, put: Put) -> None:
    put(FILE % "")
    record(database, only(lines("2"), "cache_read"))
    record(database, only(lines("3"), "output"), "steelyard")
    record(database, only(lines("4"), "input", "output", "cache_read"), "litellm")
    found = priced(database)
    assert found.origin == "own with output of steelyard with input of litellm"
    assert {(item, amount) for item, amount, *_ in spans(found)} == {
        ("cache_read", 2),
        ("output", 3),
        ("input", 4),
    }


def test_who_sells_by_the_request_lacks_no_price_of_tokens(database: Database, put: Put) -> None:
    put(FILE % "")
    (line, _) = lines("2")
    record(database, [replace(line, rate=replace(line.rate, item="request", unit="request"))])
    record(database, lines("3"), "steelyard")
    assert spans(priced(database)) == {("request", 2, MAY, None)}


def test_an_item_under_a_condition_is_priced(database: Database, put: Put) -> None:
    put(FILE % "")
    batch = only(lines("2", condition=Condition(tier="batch")), "output")
    record(database, [*only(lines("2"), "input"), *batch])
    record(database, lines("3"), "steelyard")
    assert priced(database).origin == "own"


def test_an_offer_with_a_price_for_no_ordinary_call_of_today_says_why() -> None:
    begin, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    old = Rate("r1", "input", Fraction(1), "CNY", "mtok", begin, valid_to=end)
    batch = replace(old, valid_to=None, condition=Condition(tier="batch"))
    assert price_book.prices_missing([], end) == ""
    assert price_book.prices_missing([old], begin) == ""
    assert price_book.prices_missing([old], end) == "its prices have ended"
    assert price_book.prices_missing([replace(old, valid_from=end, valid_to=None)], begin) == (
        "none has begun"
    )
    assert price_book.prices_missing([old, batch], end) == "only batch has a price"
    assert price_book.prices_missing([replace(old, valid_to=None), batch], end) == ""
