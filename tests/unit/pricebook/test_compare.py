from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pricebook.lists_rig import NOW, at, exchange, listed
from steelyard.domain.conditions import Clock, Condition
from steelyard.domain.listings import Fact, ListedRate
from steelyard.domain.money import PICO
from steelyard.pricebook import shipped
from steelyard.pricebook.compare import Comparison, Question, Row, Tokens, Work, compare, split
from steelyard.pricebook.market import Market
from steelyard.pricebook.tokens import parse

TABLE = parse(shipped.read("characters.yaml"))


def compared(
    *lines: ListedRate, facts: tuple[Fact, ...] = (), when: datetime = NOW, **work: Any
) -> Comparison:
    question = Question(Work(**work), when, "CNY", call_s=work.pop("call_s", None))
    return compare(Market(lines, facts), question, TABLE, exchange)


def plain(model: str, price: str, **more: Any) -> tuple[ListedRate, ListedRate]:
    """A model whose output costs twice its input."""
    return (
        listed(f"{model} input", price, **more),
        listed(f"{model} output", str(2 * Fraction(price)), **more),
    )


def cny(row: Row) -> Fraction:
    assert row.home_pico is not None
    return Fraction(row.home_pico, PICO)


def test_offers_are_ranked_in_the_home_currency_at_a_named_rate() -> None:
    found = compared(
        *plain("dear", "2"),
        *plain("cheap", "0.1", currency="USD"),
        input_tokens=10**6,
        output_tokens=200_000,
    )
    assert [(row.listing.model, cny(row)) for row in found.priced] == [
        ("cheap", Fraction("0.98")),  # 0.14 USD at 7
        ("dear", Fraction("2.8")),
    ]
    assert found.priced[0].exchange is not None
    assert found.priced[0].exchange.rate_id == "test-2026-11-21-USD-CNY"
    assert found.priced[1].exchange is None


def test_the_cached_share_costs_what_the_cache_does_or_else_the_whole() -> None:
    lines = (*plain("m", "4"), listed("m cache_read", "1"), *plain("none", "4"))
    found = compared(*lines, input_tokens=10**6, cached=Fraction(1, 2))
    assert [(row.listing.model, cny(row)) for row in found.priced] == [
        *(("m", Fraction("2.5")), ("none", 4)),
    ]


def test_calls_are_priced_by_their_own_length() -> None:
    lines = (
        listed("m input", "1", condition=Condition(input_to=32_000)),
        listed("m input", "10", condition=Condition(input_from=32_000)),
    )
    assert cny(compared(*lines, input_tokens=10**6).priced[0]) == 1
    assert cny(compared(*lines, input_tokens=10**6, calls=10).priced[0]) == 10
    assert compared(*lines, input_tokens=10**6).priced[0].tokens.calls == 250


def test_a_currency_without_a_rate_and_a_price_that_lacks_stand_apart() -> None:
    found = compared(
        *plain("m", "4", currency="XTS"),
        listed("half input", "1"),
        listed("short input", "1", condition=Condition(input_to=100)),
        listed("draws image", "1", unit="image"),
        input_tokens=1000,
        output_tokens=10,
    )
    assert found.priced == []
    assert [row.listing.currency for row in found.unconvertible] == ["XTS"]
    assert [(one.listing.model, one.reason) for one in found.unpriced] == [
        ("half", "no price of output"),
        ("short", "no price for calls of 1,000 input and 10 output tokens"),
    ]


def test_tiers_have_prices_of_their_own() -> None:
    batch = Condition(tier="batch")
    lines = (*plain("m", "4"), listed("m input", "2", condition=batch), *plain("none", "1"))
    found = compared(*lines, input_tokens=10**6, tier="batch")
    assert [(row.listing.model, cny(row)) for row in found.priced] == [("m", 2)]
    assert [one.listing.model for one in found.unpriced] == ["none"]


def test_regions_and_sellers_are_offers_of_their_own() -> None:
    lines = (
        *plain("m", "4"),
        *plain("m", "3", condition=Condition(region="intl")),
        *plain("m", "5", condition=Condition(seller="Cloud")),
    )
    found = compared(*lines, input_tokens=10**6)
    assert [(row.region, row.seller, cny(row)) for row in found.priced] == [
        *(("intl", "", 3), ("", "", 4), ("", "Cloud", 5)),
    ]


def test_hours_show_the_price_now_and_the_cheapest_of_the_week() -> None:
    night = Condition(clock=Clock("UTC", ((0, 60),)))
    lines = (*plain("m", "4"), listed("m input", "1", condition=night))
    (row,) = compared(*lines, input_tokens=10**6).priced
    assert (cny(row), row.cheapest_pico) == (4, PICO)
    (early,) = compared(*lines, input_tokens=10**6, when=at("2026-11-21T00:30")).priced
    assert cny(early) == 1
    (always,) = compared(*plain("m", "4"), input_tokens=10**6).priced
    assert always.cheapest_pico is None


