"""Price lists are appended, never edited; the newest word holds and every old one can be found."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from steelyard.domain.conditions import ALWAYS, Clock, Condition
from steelyard.domain.listings import Fact, ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.store import listings, revisions
from steelyard.store.listings import NewRate, Source

NS = 10**9
NOW_NS = 1_770_000_000 * NS
CHAT = Listing("DeepSeek", "official", "deepseek-chat", "CNY")
APRIL, MAY, JUNE = (datetime(2024, month, 1, tzinfo=UTC) for month in (4, 5, 6))
NIGHT = Condition(
    clock=Clock("Asia/Shanghai", ((30, 510),), frozenset((0, 1)), "CN"),
    input_to=32_000,
    version="V3",
    remark="promotion",
)


def line(
    amount: str,
    since: datetime = MAY,
    until: datetime | None = None,
    condition: Condition = ALWAYS,
    listing: Listing = CHAT,
) -> ListedRate:
    rate = Rate(
        *("", "input", Fraction(amount), "CNY", "mtok", since, until, "a page", condition),
    )
    return ListedRate(listing, rate, "own", 7, "phrase", "announced", "note", JUNE, "0.06")


def put(tx: Connection, *rates: NewRate | ListedRate, at_ns: int = NOW_NS, **more: str) -> int:
    new = [rate if isinstance(rate, NewRate) else NewRate(rate) for rate in rates]
    source = Source(more.get("origin", "own"), more.get("name", "a.csv"), more.get("digest", "d"))
    change = revisions.begin(tx, at_ns, "admin", "a test")
    return listings.record(tx, change, source, new).list_number


def timeline(tx: Connection) -> list[tuple[str, int, int | None]]:
    return [
        (
            str(found.rate.amount),
            found.rate.valid_from.month,
            found.rate.valid_to.month if found.rate.valid_to else None,
        )
        for found in listings.load(tx)
    ]


def test_a_line_comes_back_as_it_was_given(tx: Connection) -> None:
    given = line("1/3", condition=NIGHT)
    put(tx, given)
    (found,) = listings.load(tx)
    assert found.rate.rate_id == "b1"
    assert found.rate.condition == NIGHT
    assert found == ListedRate(
        CHAT, found.rate, "own", 7, "phrase", "announced", "note", JUNE, "0.06"
    )
    assert (found.rate.amount, found.rate.valid_from) == (Fraction(1, 3), MAY)


def test_a_later_line_ends_the_earlier_one_of_its_own_condition_only(tx: Connection) -> None:
    put(tx, line("1", APRIL), line("9", APRIL, condition=NIGHT), line("2", JUNE))
    assert sorted(timeline(tx)) == [("1", 4, 6), ("2", 6, None), ("9", 4, None)]


def test_what_only_tells_does_not_make_another_line(tx: Connection) -> None:
    put(tx, line("1", APRIL, condition=Condition(remark="a")))
    put(tx, line("2", JUNE, condition=Condition(remark="b")))
    assert timeline(tx) == [("1", 4, 6), ("2", 6, None)]


def test_an_end_of_its_own_that_comes_first_holds(tx: Connection) -> None:
    put(tx, line("1", APRIL, MAY), line("2", JUNE))
    assert timeline(tx) == [("1", 4, 5), ("2", 6, None)]


def test_under_a_promotion_the_price_of_before_goes_on(tx: Connection) -> None:
    put(tx, line("9", APRIL), line("1", MAY, JUNE))
    assert timeline(tx) == [("9", 4, None), ("1", 5, 6)]


def test_for_one_instant_the_newest_word_holds_and_the_old_one_is_found_by_its_id(
    tx: Connection,
) -> None:
    first = put(tx, line("1"))
    second = put(tx, NewRate(line("2"), corrects="b1"), at_ns=NOW_NS + NS)
    assert timeline(tx) == [("2", 5, None)]
    assert listings.load(tx)[0].is_correction
    assert listings.corrected_ids(tx, second) == {"b1"}
    assert listings.corrected_ids(tx, first) == set()
    rates = listings.by_ids(tx, ["b1", "b2", "b9", "r1", "x", "b²"])
    assert {key: str(rate.amount) for key, rate in rates.items()} == {"b1": "1", "b2": "2"}


def test_the_book_as_it_was_known_before_an_instant(tx: Connection) -> None:
    put(tx, line("1"))
    put(tx, line("2"), at_ns=NOW_NS + NS)
    (then,) = listings.load(tx, recorded_before_ns=NOW_NS + NS)
    assert then.rate.amount == 1


def test_a_retracted_line_is_gone_as_though_it_had_never_stood_there(tx: Connection) -> None:
    put(tx, line("1", APRIL), line("2", JUNE))
    put(tx, NewRate(line("2", JUNE), "b2", is_retracted=True))
    assert timeline(tx) == [("1", 4, None)]
    assert listings.by_ids(tx, ["b3"]) == {}


def test_vendors_and_models_are_found_in_any_case(tx: Connection) -> None:
    other = CHAT._replace(model="deepseek-v4")
    put(tx, line("1"), line("2", listing=other), line("3", listing=CHAT._replace(vendor="Zhipu")))
    assert [r.listing for r in listings.load(tx, "deepseek", "DeepSeek-Chat")] == [CHAT]
    assert len(listings.load(tx, vendor="DEEPSEEK")) == 2
    assert len(listings.load(tx, model="deepseek-chat")) == 2


def test_sources_do_not_end_each_other(tx: Connection) -> None:
    put(tx, line("1", APRIL))
    put(tx, line("2", JUNE), origin="litellm")
    assert timeline(tx) == [("1", 4, None), ("2", 6, None)]


def test_lists_are_told_newest_first_with_what_they_added(tx: Connection) -> None:
    put(tx, line("1"), digest="one")
    put(tx, digest="two", name="b.csv")
    assert [(found.name, found.lines) for found in listings.all_lists(tx)] == [
        ("b.csv", 0),
        ("a.csv", 1),
    ]
    assert listings.all_lists(tx, "litellm") == []
    assert listings.has_list(tx, "own", "one")
    assert not listings.has_list(tx, "own", "three")
    assert not listings.has_list(tx, "litellm", "one")
    newest = listings.newest_list(tx, "own", "a.csv")
    assert newest == Source("own", "a.csv", "one")
    assert listings.newest_list(tx, "sheet") is None


def test_facts_are_those_of_each_lists_newest_edition(tx: Connection) -> None:
    def put_facts(at_ns: int, name: str, *facts: Fact) -> None:
        change = revisions.begin(tx, at_ns, "admin", "a test")
        listings.record(tx, change, Source("own", name, "d"), (), facts)

    old = Fact("limit", "ByteDance", "doubao", MAY, JUNE, {"tpm": 800_000}, "a page")
    new = Fact("limit", "ByteDance", "doubao", MAY, None, {"tpm": 900_000}, "", "reseller")
    other = Fact("promise", "Baidu", "", MAY, None, {"text": "免费"})
    put_facts(NOW_NS, "one", old)
    put_facts(NOW_NS, "two", other)
    assert listings.facts(tx) == [old, other]
    put_facts(NOW_NS + NS, "one", new)
    put_facts(NOW_NS + NS, "two")
    assert listings.facts(tx) == [new, other]
    assert listings.facts(tx, vendor="baidu") == [other]
    assert listings.facts(tx, recorded_before_ns=NOW_NS + NS) == [old, other]


def test_rows_cannot_be_edited_or_deleted_by_anybody(tx: Connection) -> None:
    put(tx, line("1"))
    for statement in ("UPDATE list_rates SET numerator = '2'", "DELETE FROM list_rates"):
        with pytest.raises(IntegrityError, match="superseded, never"), tx.begin_nested():
            tx.execute(text(statement))
    assert timeline(tx) == [("1", 5, None)]


def test_an_id_of_another_make_is_no_listed_rate() -> None:
    assert listings.rate_number(listings.rate_id(12)) == 12
    with pytest.raises(ValueError, match="no listed rate"):
        listings.rate_number("r1")
