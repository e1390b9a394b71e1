"""What a new edition of a price list adds, what of it changes the past, and what is doubted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from steelyard.domain.conditions import Condition
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.pricebook import difference
from steelyard.pricebook.difference import BOUND, LATE, PAST, TWICE, Difference, Rules, diff
from steelyard.pricebook.market import Market

CHAT = Listing("DeepSeek", "official", "deepseek-chat", "CNY")
NOW = datetime(2026, 6, 15, tzinfo=UTC)
ASKED = Rules(NOW)
CORRECTING = Rules(NOW, may_correct=True)


def month(number: int, year: int = 2026) -> datetime:
    return datetime(year, number, 1, tzinfo=UTC)


def line(
    amount: str,
    since: int = 1,
    until: int | None = None,
    *,
    item: str = "input",
    unit: str = "mtok",
    tier: str = "",
    rate_id: str = "",
    number: int = 0,
) -> ListedRate:
    end = month(until) if until else None
    condition = Condition(tier=tier)
    rate = Rate(
        rate_id, item, Fraction(amount), "CNY", unit, month(since), end, condition=condition
    )
    return ListedRate(CHAT, rate, "own", number)


def told(found: Difference) -> list[tuple[str, str, int, str]]:
    return [
        (
            "retracted" if step.is_retracted else step.kind,
            str(step.line.rate.amount),
            step.line.rate.valid_from.month,
            step.corrects,
        )
        for step in found.steps
    ]


def kinds(found: Difference) -> list[str]:
    return [finding.kind for finding in found.findings]


def test_a_first_list_is_added_whole() -> None:
    found = diff([], [line("1", 1, 3), line("1", 3), line("2", item="output")], ASKED)
    assert (found.count(difference.ADDED), found.unchanged, found.findings) == (3, 0, ())
    assert all(step.before is None for step in found.steps if step.line.rate.item == "output")


def test_the_same_again_is_nothing_whatever_its_unit_and_how_its_ends_are_written() -> None:
    recorded = [line("1", 1, 3, rate_id="b1"), line("2", 3, rate_id="b2")]
    again = [line("0.001", 1, unit="ktok"), line("2", 3)]
    assert diff(recorded, again, ASKED) == Difference((), 2, ())


def test_a_list_that_begins_later_only_appends() -> None:
    found = diff([line("1", 1, rate_id="b1")], [line("2", 8)], ASKED)
    assert told(found) == [("added", "2", 8, "")]
    assert found.steps[0].change == 1
    assert found.findings == ()


def test_a_price_that_is_confirmed_later_is_no_news() -> None:
    assert diff([line("1", rate_id="b1")], [line("1", 5)], ASKED) == Difference((), 1, ())


def test_one_that_confirms_the_price_of_before_a_change_in_the_list_is_news() -> None:
    found = diff([line("1", rate_id="b1")], [line("2", 7), line("1", 8)], ASKED)
    assert told(found) == [("added", "2", 7, ""), ("added", "1", 8, "")]


def test_a_line_that_goes_on_after_an_end_is_news_though_the_price_is_the_same() -> None:
    found = diff([line("1", 1, 7, rate_id="b1")], [line("1", 1, 7), line("1", 7)], ASKED)
    assert told(found) == [("added", "1", 7, "")]


def test_what_comes_late_is_appended_and_said() -> None:
    found = diff([line("1", rate_id="b1")], [line("2", 5, number=3)], ASKED)
    assert told(found) == [("added", "2", 5, "")]
    assert [(f.kind, f.line, f.is_error) for f in found.findings] == [(LATE, 3, False)]


def test_what_comes_late_and_is_marked_takes_the_place_of_what_held() -> None:
    recorded = [line("1", rate_id="b1")]
    for found in (
        diff(recorded, [line("2", 5)], Rules(NOW, is_correction=True)),
        diff(recorded, [replace(line("2", 5), is_correction=True)], ASKED),
    ):
        assert told(found) == [("corrected", "2", 5, "b1")]
        assert found.findings == ()
    assert told(diff(recorded, [line("2", 5)], CORRECTING)) == [("added", "2", 5, "")]


@pytest.mark.parametrize(
    ("edition", "steps"),
    [
        ([line("2", 1)], [("corrected", "2", 1, "b1")]),
        ([line("1", 1, 5)], [("corrected", "1", 1, "b1")]),
        ([line("1", 1), line("3", 2), line("2", 3)], [("corrected", "3", 2, "b1")]),
        ([line("1", 1)], [("retracted", "2", 3, "b2")]),
    ],
    ids=["another amount", "another end", "a line between", "a line gone"],
)
def test_the_past_changes_only_by_a_correction(edition, steps) -> None:
    recorded = [line("1", 1, rate_id="b1")]
    if len(edition) == 3 or steps[0][0] == "retracted":
        recorded.append(line("2", 3, rate_id="b2"))
    refused = diff(recorded, edition, ASKED)
    assert (kinds(refused), refused.steps) == ([PAST], ())
    assert refused.findings[0].is_error
    assert told(diff(recorded, edition, CORRECTING)) == steps


def test_a_line_marked_as_a_correction_needs_no_mark_on_the_list() -> None:
    found = diff([line("1", rate_id="b1")], [replace(line("2"), is_correction=True)], ASKED)
    assert told(found) == [("corrected", "2", 1, "b1")]


def test_the_future_may_change_end_and_vanish() -> None:
    recorded = [line("1", 1, rate_id="b1"), line("2", 8, rate_id="b2")]
    assert told(diff(recorded, [line("1", 1), line("3", 8)], ASKED)) == [("changed", "3", 8, "")]
    assert told(diff(recorded, [line("1", 1), line("2", 8, 9)], ASKED)) == [("ended", "2", 8, "")]
    found = diff(recorded, [line("1", 1)], ASKED)
    assert ("retracted", "2", 8, "") in told(found)
    assert found.findings == ()


def test_a_line_that_moves_leaves_no_gap() -> None:
    recorded = [line("1", 1, 3, rate_id="b1"), line("2", 3, rate_id="b2")]
    found = diff(recorded, [line("1", 1, 4), line("2", 4)], CORRECTING)
    assert sorted(told(found)) == [
        ("added", "2", 4, ""),
        ("corrected", "1", 1, "b1"),
        ("retracted", "2", 3, "b2"),
    ]


def test_under_a_promotion_the_price_of_before_goes_on() -> None:
    recorded = [line("9", 1, rate_id="b1"), line("1", 2, 4, rate_id="b2")]
    assert diff(recorded, [line("9", 1), line("1", 2, 4)], ASKED).unchanged == 2
    assert kinds(diff(recorded, [line("9", 1, 5), line("1", 2, 4)], ASKED)) == [PAST]
    assert diff(recorded, [line("9", 1), line("1", 2, 4), line("9", 4)], ASKED).unchanged == 3
    after = diff(recorded, [line("9", 1), line("1", 2, 4), line("10", 8)], ASKED).steps[0]
    assert after.before is not None
    assert after.before.amount == 9


def test_two_lines_of_one_price_may_become_one() -> None:
    recorded = [line("1", 1, rate_id="b1"), line("1", 3, rate_id="b2")]
    assert diff(recorded, [line("1", 1)], ASKED).steps == ()


def test_listings_and_conditions_that_the_list_does_not_mention_stay() -> None:
    other = replace(line("9", rate_id="b9"), listing=CHAT._replace(model="deepseek-v4"))
    batch = line("0.5", 1, tier="batch", rate_id="b2")
    found = diff([line("1", 1, rate_id="b1"), other, batch], [line("2", 8)], ASKED)
    assert told(found) == [("added", "2", 8, "")]


@pytest.mark.parametrize(
    ("before", "after", "is_large"),
    [("1", "20", False), ("1", "20.01", True), ("20", "0.9", True), ("0", "1", True),
     ("1", "0", True), ("0", "0", False), ("0.0005", "0.5", True)],
)  # fmt: skip
def test_a_large_change_is_doubted(before: str, after: str, is_large: bool) -> None:
    found = diff([line(before, rate_id="b1")], [line(after, 8, number=4)], ASKED)
    assert kinds(found) == ([BOUND] if is_large else [])
    if is_large:
        assert found.findings[0].line == 4
        assert len(found.steps) == 1


def test_a_wrong_unit_within_the_list_and_against_other_sources_is_doubted() -> None:
    assert kinds(diff([], [line("1", 1), line("1000", 3)], ASKED)) == [BOUND]
    others = Market([line("0.8", 1)])
    assert kinds(diff([], [line("800", 1)], ASKED, others)) == [BOUND]
    assert kinds(diff([], [line("800", 1, item="output")], ASKED, others)) == []
    (step,) = diff([], [line("1", 1)], ASKED, others).steps
    assert (step.kind, step.change) == (difference.ADDED, Fraction(1, 4)), (
        "told as a change of what counts"
    )


def test_two_prices_from_one_day_on_are_a_mistake() -> None:
    assert kinds(diff([], [line("1"), line("2", number=2)], ASKED)) == [TWICE]
    assert kinds(diff([], [line("1"), line("1")], ASKED)) == []


def test_case_of_names_is_no_difference() -> None:
    upper = replace(line("1"), listing=CHAT._replace(model="DeepSeek-Chat"))
    assert diff([line("1", rate_id="b1")], [upper], ASKED).unchanged == 1
