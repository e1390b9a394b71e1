from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from steelyard.domain.conditions import ALWAYS, Clock, Condition
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.pricebook.changes import Kind, PriceStep, diff, price_for, state

LISTING = Listing("Maker", "official", "m", "CNY")
MAY, JUNE, JULY = (datetime(2024, month, 1, tzinfo=UTC) for month in (5, 6, 7))
PEAK = Condition(clock=Clock("Asia/Shanghai", ((9 * 60, 12 * 60),)))
BATCH = Condition(tier="batch")
SHORT, LONG = Condition(input_to=32_000), Condition(input_from=32_000)


def line(
    item: str,
    price: str,
    begin: datetime = MAY,
    end: datetime | None = None,
    condition: Condition = ALWAYS,
) -> ListedRate:
    rate = Rate(
        *(f"{item}-{price}-{begin:%m}", item, Fraction(price), "CNY", "mtok", begin, end),
        condition=condition,
    )
    return ListedRate(LISTING, rate, "steelyard")


def one(before: list[ListedRate], after: list[ListedRate]) -> PriceStep:
    (step,) = diff(LISTING, before, after)
    return step


def told(step: PriceStep) -> list[tuple[str, int | None]]:
    return [(c.item, None if c.percent is None else int(c.percent)) for c in step.items]


FLAT = [line("input", "4"), line("output", "8")]


def test_a_cut_of_input_leaves_output_out() -> None:
    step = one(FLAT, [*FLAT, line("input", "1", JUNE)])
    assert (step.kind, step.at, told(step)) == (Kind.CUT, JUNE, [("input", -75)])
    assert step.headline == -75
    assert {rate.rate_id for rate in step.after} == {"input-1-06", "output-8-05"}


@pytest.mark.parametrize(
    ("more", "kind", "headline"),
    [
        ([line("input", "5", JUNE)], Kind.RISE, 25),
        ([line("input", "2", JUNE), line("output", "16", JUNE)], Kind.MIXED, -50),
        ([line("input", "0", JUNE)], Kind.CUT, -100),
        ([line("input", "2", JUNE, condition=BATCH)], Kind.NEW, None),
        ([line("cache_read", "1", JUNE)], Kind.CUT, -75),
        ([line("reasoning", "8", JUNE), line("input", "3", JUNE)], Kind.CUT, -25),
    ],
)
def test_what_a_step_is_follows_from_its_prices(
    more: list[ListedRate], kind: Kind, headline: int | None
) -> None:
    step = one(FLAT, [*FLAT, *more])
    assert (step.kind, step.headline) == (kind, headline)


def test_peak_hours_are_compared_with_the_price_of_all_hours() -> None:
    step = one(FLAT, [*FLAT, line("input", "6", JUNE), line("input", "12", JUNE, condition=PEAK)])
    assert step.kind is Kind.RISE and step.headline == 200
    assert {(c.condition, c.percent) for c in step.items} == {(ALWAYS, 50), (PEAK, 200)}
    back = one(
        [line("input", "6", MAY), line("input", "12", MAY, condition=PEAK)],
        [
            line("input", "6", MAY),
            line("input", "12", MAY, JUNE, condition=PEAK),
        ],
    )
    assert [(c.condition, c.percent) for c in back.items] == [(PEAK, -50)]


def test_lengths_that_become_one_price_are_compared_each() -> None:
    tiers = [line("input", "2", MAY, JUNE, SHORT), line("input", "4", MAY, JUNE, LONG)]
    step = one([replace_end(t) for t in tiers], [*tiers, line("input", "2", JUNE)])
    assert [(c.condition, c.percent) for c in step.items] == [(LONG, -50)]
    assert step.kind is Kind.CUT


def replace_end(listed: ListedRate) -> ListedRate:
    return replace(listed, rate=replace(listed.rate, valid_to=None))


def test_a_free_model_that_costs_something_is_a_rise_without_percentage() -> None:
    step = one([line("input", "0")], [line("input", "0"), line("input", "1", JUNE)])
    assert (step.kind, step.headline) == (Kind.RISE, None)
    assert step.items[0].is_dearer


