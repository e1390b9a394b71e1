"""Laws of price steps: they lead from one book to the other, and nothing changes without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.conditions import ALWAYS, Condition, deciding
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.pricebook.changes import Kind, PriceStep, diff, each, price_for, state

LISTING = Listing("V", "official", "m", "CNY")
DAY = datetime(2024, 5, 1, tzinfo=UTC)
CONDITIONS = (ALWAYS, Condition(input_to=32_000), Condition(tier="batch"), Condition(thinking=True))


@st.composite
def lines(draw: st.DrawFn) -> list[ListedRate]:
    """A list: per item, condition and day at most one price."""
    keys = st.tuples(
        st.sampled_from(("input", "output", "cache_read")),
        st.sampled_from(CONDITIONS),
        st.integers(0, 5),
    )
    found = []
    for item, condition, day in draw(st.lists(keys, max_size=8, unique=True)):
        amount = Fraction(draw(st.integers(0, 4)))
        begin = DAY + timedelta(days=day)
        length = draw(st.none() | st.integers(1, 3))
        end = None if length is None else begin + timedelta(days=length)
        rate = Rate("r", item, amount, "CNY", "mtok", begin, end, condition=condition)
        found.append(ListedRate(LISTING, rate, "own"))
    return found


def said(rates: tuple[Rate, ...]) -> set[tuple[str, Condition, Fraction]]:
    return {(rate.item, deciding(rate.condition), each(rate)) for rate in rates}


@given(lines())
def test_a_book_does_not_differ_from_itself(book: list[ListedRate]) -> None:
    assert diff(LISTING, book, book) == []


@given(lines(), lines())
def test_every_step_leads_to_what_the_new_book_says(
    before: list[ListedRate], after: list[ListedRate]
) -> None:
    steps = diff(LISTING, before, after)
    for step in steps:
        assert said(step.after) == said(state(after, step.at))
        assert said(step.after) != said(state(before, step.at))
    for day in range(10):
        at = DAY + timedelta(days=day)
        if said(state(before, at)) != said(state(after, at)):
            assert any(step.at <= at for step in steps)


@given(lines(), lines())
def test_a_change_tells_what_calls_paid_and_pay(
    before: list[ListedRate], after: list[ListedRate]
) -> None:
    for step in diff(LISTING, before, after):
        for change in step.items:
            assert change.before == price_for(step.before, change.item, change.condition)
            assert change.after == price_for(step.after, change.item, change.condition)
            if change.percent is not None:
                assert change.percent >= -100
                assert (change.percent > 0) is change.is_dearer
        _check_headline(step)


def _check_headline(step: PriceStep) -> None:
    percents = [change.percent for change in step.items if change.percent is not None]
    if step.headline is None:
        assert not percents
    else:
        assert step.headline in percents
    if step.kind is Kind.CUT:
        assert step.headline is not None and step.headline < 0
        assert not any(change.is_dearer for change in step.items)
