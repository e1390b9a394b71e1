"""Laws of taking price lists over: the last list holds, and every id says what it ever said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.pricebook.difference import Rules, diff
from steelyard.store import listings, revisions
from steelyard.store.listings import NewRate, Source
from steelyard.store.schema import metadata

CHAT = Listing("Mine", "official", "chat", "CNY")
ORIGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 12
NOW = ORIGIN + timedelta(days=DAYS // 2)


def day(number: int) -> datetime:
    return ORIGIN + timedelta(days=number)


Edition = list[tuple[int, int | None, int]]
"""Lines as day of the begin, days until the end if there is one, price."""


@st.composite
def editions(draw: st.DrawFn, begins_at: int = 0) -> Edition:
    """A list that speaks of one item from ``begins_at`` on; lines may lie upon each other."""
    begins = draw(st.sets(st.integers(begins_at + 1, DAYS - 1), max_size=4))
    lengths = st.one_of(st.none(), st.integers(1, DAYS))
    return [(at, draw(lengths), draw(st.integers(1, 3))) for at in sorted({begins_at, *begins})]


def lines_of(edition: Edition) -> list[ListedRate]:
    return [
        ListedRate(
            CHAT,
            Rate(
                *("", "input", Fraction(price), "CNY", "mtok", day(begin)),
                day(begin + length) if length is not None else None,
            ),
            "own",
        )
        for begin, length, price in edition
    ]


def price_at(lines: list[ListedRate], at: datetime) -> Fraction | None:
    """What holds: of the lines whose dates fit, the last to begin."""
    fitting = [
        line.rate
        for line in lines
        if line.rate.valid_from <= at and (line.rate.valid_to is None or at < line.rate.valid_to)
    ]
    return max(fitting, key=lambda rate: rate.valid_from).amount if fitting else None


def prices(lines: list[ListedRate], first: int = 0) -> list[Fraction | None]:
    return [price_at(lines, day(number)) for number in range(first, DAYS + 3)]


@pytest.fixture(scope="module")
def book() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def take(tx: Connection, edition: list[ListedRate], rules: Rules) -> None:
    found = diff(listings.load(tx, as_recorded=True), edition, rules)
    change = revisions.begin(tx, 1, "test", "")
    new = [NewRate(step.line, step.corrects, step.is_retracted) for step in found.steps]
    listings.record(tx, change, Source("own", "a", "d"), new)


@given(st.lists(editions(), min_size=1, max_size=4))
def test_the_book_says_what_the_last_whole_list_says(
    book: Connection, lists: list[Edition]
) -> None:
    rules = Rules(NOW, may_correct=True)
    attempt = book.begin_nested()
    try:
        known: dict[str, Fraction] = {}
        for edition in map(lines_of, lists):
            take(book, edition, rules)
            found = listings.load(book)
            assert prices(found) == prices(edition)
            again = diff(listings.load(book, as_recorded=True), edition, rules)
            assert again.steps == ()
            known |= {line.rate.rate_id: line.rate.amount for line in found}
            kept = listings.by_ids(book, known)
            assert {key: rate.amount for key, rate in kept.items()} == known
    finally:
        attempt.rollback()


@given(editions(), st.integers(1, DAYS - 2).flatmap(editions))
def test_a_list_that_begins_later_leaves_what_was_before(
    book: Connection, whole_edition: Edition, later_edition: Edition
) -> None:
    whole, later = lines_of(whole_edition), lines_of(later_edition)
    attempt = book.begin_nested()
    try:
        take(book, whole, Rules(NOW, may_correct=True))
        take(book, later, Rules(NOW, may_correct=True))
        found = listings.load(book)
        first = (later[0].rate.valid_from - ORIGIN).days
        assert prices(found)[:first] == prices(whole)[:first]
        for at in range(first, DAYS + 3):
            said = price_at(later, day(at))
            assert said is None or price_at(found, day(at)) == said
    finally:
        attempt.rollback()


@given(editions(), editions())
def test_without_a_mark_no_price_of_the_past_becomes_another(
    book: Connection, edition: Edition, next_edition: Edition
) -> None:
    one, other = lines_of(edition), lines_of(next_edition)
    attempt = book.begin_nested()
    try:
        take(book, one, Rules(NOW, may_correct=True))
        found = diff(listings.load(book, as_recorded=True), other, Rules(NOW))
        if any(finding.is_error and finding.kind == "past_changed" for finding in found.findings):
            return
        take(book, other, Rules(NOW))
        newest = max(line.rate.valid_from for line in one)
        for at in range(DAYS // 2):
            if day(at) < newest:
                assert price_at(listings.load(book), day(at)) == price_at(one, day(at))
    finally:
        attempt.rollback()
