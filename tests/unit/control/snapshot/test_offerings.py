"""Offers as workers need them: booking follows every price, ranking the approved ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from steelyard.control.snapshot.offerings import (
    KEPT_NS,
    LOOK_AHEAD_NS,
    RANK_LAST,
    Home,
    next_change_ns,
    offer_entry,
)
from steelyard.domain.conditions import ALWAYS, Clock, Condition
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.rates import Rate
from steelyard.domain.usage import Usage
from steelyard.gateway.snapshot import ExchangeEntry
from steelyard.pricebook.book import card_of, period_at, price

NOW = datetime(2026, 9, 1, tzinfo=UTC)
NOW_NS = instant_ns(NOW)
SINCE = NOW - timedelta(days=100)
HOME = Home("CNY", {"USD/CNY": ExchangeEntry("x", 7, 1)})
BODY: dict[str, Any] = {
    "model": "m",
    "channel": "c",
    "upstream_model": "m",
    "context_tokens": 1000,
    "output_tokens_max": 100,
    "features": ["stream"],
    "tokens_per_byte": 0.3,
}
BEIJING_MORNING = Clock("Asia/Shanghai", ((540, 720),))


def rate(rate_id: str, item: str, amount: int, **changes: Any) -> Rate:
    fields = {"currency": "CNY", "unit": "mtok", "valid_from": SINCE, **changes}
    return Rate(rate_id, item, Fraction(amount), **fields)


def both(name: str, amount: int, **changes: Any) -> list[Rate]:
    return [
        rate(f"{name}-in", "input", amount, **changes),
        rate(f"{name}-out", "output", amount, **changes),
    ]


def test_ranks_are_counted_at_home() -> None:
    entry = offer_entry("o", BODY, both("a", 2, currency="USD"), NOW_NS, HOME)
    assert (entry.currency, entry.rank_input, entry.rank_output) == ("USD", 14e6, 14e6)
    foreign = offer_entry("o", BODY, both("a", 2, currency="EUR"), NOW_NS, HOME)
    assert (foreign.currency, foreign.rank_input) == ("EUR", RANK_LAST)


def test_longer_calls_rank_by_their_own_price() -> None:
    long = Condition(input_from=32_001)
    rates = [*both("a", 1), *both("long", 3, condition=long)]
    entry = offer_entry("o", BODY, rates, NOW_NS, HOME)
    assert (entry.rank_input, entry.rank_tiers) == (1e6, ((32_001, 3e6, 3e6),))


def test_a_change_is_booked_at_once_and_reroutes_nobody_until_approved() -> None:
    old = [replace(r, valid_to=NOW - timedelta(days=1)) for r in both("old", 10)]
    new = both("new", 1, valid_from=NOW - timedelta(days=1))
    waiting = HOME._replace(approved={"o": both("old", 10)})
    entry = offer_entry("o", BODY, [*old, *new], NOW_NS, waiting)
    assert entry.rank_input == 10e6
    period = period_at(entry.periods, NOW_NS)
    assert period is not None
    card = card_of(period, Usage(1, 0))
    assert card is not None
    assert price(period, card, Usage(1, 0)) == 10**6
    assert card.rate_ids == ("new-in", "new-out")
    assert offer_entry("o", BODY, [*old, *new], NOW_NS, HOME).rank_input == 1e6


def test_an_offer_new_to_the_book_ranks_by_what_it_has() -> None:
    waiting = HOME._replace(approved={})
    assert offer_entry("o", BODY, both("a", 2), NOW_NS, waiting).rank_input == 2e6


def test_an_offer_whose_approved_prices_have_ended_takes_nobodys_place() -> None:
    ended = both("old", 10, valid_to=NOW - timedelta(minutes=10))
    new = both("new", 1, valid_from=NOW - timedelta(minutes=10))
    waiting = HOME._replace(approved={"o": ended})
    for now_ns in (NOW_NS, NOW_NS + 2 * KEPT_NS):
        entry = offer_entry("o", BODY, [*ended, *new], now_ns, waiting)
        assert period_at(entry.periods, now_ns) is not None
        assert entry.rank_input == entry.rank_output == RANK_LAST


def test_hours_are_told_apart_for_as_long_as_control_looks_ahead() -> None:
    peak = Condition(clock=BEIJING_MORNING)
    entry = offer_entry("o", BODY, [*both("a", 1), *both("peak", 2, condition=peak)], NOW_NS, HOME)
    begins = [period.from_ns for period in entry.periods]
    assert len(begins) > 2 * 59
    assert entry.periods[-1].to_ns == NOW_NS + LOOK_AHEAD_NS
    # 2026-09-01 00:00 UTC is 08:00 in Beijing.
    assert next_change_ns([entry], NOW_NS) == instant_ns(NOW + timedelta(hours=1))
    assert (entry.rank_input, period_at(entry.periods, NOW_NS + LOOK_AHEAD_NS)) == (1e6, None)
    later = instant_ns(NOW + timedelta(hours=2))
    assert (
        offer_entry(
            "o", BODY, [*both("a", 1), *both("peak", 2, condition=peak)], later, HOME
        ).rank_input
        == 2e6
    )


def test_without_a_change_in_sight_all_is_compiled_anew_after_a_day() -> None:
    assert next_change_ns([offer_entry("o", BODY, both("a", 1), NOW_NS)], NOW_NS) == NOW_NS + DAY_NS
    assert next_change_ns([], NOW_NS) == NOW_NS + DAY_NS


def test_a_tier_with_a_price_is_something_the_offer_can_do() -> None:
    rates = [*both("a", 2), *both("b", 1, condition=Condition(tier="batch"))]
    entry = offer_entry("o", BODY, rates, NOW_NS, HOME)
    assert entry.features == {"stream", "tier:batch"}
    assert entry.rank_input == 2e6


def test_some_offers_are_priced_by_the_end() -> None:
    assert offer_entry("o", {**BODY, "priced_at": "end"}, both("a", 1), NOW_NS).is_priced_at_end
    assert not offer_entry("o", BODY, both("a", 1), NOW_NS).is_priced_at_end


@pytest.mark.parametrize(
    "rates",
    [
        [],
        [rate("a-in", "input", 1)],
        [*both("a", 1), rate("tie", "input", 2)],
        both("a", 1, valid_to=NOW - timedelta(days=2)),
    ],
)
def test_what_cannot_be_priced_has_no_price(rates: list[Rate]) -> None:
    entry = offer_entry("o", BODY, rates, NOW_NS, HOME)
    assert (entry.periods, entry.currency, entry.rank_input) == ((), "", 0.0)


def test_a_contradiction_next_month_does_not_take_todays_price() -> None:
    later = {"valid_from": NOW + timedelta(days=30)}
    tie = [rate("one", "input", 2, **later), rate("two", "input", 3, **later)]
    entry = offer_entry("o", BODY, [*both("a", 1), *tie], NOW_NS, HOME)
    assert entry.rank_input == 1e6
    assert entry.periods[-1].to_ns == NOW_NS + DAY_NS
    soon = NOW_NS + 30 * DAY_NS
    assert offer_entry("o", BODY, [*both("a", 1), *tie], soon, HOME).periods == ()


def test_only_the_currency_that_holds_now_is_compiled() -> None:
    gone = both("usd", 9, currency="USD", valid_to=NOW - timedelta(days=3))
    entry = offer_entry("o", BODY, [*gone, *both("cny", 1, condition=ALWAYS)], NOW_NS, HOME)
    assert entry.currency == "CNY"
