"""Faults that were reported of other gateways, each as a test: what calls cost, and when.

Numbered as in the list of traps that this project keeps: 1 to 8, 10 and 11 are arithmetic, 12 to 15
time and price book. Amounts are in USD per million tokens unless a unit says otherwise.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest

from steelyard.domain.conditions import ALWAYS, Clock, Condition
from steelyard.domain.errors import UnbalancedEntry
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.money import to_decimal, to_pico
from steelyard.domain.rates import Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import Period, card_of, convert, period_at, price, quote, unpriced
from steelyard.pricebook.compiling import RateTie, compile_periods

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
UNITS = {"request": "request", "search": "kcount", "image": "image", "audio": "minute",
         "input_character": "mchar", "page": "kpage"}  # fmt: skip


def rate(
    item: str,
    amount: str,
    begin: datetime = BEGIN,
    end: datetime | None = None,
    said: Condition = ALWAYS,
) -> Rate:
    name, unit = f"{item} {amount} {begin:%Y-%m-%d}", UNITS.get(item, "mtok")
    return Rate(name, item, Fraction(amount), "USD", unit, begin, end, "", said)


def listed(**amounts: str) -> list[Rate]:
    return [rate(item, amount) for item, amount in amounts.items()]


def cost(rates: list[Rate], usage: Usage, at: datetime = BEGIN) -> int:
    """In pico-USD, of a call that has a price."""
    usage.check()
    period = period_at(compile_periods(rates), instant_ns(at))
    card = period and card_of(period, usage)
    assert period is not None
    assert card is not None
    assert unpriced(card, usage) == []
    return price(period, card, usage)


def bounds(period: Period) -> tuple[int, int]:
    return period.from_ns, period.to_ns


GOLDEN = {
    "a": (
        {"input": "3", "cache_write": "3.75", "output": "15"},
        Usage(3 + 12_304, 550, cache_write_tokens=12_304),
        "0.054399",
    ),
    "b": (
        {"input": "1.25", "cache_read": "0.125", "output": "10"},
        Usage(51_232 + 1_188_096, 12_909, cache_read_tokens=1_188_096),
        "0.341642",
    ),
    "c": (
        {"input": "5", "cache_write": "6.25", "output": "25"},
        Usage(6 + 159_217, 2_745, cache_write_tokens=159_217),
        "1.06376125",
    ),
    "d": (
        {"input": "1.5", "cache_read": "0.15", "output": "9"},
        Usage(24_643, 3_110, cache_read_tokens=24_503, extras=(("cache_read_image", 22_000),)),
        "0.03187545",
    ),
}


@pytest.mark.parametrize("vector", GOLDEN)
def test_1_cached_tokens_are_priced_once(vector: str) -> None:
    amounts, usage, expected = GOLDEN[vector]
    found = cost(listed(**amounts), usage)
    assert found == to_pico(expected)
    assert str(to_decimal(found).normalize()) == expected


def test_2_parts_cost_what_the_whole_costs_where_they_are_priced_alike() -> None:
    alike = listed(
        input="3", cache_read="3", cache_write="3", cache_write_1h="3", input_audio="3",
        output="9", reasoning="9", output_audio="9",
    )  # fmt: skip
    extras = (("cache_write_1h", 200), ("input_audio", 100), ("output_audio", 50))
    parts = Usage(1000, 500, 300, 400, 200, extras=extras)
    assert cost(alike, parts) == cost(alike, Usage(1000, 500)) == to_pico("0.0075")


@pytest.mark.parametrize(
    "usage",
    [
        Usage(10, 0, cache_read_tokens=6, cache_write_tokens=5),
        Usage(10, 5, reasoning_tokens=6),
        Usage(10, 0, cache_write_tokens=5, extras=(("cache_write_1h", 6),)),
        Usage(10, 0, cache_read_tokens=5, extras=(("input_audio", 6),)),
        Usage(10, 5, reasoning_tokens=2, extras=(("output_audio", 4),)),
    ],
)
def test_2_parts_that_pass_their_whole_are_refused(usage: Usage) -> None:
    with pytest.raises(UnbalancedEntry, match="pass"):
        usage.check()


@pytest.mark.parametrize(
    "usage", [Usage(-1), Usage(10**12), Usage(1, extras=(("image", -2),)), Usage(requests=-1)]
)
def test_3_negative_and_absurd_counts_are_refused(usage: Usage) -> None:
    with pytest.raises(UnbalancedEntry):
        usage.check()


def test_4_zero_is_a_price_and_absence_is_not() -> None:
    free = listed(input="0", output="0")
    assert cost(free, Usage(10**6, 10**6)) == 0
    [period] = compile_periods(free)
    assert period.cards[0].rate_ids
    # A cache that is read for nothing does not fall back to the input's price.
    assert cost(listed(input="1", cache_read="0", output="1"), Usage(9, 0, 9)) == 0
    assert cost(listed(input="1", output="1"), Usage(9, 0, 9)) == to_pico("0.000009")
    # A free input of an hour does not fall back, either, to a part's or to the next best.
    assert cost(listed(input="1", cache_read="0.1", input_audio="0", output="1"),
                Usage(9, 0, extras=(("input_audio", 9),))) == 0  # fmt: skip


@pytest.mark.parametrize("cached", [0, 150_000, 200_000])
def test_5_the_tier_is_that_of_the_full_length(cached: int) -> None:
    short, long = Condition(input_to=200_001), Condition(input_from=200_001)
    rates = [
        rate("input", "1.25", said=short), rate("input", "2.5", said=long),
        rate("cache_read", "0.125", said=short), rate("cache_read", "0.25", said=long),
        rate("output", "10", said=short), rate("output", "15", said=long),
    ]  # fmt: skip
    at_most = Usage(200_000, 10, cached)
    beyond = Usage(200_001, 10, cached)
    million = Fraction(1, 10**6)
    for usage, (plain, read, output) in (
        (at_most, ("1.25", "0.125", "10")),
        (beyond, ("2.5", "0.25", "15")),
    ):
        uncached = usage.input_tokens - cached
        exact = uncached * Fraction(plain) + cached * Fraction(read) + 10 * Fraction(output)
        assert cost(rates, usage) == to_pico(exact * million)


def test_5_whole_and_marginal_tiers_differ_by_the_vendors_rule() -> None:
    def tiers(is_marginal: bool) -> list[Rate]:
        low = Condition(input_to=1000, is_marginal=is_marginal)
        high = Condition(input_from=1000, is_marginal=is_marginal)
        return [rate("input", "1", said=low), rate("input", "3", said=high), *listed(output="0")]

    assert cost(tiers(False), Usage(1500)) == to_pico("0.0045")
    assert cost(tiers(True), Usage(1500)) == to_pico("0.0025")
    assert cost(tiers(False), Usage(999)) == cost(tiers(True), Usage(999)) == to_pico("0.000999")


def test_6_a_unit_counts_what_its_item_counts() -> None:
    for item, unit in (("input", "request"), ("image", "mtok"), ("audio", "kchar")):
        with pytest.raises(ValueError, match="is counted per"):
            Rate("r", item, Fraction(1), "USD", unit, BEGIN)
    one = [Rate(u, "input", Fraction(a), "USD", u, BEGIN) for u, a in
           (("token", "0.000003"), ("ktok", "0.003"), ("mtok", "3"))]  # fmt: skip
    costs = {cost([r, *listed(output="1")], Usage(1234, 5)) for r in one}
    assert costs == {to_pico("0.003707")}


def test_7_costs_are_exact_and_sums_are_equal_in_any_grouping() -> None:
    rates = listed(input="0.1", cache_read="0.07", output="0.3")
    usages = [Usage(3, 1), Usage(7, 9, 2), Usage(11, 13, 11)]
    costs = [cost(rates, usage) for usage in usages]
    assert costs == [600_000, 3_340_000, 4_670_000]
    for one, other in combinations(usages, 2):
        assert cost(rates, one.plus(other)) == cost(rates, one) + cost(rates, other)
    # 0.1 + 0.2 is 0.3 here.
    assert cost(listed(input="0.1", output="0.2"), Usage(1, 1)) == to_pico("0.0000003")


def test_7_a_line_is_rounded_once() -> None:
    """Three thirds of a pico-dollar are one, not none."""
    third = listed(input="1/3000000", output="1/3000000", cache_read="1/3000000")
    assert cost(third, Usage(2, 1, 1)) == 1
    assert cost(third, Usage(1, 0)) == 0
    assert cost(third, Usage(1, 1)) == 1


def test_8_a_missing_price_is_unknown_and_never_zero() -> None:
    [period] = compile_periods(listed(input="1"))
    card = period.cards[0]
    assert unpriced(card, Usage(5, 5)) == ["output"]
    assert period_at([period], instant_ns(BEGIN) - 1) is None
    assert compile_periods([]) == []
    [period] = compile_periods([rate("input", "1", said=Condition(tier="batch"))])
    assert card_of(period, Usage(1)) is None


def test_10_searches_images_and_requests_cost_beside_tokens() -> None:
    rates = listed(input="1", output="2", request="0.005", search="10", image="0.04")
    usage = Usage(1000, 1000, extras=(("image", 2), ("search", 3)))
    assert cost(rates, usage) == to_pico("0.118")
    assert cost(rates, usage._replace(requests=0)) == to_pico("0.113")
    [period] = compile_periods(listed(input="1", output="2"))
    assert unpriced(period.cards[0], usage) == ["image", "search"]


def test_11_other_units_than_tokens() -> None:
    assert cost(listed(audio="0.006"), Usage(extras=(("audio", 90),))) == to_pico("0.009")
    spoken = Usage(extras=(("input_character", 2500),))
    assert cost(listed(input_character="15"), spoken) == to_pico("0.0375")
    assert cost(listed(page="1"), Usage(extras=(("page", 12),))) == to_pico("0.012")
    assert cost(listed(input="0.02"), Usage(8000)) == to_pico("0.00016")  # embeddings, reranking


@pytest.mark.parametrize(
    "change",
    [
        datetime(2026, 8, 17, tzinfo=ZoneInfo("Asia/Shanghai")),
        datetime(2027, 1, 1, tzinfo=ZoneInfo("America/Los_Angeles")),
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2028, 3, 1, tzinfo=ZoneInfo("Europe/Berlin")),
    ],
)
def test_12_a_price_holds_from_its_very_instant(change: datetime) -> None:
    rates = [rate("input", "1", BEGIN, change), rate("input", "2", change), rate("output", "0")]
    periods = compile_periods(rates)
    at = instant_ns(change)
    assert [bounds(period) for period in periods] == [
        (instant_ns(BEGIN), at),
        (at, periods[1].to_ns),
    ]
    assert period_at(periods, at - 1) == periods[0]
    assert period_at(periods, at) == periods[1]
    second = timedelta(seconds=1)
    assert cost(rates, Usage(1), change - second) == to_pico("0.000001")
    assert cost(rates, Usage(1), change) == to_pico("0.000002")


def test_12_a_weekday_is_that_of_the_vendors_zone() -> None:
    weekend = Clock("Asia/Shanghai", ((0, 24 * 60),), frozenset({5, 6}))
    rates = [rate("input", "2"), rate("input", "1", said=Condition(clock=weekend))]
    friday = datetime(2026, 1, 2, tzinfo=UTC)
    periods = compile_periods(rates, until_ns=instant_ns(BEGIN) + 9 * DAY_NS)
    prices = []
    for hours in (15, 16, 16 + 48 - 1, 16 + 48):
        period = period_at(periods, instant_ns(friday + timedelta(hours=hours)))
        assert period is not None
        prices.append(period.cards[0].prices[0])
    assert prices == [2_000_000, 1_000_000, 1_000_000, 2_000_000]


def test_13_a_correction_is_appended_and_what_held_before_is_unchanged() -> None:
    wrong = listed(input="2", output="4")
    fixed_from = BEGIN + timedelta(days=60)
    before = compile_periods(wrong)
    after = compile_periods([*wrong, rate("input", "1", fixed_from)])
    closed = BEGIN + timedelta(days=30)
    for at in (BEGIN, closed, fixed_from - timedelta(microseconds=1)):
        old, new = (period_at(periods, instant_ns(at)) for periods in (before, after))
        assert old is not None
        assert new is not None
        assert old[2:] == new[2:]
    assert cost([*wrong, rate("input", "1", fixed_from)], Usage(1, 0), fixed_from) == 10**6


def test_14_two_rates_for_one_instant_are_an_error_and_a_gap_is_a_gap() -> None:
    with pytest.raises(RateTie):
        compile_periods([rate("input", "1"), rate("input", "2")])
    gap, later = BEGIN + timedelta(days=5), BEGIN + timedelta(days=6)
    periods = compile_periods([rate("input", "1", BEGIN, gap), rate("input", "1", later)])
    assert len(periods) == 2
    assert period_at(periods, instant_ns(gap)) is None


def test_14_a_price_that_changes_during_a_stream_is_that_of_one_instant() -> None:
    """Never a mixture: whichever instant the vendor's rule names, one period prices the call."""
    change = BEGIN + timedelta(days=1)
    rates = [
        *listed(input="1", output="1"),
        rate("input", "3", change),
        rate("output", "3", change),
    ]
    usage = Usage(1000, 1000)
    started, ended = change - timedelta(minutes=5), change + timedelta(minutes=5)
    assert cost(rates, usage, started) == to_pico("0.002")
    assert cost(rates, usage, ended) == to_pico("0.006")
    # What is reserved at the start bounds a price of the start only; the settlement says the rest.
    first = period_at(compile_periods(rates), instant_ns(started))
    assert first is not None
    assert quote(first, 1000, 1000) == to_pico("0.002")


def test_15_an_amount_is_converted_at_the_rate_that_is_given_and_stays_beside_it() -> None:
    booked = cost(listed(input="3", output="15"), Usage(1000, 100))
    rate_of_the_day = Fraction("7.2069")
    exact = rate_of_the_day.numerator, rate_of_the_day.denominator
    assert convert(booked, *exact) == to_pico("0.03243105")
    assert booked == to_pico("0.0045")