def test_hours_without_a_price_are_told_and_left_out_of_the_cheapest() -> None:
    night = Condition(clock=Clock("UTC", ((0, 60),)))
    only = listed("m input", "1", condition=night)
    assert compared(only, input_tokens=1).unpriced[0].reason == "no price at this hour"
    lines = (only, listed("m output", "2"))
    (row,) = compared(*lines, input_tokens=10**6, when=at("2026-11-21T00:30")).priced
    assert row.cheapest_pico == PICO
    assert compared(*lines, input_tokens=1).unpriced[0].reason == "no price of input"


def test_two_prices_for_one_call_are_told_not_chosen() -> None:
    lines = (
        listed("m input", "3", condition=Condition(input_to=32_000)),
        listed("m input", "2", condition=Condition(output_to=200)),
    )
    found = compared(*lines, input_tokens=100)
    assert found.priced == [] and "neither is more specific" in found.unpriced[0].reason


def test_free_offers_come_by_the_time_they_take() -> None:
    def limit(model: str, **body: int) -> Fact:
        return Fact("limit", "Maker", model, at("2026-01-01"), None, body)

    found = compared(
        *(*plain("slow", "0"), *plain("quick", "0"), *plain("unknown", "0"), *plain("few", "0")),
        facts=(
            limit("slow", tpm=200_000),
            limit("quick", tpm=800_000),
            limit("few", concurrency=5),
        ),
        input_tokens=5 * 10**9,
        output_tokens=5 * 10**9,
        calls=10**6,
    )
    assert [row.listing.model for row in found.free] == ["quick", "slow", "few", "unknown"]
    assert found.free[1].bounds[0].least_s == 50_000 * 60
    assert found.priced == []


def test_text_is_counted_by_the_models_own_tokens_with_its_interval() -> None:
    found = compared(
        *plain("gpt-4o", "10"), *plain("doubao-pro", "10"), input_characters={"zh": 10_000}
    )
    stated, measured = found.priced
    assert [row.tokens.input_tokens for row in found.priced] == [5556, 8238]
    assert measured.range_pico == (8154 * 10**7, 8328 * 10**7)
    assert measured.characters[0].family == "o200k"
    assert stated.range_pico == (stated.amount_pico, stated.amount_pico)
    assert measured.tokens.calls == 1
    assert measured.wan_input is not None
    assert measured.wan_input.expected == Fraction(10, 10**6) * 10_000 / Fraction("1.2139")
    assert measured.wan_input.lowest < measured.wan_input.expected < measured.wan_input.highest


def test_notes_of_the_list_stay_with_the_price() -> None:
    remark = Condition(remark="on own hardware")
    (row,) = compared(*plain("m", "4", condition=remark), input_tokens=1).priced
    assert row.notes == ("on own hardware",)
    assert all("m " in rate_id for rate_id in row.rate_ids)


def test_the_age_of_a_price_is_that_of_its_oldest_evidence() -> None:
    lines = (
        listed("m input", "4", "2026-02-01", read_at=at("2026-11-01")),
        listed("m output", "8", "2026-03-01"),
        listed("m search", "8", "2024-03-01", unit="request"),
    )
    (row,) = compared(*lines, input_tokens=1).priced
    assert row.seen_at == at("2026-03-01")


def test_only_what_is_asked_for_is_compared() -> None:
    market = Market((*plain("one", "4"), *plain("two", "4")))
    question = Question(Work(input_tokens=10), NOW, "CNY")
    found = compare(market, question, TABLE, exchange, market.find("two"))
    assert [row.listing.model for row in found.priced] == ["two"]


@given(
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.integers(1, 1000),
    st.fractions(0, 1),
    st.fractions(0, 1),
)
def test_split_calls_add_up_to_the_work(
    incoming: int, outgoing: int, calls: int, cached: Fraction, thinking: Fraction
) -> None:
    work = Work(cached=cached, thinking=thinking)
    parts = list(split(Tokens(incoming, outgoing, calls), work))
    assert sum(count for count, _ in parts) == calls
    assert sum(count * usage.input_tokens for count, usage in parts) == incoming
    assert sum(count * usage.output_tokens for count, usage in parts) == outgoing
    assert sum(c * u.cache_read_tokens for c, u in parts) == int(incoming * cached)
    for _, usage in parts:
        usage.check()
    assert len(parts) <= 5
