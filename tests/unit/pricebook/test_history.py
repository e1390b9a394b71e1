from __future__ import annotations

from fractions import Fraction

from pricebook.lists_rig import at, listed
from steelyard.domain.conditions import Condition
from steelyard.domain.listings import ListedRate
from steelyard.pricebook.history import Step, current, history, spans
from steelyard.pricebook.market import Market


def steps(*lines: ListedRate, items: tuple[str, ...] = ()) -> list[Step]:
    market = Market(lines)
    return history(market, market.listings(), items)


def shown(step: Step) -> tuple[str, str, str | None, str | None]:
    end = f"{step.to_at:%Y-%m-%d}" if step.to_at else None
    change = None if step.change is None else str(step.change)
    return f"{step.from_at:%Y-%m-%d}", str(step.amount), end, change


def test_a_later_price_ends_the_one_before_and_changes_by_a_share() -> None:
    found = steps(
        listed("m input", "0.02", "2024-05-01", unit="ktok"),
        listed("m input", "0.5", "2024-05-21"),
        listed("m input", "0", "2024-08-01"),
        listed("m input", "1", "2024-09-01", "2024-10-01"),
    )
    assert [shown(step) for step in found] == [
        ("2024-05-01", "20", "2024-05-21", None),
        ("2024-05-21", "1/2", "2024-08-01", "-39/40"),
        ("2024-08-01", "0", "2024-09-01", "-1"),
        ("2024-09-01", "1", "2024-10-01", None),  # from nothing there is no share
        ("2024-10-01", "0", None, "-1"),  # the free price never ended
    ]
    assert {step.unit for step in found} == {"mtok"}


def test_a_promotion_lies_upon_the_price_that_holds_again() -> None:
    found = steps(listed("m input", "4"), listed("m input", "1", "2026-03-01", "2026-04-01"))
    assert [shown(step) for step in found] == [
        ("2026-01-01", "4", "2026-03-01", None),
        ("2026-03-01", "1", "2026-04-01", "-3/4"),
        ("2026-04-01", "4", None, "3"),
    ]


def test_the_same_price_said_again_is_no_step() -> None:
    again = steps(
        listed("m input", "4", "2026-01-01", "2026-02-01"), listed("m input", "4", "2026-02-01")
    )
    assert [shown(step) for step in again] == [("2026-01-01", "4", None, None)]
    hole = steps(
        listed("m input", "4", "2026-01-01", "2026-02-01"), listed("m input", "4", "2026-03-01")
    )
    assert len(hole) == 2
    other = Condition(version="V3")
    told = steps(
        listed("m input", "4"), listed("m input", "4", "2026-02-01", condition=other)
    )  # another version at the same price is worth telling
    assert [shown(step)[3] for step in told] == [None, "0"]


def test_items_and_conditions_have_steps_of_their_own() -> None:
    lines = (
        listed("m output", "8"),
        listed("m input", "4"),
        listed("m input", "2", condition=Condition(tier="batch")),
        listed("m input", "9", "2026-02-01", condition=Condition(is_list_price=True)),
    )
    assert [(step.item, step.condition.tier) for step in steps(*lines)] == [
        *(("input", ""), ("input", "batch"), ("input", ""), ("output", "")),
    ]
    assert [step.item for step in steps(*lines, items=("output",))] == ["output"]


def test_a_remark_does_not_make_another_price() -> None:
    old, new = Condition(version="V2"), Condition(version="V3")
    groups = spans(
        [listed("m input", "1", condition=old), listed("m input", "2", "2026-02-01", condition=new)]
    )
    (group,) = groups.values()
    assert [span.line.rate.condition.version for span in group] == ["V2", "V3"]


def test_a_source_that_fell_silent_is_followed_by_the_next() -> None:
    market = Market(
        (
            listed("m input", "4", "2026-01-01", "2026-02-01"),
            listed("m input", "5", origin="genai-prices"),
        )
    )
    (listing,) = market.listings()
    assert current(market, listing, at("2026-01-15"))[0] == "own"
    origin, lines = current(market, listing, at("2026-02-01"))
    assert (origin, [line.rate.amount for line in lines]) == ("genai-prices", [Fraction(5)])
    assert current(market, listing, at("2025-01-01")) == ("", [])


def test_of_what_holds_by_its_dates_only_the_latest_is_current() -> None:
    market = Market((listed("m input", "4"), listed("m input", "3", "2026-02-01")))
    (listing,) = market.listings()
    _, lines = current(market, listing, at("2026-03-01"))
    assert [line.rate.amount for line in lines] == [3]
