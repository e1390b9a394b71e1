"""A vendor with three models, one of which changes its price in June."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

from steelyard.domain.conditions import ALWAYS, Clock, Condition
from steelyard.domain.listings import Fact, ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.pricebook.changes import PriceStep, diff
from steelyard.pricebook.market import Market

MAY, JUNE = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
LISTING = Listing("Maker", "official", "mid", "CNY")
PEAK = Condition(clock=Clock("Asia/Shanghai", ((9 * 60, 12 * 60),)))


def line(
    item: str,
    price: str,
    begin: datetime = MAY,
    *,
    condition: Condition = ALWAYS,
    model: str = "mid",
) -> ListedRate:
    rate = Rate(
        *(f"{model}-{item}-{price}", item, Fraction(price), "CNY", "mtok", begin),
        condition=condition,
    )
    return ListedRate(LISTING._replace(model=model), rate, "steelyard")


FLAT = [line("input", "4"), line("output", "8")]
OTHERS = [
    *(line("input", "1", model="small"), line("output", "2", model="small")),
    *(line("input", "20", model="big"), line("output", "60", model="big")),
    line("input", "30", model="blind"),
]
FACTS = (
    Fact("limit", "Maker", "mid", MAY, None, {"tpm": 800_000}, "a page"),
    Fact("contract", "Maker", "mid", MAY, None, {"name": "ours"}, "a page"),
)


def market(*more: ListedRate) -> Market:
    return Market([*FLAT, *OTHERS, *more], FACTS)


def step(*new: ListedRate, old: list[ListedRate] | None = None) -> PriceStep:
    before = FLAT if old is None else old
    (found,) = diff(LISTING, before, [*before, *new])
    return found


def ended(listed: ListedRate) -> ListedRate:
    return replace(listed, rate=replace(listed.rate, valid_to=JUNE))
