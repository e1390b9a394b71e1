"""Lists are taken over whole or not at all; what they change is told, and what is doubted."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from types import SimpleNamespace

import pytest

from steelyard.control.prices import book as price_book
from steelyard.control.prices import lists as price_lists
from steelyard.control.prices.lists import PENDING, READY, REFUSED, SAME, TAKEN, Order, Outcome
from steelyard.domain.errors import InvalidRequest, StoreUnavailable
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.listings import Listing
from steelyard.pricebook import shipped
from steelyard.store import listings, price_events, settings
from steelyard.store.database import Database

HEAD = (
    "vendor,channel,model,currency,unit,item,condition,price,effective_from,effective_to"
    ",source,note"
)
NOW_NS = instant_ns(datetime(2026, 6, 15, 12, tzinfo=UTC))
CHAT = Listing("Mine", "official", "chat", "CNY")
FACTS = b"""
facts:
  - {vendor: Mine, models: [chat], from: 2026-01-01, source: a page, limit: {rpm: 5}}
"""


def csv(*rows: str) -> bytes:
    """Rows are item, price, first day, day of the end."""
    lines = [HEAD]
    for row in rows:
        item, price, begin, *end = row.split()
        ending = "".join(end)
        lines.append(f"Mine,official,chat,CNY,per_1m_tokens,{item},,{price},{begin},{ending},p,")
    return "\n".join(lines).encode()


def take(database: Database, *rows: str, at_ns: int = NOW_NS, **more: object) -> Outcome:
    order = Order("own.csv", csv(*rows))._replace(**more)  # type: ignore[arg-type]
    return price_lists.take(database, order, at_ns, "admin")


def amounts(database: Database) -> list[str]:
    with database.read() as tx:
        return [str(rate.amount) for rate in price_book.load_market(tx).of(CHAT)]


def lists(database: Database) -> int:
    with database.read() as tx:
        return len(listings.all_lists(tx))


def test_a_list_is_taken_over_once(database: Database) -> None:
    rows = ("input 1 2026-01-01", "output 2 2026-01-01")
    outcome = take(database, *rows)
    assert (outcome.state, outcome.list_number, outcome.findings) == (TAKEN, 1, ())
    assert amounts(database) == ["1", "2"]
    assert take(database, *rows).state == SAME
    assert lists(database) == 1


def test_a_list_that_says_the_same_in_other_bytes_adds_nothing(database: Database) -> None:
    take(database, "input 1 2026-01-01")
    outcome = take(database, "input 1.0 2026-01-01")
    assert (outcome.state, outcome.difference.unchanged, outcome.difference.steps) == (TAKEN, 1, ())
    with database.read() as tx:
        assert [found.lines for found in listings.all_lists(tx)] == [0, 1]


def test_an_older_edition_may_come_back(database: Database) -> None:
    future = ("input 1 2026-12-01", "input 2 2026-12-01", "input 1 2026-12-01")
    assert [take(database, row).state for row in future] == [TAKEN] * 3
    assert amounts(database) == ["1"]


def test_a_dry_run_tells_and_changes_nothing(database: Database) -> None:
    outcome = take(database, "input 1 2026-01-01", is_dry_run=True)
    assert (outcome.state, outcome.difference.count("added")) == (READY, 1)
    assert lists(database) == 0


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (("input 1,5 2026-01-01",), ""),
        (("input -1 2026-01-01",), "number_negative"),
        (("input 1 2026-01-01", "input 2 2026-01-01"), ""),
    ],
)
def test_what_cannot_be_read_is_refused_whole(
    database: Database, rows: tuple[str, ...], kind: str
) -> None:
    outcome = take(database, "output 1 2026-01-01", *rows)
    assert outcome.state == REFUSED
    assert outcome.findings[0].line > 2
    assert kind in outcome.findings[0].kind
    assert lists(database) == 0


def test_the_past_is_changed_by_corrections_only(database: Database) -> None:
    take(database, "input 1 2026-01-01")
    assert take(database, "input 2 2026-01-01").state == REFUSED
    assert amounts(database) == ["1"]
    outcome = take(database, "input 2 2026-01-01", is_correction=True)
    assert (outcome.state, outcome.has_corrections) == (TAKEN, True)
    assert amounts(database) == ["2"]
    with database.read() as tx:
        assert settings.get(tx, PENDING) == [{"list": 2, "due_ns": NOW_NS}]
        assert {rate.amount for rate in listings.by_ids(tx, ["b1", "b2"]).values()} == {1, 2}


def test_large_changes_are_told_twice(database: Database) -> None:
    take(database, "input 1 2026-01-01")
    rows = ("input 1 2026-01-01 2026-07-01", "input 30 2026-07-01")
    assert take(database, *rows).state == REFUSED
    outcome = take(database, *rows, is_sure=True)
    assert outcome.state == TAKEN
    assert [finding.is_error for finding in outcome.findings] == [False]
    assert "--yes" not in outcome.findings[0].message, "it was said"


def test_a_wrong_unit_is_found_by_what_others_say(database: Database) -> None:
    take(database, "input 1 2026-01-01", origin="steelyard")
    assert take(database, "input 0.001 2026-07-01").state == REFUSED
    assert take(database, "input 0.9 2026-07-01").state == TAKEN
    assert amounts(database) == ["1", "9/10"]


def test_what_a_list_leaves_to_others_is_told(database: Database) -> None:
    take(database, "input 1 2026-01-01", "output 4 2026-01-01", origin="litellm")
    rows = ("input 1 2026-01-01", "output 4 2026-01-01")
    take(database, *rows, origin="steelyard")
    outcome = take(database, "input 0.8 2026-06-01")
    (finding,) = outcome.findings
    assert (outcome.state, finding.kind, finding.is_error) == (TAKEN, "items_missing", False)
    assert finding.message.endswith("has no price of output here; that of steelyard holds")
    assert take(database, "output 3 2026-06-10").findings == ()
    assert take(database, "input 1 2026-06-01", origin="sheet").findings == ()


def test_events_tell_of_changes_and_not_of_a_sources_first_list(database: Database) -> None:
    take(database, "input 1 2026-01-01", "output 4 2026-01-01")
    with database.read() as tx:
        assert price_events.load(tx) == []
    take(database, "input 0.8 2026-07-01", "output 2 2026-07-01")
    with database.read() as tx:
        (event,) = price_events.load(tx)
        ids = price_events.unapproved_ids(tx)
    assert (event.kind, event.listing, event.list_number) == ("cut", CHAT, 2)
    assert [step["change"] for step in event.body["steps"]] == ["-1/5", "-1/2"]
    assert ids == {"b3", "b4"}


def test_a_first_list_that_takes_a_listing_over_at_another_price_is_an_event(
    database: Database,
) -> None:
    take(database, "input 4 2026-01-01", "output 8 2026-01-01", origin="steelyard")
    take(database, "input 4 2026-01-01", "output 2 2026-06-01")
    with database.read() as tx:
        (event,) = price_events.load(tx)
        ids = price_events.unapproved_ids(tx)
    assert (event.kind, event.listing) == ("cut", CHAT)
    assert [step["change"] for step in event.body["steps"]] == ["0", "-3/4"]
    assert ids == {"b3", "b4"}


def test_what_a_less_trusted_source_says_of_a_listing_is_no_event(database: Database) -> None:
    take(database, "input 1 2026-01-01", origin="steelyard")
    take(database, "input 1 2026-01-01")
    take(database, "input 2 2026-07-01", origin="steelyard")
    with database.read() as tx:
        assert price_events.load(tx) == []


@pytest.mark.parametrize(
    ("trusted", "count"),
    [
        ("2026-01-01 2026-05-01", 1),
        ("2026-09-01", 1),
        ("2026-01-01 2026-09-01", 1),
        ("2026-01-01", 0),
    ],
)
def test_where_the_trusted_source_is_silent_the_next_ones_changes_are_events(
    database: Database, trusted: str, count: int
) -> None:
    take(database, f"input 1 {trusted}", f"output 1 {trusted}", origin="steelyard")
    take(database, "input 1 2026-01-01", "output 1 2026-01-01", origin="litellm")
    with database.read() as tx:
        assert price_events.load(tx) == []
    rows = ("input 1 2026-01-01", "output 1 2026-01-01 2026-07-01", "output 0.2 2026-07-01")
    assert take(database, *rows, origin="litellm").state == TAKEN
    with database.read() as tx:
        assert len(price_events.load(tx)) == count


def test_a_change_of_what_the_trusted_source_leaves_to_others_is_an_event(
    database: Database,
) -> None:
    take(database, "input 1 2026-01-01")
    take(database, "input 2 2026-01-01", "output 4 2026-01-01", origin="litellm")
    take(database, "input 1 2026-06-20", origin="litellm")
    with database.read() as tx:
        assert price_events.load(tx) == []
    take(database, "output 2 2026-06-25", origin="litellm")
    with database.read() as tx:
        assert [event.kind for event in price_events.load(tx)] == ["cut"]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (("input 2 2026-07-01",), "rise"),
        (("input 0.5 2026-07-01", "output 3 2026-07-01"), "rise"),
        (("input 1 2026-01-01 2026-08-01", "output 2 2026-01-01"), "ended"),
        (("cached_input 0.1 2026-07-01",), "new"),
    ],
)
def test_kinds_of_events(database: Database, rows: tuple[str, ...], kind: str) -> None:
    take(database, "input 1 2026-01-01", "output 2 2026-01-01")
    assert take(database, *rows).state == TAKEN
    with database.read() as tx:
        assert [event.kind for event in price_events.load(tx)] == [kind]


def test_a_correction_and_a_new_listing_are_events_of_their_own(database: Database) -> None:
    take(database, "input 1 2026-01-01")
    take(database, "input 2 2026-01-01", is_correction=True)
    data = csv("input 1 2026-01-01").replace(b"chat", b"other")
    price_lists.take(database, Order("other.csv", data), NOW_NS, "admin")
    with database.read() as tx:
        assert [event.kind for event in price_events.load(tx)] == ["new", "corrected"]


def test_facts_are_a_list_too(database: Database) -> None:
    order = Order("facts.yaml", FACTS, "facts")
    assert price_lists.take(database, order, NOW_NS, "admin").state == TAKEN
    with database.read() as tx:
        assert [(found.lines, found.facts) for found in listings.all_lists(tx)] == [(0, 1)]
        (fact,) = price_book.load_market(tx).facts("limit")
    assert (fact.vendor, fact.body["rpm"]) == ("Mine", 5)


def test_an_unknown_source_is_named(database: Database) -> None:
    with pytest.raises(InvalidRequest, match="one of facts, genai-prices"):
        take(database, "input 1 2026-01-01", source="hearsay")


def test_two_lists_at_once_do_not_mix(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    original = price_lists.diff

    def diff_while_another_comes(*arguments: object) -> object:
        monkeypatch.setattr(price_lists, "diff", original)
        take(database, "input 9 2026-01-01")
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(price_lists, "diff", diff_while_another_comes)
    with pytest.raises(StoreUnavailable, match="try again"):
        take(database, "input 1 2026-01-01")
    assert amounts(database) == ["9"]


def ship(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> None:
    """Lets other files come with steelyard."""
    fake = SimpleNamespace(read=files.__getitem__, phrases=shipped.phrases)
    monkeypatch.setattr(price_lists, "shipped", fake)


def test_the_shipped_lists_are_seeded_once_and_a_later_edition_corrects(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"prices.csv": csv("input 1 2026-01-01"), "facts.yaml": FACTS}
    ship(monkeypatch, files)
    assert price_lists.seed(database, NOW_NS, price_lists.FIRST)
    assert not price_lists.seed(database, NOW_NS, price_lists.FIRST)
    files["prices.csv"] = csv("input 50 2026-01-01", "output 2 2026-07-01")
    assert price_lists.seed(database, NOW_NS + DAY_NS, price_lists.FIRST)
    with database.read() as tx:
        found = price_book.load_market(tx).lines_of(CHAT)
        assert [(str(x.rate.amount), x.origin, x.is_correction) for x in found] == [
            ("50", "steelyard", True),
            ("2", "steelyard", False),
        ]
        assert {found.actor for found in listings.all_lists(tx)} == {"seed"}


def test_a_shipped_list_that_is_wrong_does_not_keep_control_from_starting(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ship(monkeypatch, {"prices.csv": b"vendor"})
    assert not price_lists.seed(database, NOW_NS, price_lists.FIRST[:1])
    assert "prices.csv is not taken over" in caplog.text


def test_the_list_that_comes_with_steelyard_is_taken_over_whole(database: Database) -> None:
    assert price_lists.seed(database, NOW_NS, price_lists.FIRST)
    with database.read() as tx:
        market = price_book.load_market(tx, "OpenAI")
    listing = Listing("OpenAI", "official", "gpt-4o-mini", "USD")
    assert Fraction("0.15") in {rate.amount for rate in market.of(listing)}
