"""Prices: the reported faults of other gateways as golden vectors, and the edges of periods."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from steelyard.domain.money import PICO, to_pico
from steelyard.domain.rates import Rate
from steelyard.domain.usage import NOTHING, Usage
from steelyard.pricebook.book import (
    END_NS,
    Period,
    compile_periods,
    convert,
    convert_up,
    instant_ns,
    price,
    quote,
    rate_at,
)

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 7, 1, tzinfo=UTC)


def rate(
    item: str,
    amount: str,
    valid_from: datetime = SINCE,
    valid_to: datetime | None = None,
    *,
    unit: str = "mtok",
    currency: str = "USD",
) -> Rate:
    name = f"{item}-{amount}-{valid_from:%Y%m%d}"
    return Rate(name, item, Fraction(amount), currency, unit, valid_from, valid_to)


def only(*rates: Rate) -> Period:
    [period] = compile_periods(rates)
    return period


def cost(period: Period, usage: Usage) -> int:
    usage.check()
    return price(period.prices, period.denominator, usage)


@pytest.mark.parametrize(
    ("prices", "usage", "expected"),
    [
        (
            {"input": "3", "cache_write": "3.75", "output": "15"},
            Usage(3 + 12_304, 550, cache_write_tokens=12_304),
            "0.054399",
        ),
        (
            {"input": "1.25", "cache_read": "0.125", "output": "10"},
            Usage(51_232 + 1_188_096, 12_909, cache_read_tokens=1_188_096),
            "0.341642",
        ),
        (
            {"input": "5", "cache_write": "6.25", "output": "25"},
            Usage(6 + 159_217, 2_745, cache_write_tokens=159_217),
            "1.06376125",
        ),
        (
            {"input": "1.5", "cache_read": "0.15", "output": "9"},
            Usage(24_643, 3_110, cache_read_tokens=24_503),
            "0.03187545",
        ),
    ],
    ids=["a", "b", "c", "d"],
)
def test_cached_tokens_are_priced_once(prices: dict[str, str], usage: Usage, expected: str) -> None:
    period = only(*(rate(item, amount) for item, amount in prices.items()))
    assert cost(period, usage) == to_pico(expected)


def test_a_part_without_a_price_costs_what_its_parent_costs() -> None:
    period = only(rate("input", "2"), rate("output", "4"))
    parts = Usage(1000, 1000, 300, 200, 400)
    assert cost(period, parts) == cost(period, Usage(1000, 1000)) == 6000 * PICO // 10**6
    thinking = only(rate("input", "2"), rate("output", "4"), rate("reasoning", "6"))
    assert cost(thinking, parts) == (2000 + 600 * 4 + 400 * 6) * PICO // 10**6


def test_zero_is_a_price_and_absence_is_not() -> None:
    free = only(rate("input", "0"), rate("output", "0"))
    assert cost(free, Usage(10**6, 10**6)) == 0
    assert free.rate_ids
    assert compile_periods([rate("input", "1")]) == []
    assert compile_periods([]) == []
    assert compile_periods([rate("cache_read", "1"), rate("output", "1")]) == []


def test_a_request_may_have_a_price_of_its_own() -> None:
    period = only(rate("request", "0.01", unit="request"))
    assert cost(period, Usage(10, 10)) == PICO // 100
    assert cost(period, NOTHING) == 0
    both = only(rate("input", "1"), rate("output", "1"), rate("request", "5", unit="kcount"))
    assert cost(both, Usage(1, 1)) == 2 * 10**6 + 5 * 10**9


def test_units_are_what_they_say() -> None:
    for unit, amount in (("mtok", "1000"), ("ktok", "1"), ("token", "0.001")):
        period = only(rate("input", amount, unit=unit), rate("output", "0"))
        assert cost(period, Usage(7)) == 7 * PICO // 1000


def test_a_line_is_rounded_once_half_even() -> None:
    # A third of a pico-unit a token: only the whole line is rounded.
    period = only(rate("input", "1/3000000"), rate("output", "0"))
    assert period.denominator == 3
    assert [cost(period, Usage(tokens)) for tokens in (1, 2, 3, 4, 5)] == [0, 1, 1, 1, 2]
    half = only(rate("input", "1/2000000"), rate("output", "0"))
    assert [cost(half, Usage(tokens)) for tokens in (1, 3, 5)] == [0, 2, 2]


def test_a_quote_is_never_below_the_price() -> None:
    period = only(
        rate("input", "1"), rate("cache_write", "1.25"), rate("output", "3"), rate("reasoning", "4")
    )
    assert quote(period.prices, period.denominator, 100, 10) == (125 + 40) * 10**6
    assert quote((1, 0, 0, 0, 0, 0), 3, 1, 0) == 1


def test_rates_hold_from_their_first_instant_to_before_their_last() -> None:
    old, new = rate("input", "1", SINCE, LATER), rate("input", "2", LATER)
    edge = instant_ns(LATER)
    assert rate_at([old, new], "input", edge - 1) is old
    assert rate_at([old, new], "input", edge) is new
    assert rate_at([old], "input", edge) is None
    assert rate_at([old], "input", instant_ns(SINCE) - 1) is None
    assert rate_at([old], "output", edge - 1) is None


def test_a_later_rate_supersedes_from_its_own_beginning() -> None:
    old, new = rate("input", "1"), rate("input", "2", LATER)
    for known in ([old, new], [new, old]):
        assert rate_at(known, "input", instant_ns(LATER)) is new
        assert rate_at(known, "input", instant_ns(LATER) - 1) is old
    with pytest.raises(ValueError, match="same instant"):
        rate_at([old, rate("input", "3")], "input", instant_ns(SINCE))


def test_periods_follow_each_other_without_overlap() -> None:
    rates = [rate("input", "1"), rate("output", "2"), rate("input", "3", LATER)]
    first, second = compile_periods(rates)
    assert (first.from_ns, first.to_ns) == (instant_ns(SINCE), instant_ns(LATER))
    assert (second.from_ns, second.to_ns) == (instant_ns(LATER), END_NS)
    assert second.rate_ids == ("input-3-20260701", "output-2-20260101")
    assert compile_periods(rates, since_ns=instant_ns(LATER)) == [second]


def test_a_gap_in_the_prices_is_a_gap_in_the_periods() -> None:
    gap = SINCE + timedelta(days=30)
    rates = [rate("input", "1", SINCE, gap), rate("input", "1", LATER), rate("output", "2")]
    found = compile_periods(rates)
    assert [(p.from_ns, p.to_ns) for p in found] == [
        (instant_ns(SINCE), instant_ns(gap)),
        (instant_ns(LATER), END_NS),
    ]


def test_periods_that_say_the_same_are_one() -> None:
    request = rate("request", "1", unit="request")
    idle = [
        request,
        rate("cache_read", "1", LATER, LATER + timedelta(days=1)),
        rate("input", "1", LATER, LATER + timedelta(days=1)),
    ]
    ids = [p.rate_ids for p in compile_periods(idle)]
    assert len(ids) == 3
    # A rate that ends where another, unrelated one begins leaves one period.
    ended = [rate("output", "9", SINCE, LATER), rate("output", "9", SINCE + timedelta(days=1))]
    merged = compile_periods([rate("input", "1"), *ended])
    assert [p.to_ns for p in merged][-1] == END_NS
    assert len(merged) == 2


def test_one_offer_has_one_currency() -> None:
    with pytest.raises(ValueError, match="several currencies"):
        compile_periods([rate("input", "1"), rate("output", "1", currency="CNY")])


def test_instants_are_exact() -> None:
    assert instant_ns(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert instant_ns(datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)) % 10**9 == 1000
    assert instant_ns(datetime.fromisoformat("2026-01-01T08:00:00+08:00")) == instant_ns(SINCE)


def test_other_currencies_round_up_to_reserve_and_evenly_to_book() -> None:
    assert convert_up(1, 7, 2) == 4
    assert convert(1, 7, 2) == 4
    assert convert(1, 5, 2) == 2
    assert convert_up(0, 7, 2) == 0