def test_a_new_listing_and_one_that_ends() -> None:
    step = one([], FLAT)
    assert (step.kind, step.before, step.headline) == (Kind.NEW, (), None)
    ended = one(FLAT, [line("input", "4", MAY, JUNE), line("output", "8", MAY, JUNE)])
    assert (ended.kind, ended.at, ended.after) == (Kind.ENDED, JUNE, ())
    part = one(FLAT, [FLAT[0], line("output", "8", MAY, JUNE)])
    assert (part.kind, [c.item for c in part.items]) == (Kind.ENDED, ["output"])


def test_a_history_that_is_told_late_has_all_its_steps() -> None:
    steps = diff(LISTING, [], [*FLAT, line("input", "2", JUNE), line("input", "1", JULY)])
    assert [(s.kind, s.at) for s in steps] == [
        (Kind.NEW, MAY),
        (Kind.CUT, JUNE),
        (Kind.CUT, JULY),
    ]


def test_what_was_recorded_wrongly_is_a_correction() -> None:
    step = one(FLAT, [line("input", "3"), FLAT[1]])
    assert (step.kind, told(step)) == (Kind.CORRECTED, [("input", -25)])
    marked = replace(line("input", "3", JUNE), is_correction=True)
    assert one(FLAT, [*FLAT, marked]).kind is Kind.CORRECTED
    announced = [*FLAT, line("input", "1", JUNE)]
    withdrawn = one(announced, FLAT)
    assert (withdrawn.kind, withdrawn.at, told(withdrawn)) == (
        Kind.CORRECTED,
        JUNE,
        [("input", 300)],
    )


def test_an_announced_step_that_is_put_off_is_a_correction() -> None:
    steps = diff(LISTING, [*FLAT, line("input", "1", JUNE)], [*FLAT, line("input", "1", JULY)])
    assert [(s.kind, s.at) for s in steps] == [(Kind.CORRECTED, JUNE)]


def test_a_later_step_beside_a_correction_is_no_correction() -> None:
    marked = replace(line("input", "3", JUNE), is_correction=True)
    steps = diff(LISTING, FLAT, [*FLAT, marked, line("output", "4", JULY)])
    assert [(s.kind, s.at) for s in steps] == [(Kind.CORRECTED, JUNE), (Kind.CUT, JULY)]


def test_the_same_said_twice_is_no_step() -> None:
    again = [*FLAT, line("input", "1", JUNE), line("input", "1", JULY)]
    assert [s.at for s in diff(LISTING, FLAT, again)] == [JUNE]
    assert diff(LISTING, FLAT, FLAT) == []
    assert diff(LISTING, FLAT, [*FLAT, line("input", "4", JUNE)]) == []


def test_a_state_is_what_holds_at_an_instant() -> None:
    lines = [*FLAT, line("input", "1", JUNE)]
    assert {rate.rate_id for rate in state(lines, MAY)} == {"input-4-05", "output-8-05"}
    assert state(lines, datetime(2020, 1, 1, tzinfo=UTC)) == ()


def test_a_call_pays_by_the_narrowest_price_or_that_of_the_parent() -> None:
    rates = [
        listed.rate
        for listed in (
            *FLAT,
            line("input", "3", condition=SHORT),
            line("input", "2", condition=replace(SHORT, thinking=True)),
            line("input", "9", condition=PEAK),
            line("input", "1", condition=BATCH),
        )
    ]

    def paid(item: str, condition: Condition = ALWAYS) -> str | None:
        found = price_for(rates, item, condition)
        return found and str(found.amount)

    assert (paid("input"), paid("input", SHORT), paid("input", LONG)) == ("4", "3", "4")
    assert paid("cache_write_1h", SHORT) == "3"
    assert paid("input", BATCH) == "1" and paid("output", BATCH) is None
    both = replace(SHORT, clock=PEAK.clock)
    assert paid("input", both) == "9"  # neither is narrower: the dearer one
    assert paid("image") is None
