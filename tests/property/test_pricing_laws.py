"""Usage, rates and prices: laws that hold for every book and every usage."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from steelyard.domain.money import PICO
from steelyard.domain.rates import ITEMS, UNITS, Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import compile_periods, instant_ns, price, quote, rate_at

COUNTS = st.integers(0, 10**6)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    incoming, outgoing = draw(COUNTS), draw(COUNTS)
    read = draw(st.integers(0, incoming))
    written = draw(st.integers(0, incoming - read))
    return Usage(incoming, outgoing, read, written, draw(st.integers(0, outgoing)))


@st.composite
def rate_lists(draw: st.DrawFn) -> list[Rate]:
    found = []
    for item in ITEMS:
        days = draw(st.lists(st.integers(0, 40), unique=True, max_size=4))
        for day in days:
            amount = Fraction(draw(st.integers(0, 10**6)), draw(st.integers(1, 10**4)))
            begin = BEGIN + timedelta(days=day)
            lasts = draw(st.none() | st.integers(1, 20))
            end = None if lasts is None else begin + timedelta(days=lasts)
            unit = draw(st.sampled_from(sorted(UNITS)))
            found.append(Rate(f"{item}-{day}", item, amount, "CNY", unit, begin, end))
    return found


INSTANTS = st.integers(-1, 62).map(lambda day: instant_ns(BEGIN + timedelta(days=day)))


@given(usages(), usages())
def test_usage_adds_and_parts_never_pass_totals(one: Usage, other: Usage) -> None:
    one.check()
    both = one.plus(other)
    assert both.requests == 2
    assert both.cache_read_tokens + both.cache_write_tokens <= both.input_tokens
    assert both.reasoning_tokens <= both.output_tokens
    assert both == other.plus(one)


@given(rate_lists(), INSTANTS)
def test_periods_say_what_the_rates_say(rates: list[Rate], at_ns: int) -> None:
    found = [p for p in compile_periods(rates) if p.from_ns <= at_ns < p.to_ns]
    held = {item: rate_at(rates, item, at_ns) for item in ITEMS}
    is_priced = (held["input"] and held["output"]) or held["request"]
    assert len(found) == (1 if is_priced else 0)
    for period in found:
        for index, item in enumerate(ITEMS):
            rate = held[item]
            if rate is not None:
                exact = Fraction(period.prices[index], period.denominator)
                assert exact == rate.amount * PICO / UNITS[rate.unit]
        assert set(period.rate_ids) == {rate.rate_id for rate in held.values() if rate}


@given(rate_lists())
def test_periods_ascend_without_overlap(rates: list[Rate]) -> None:
    found = compile_periods(rates)
    for before, after in zip(found, found[1:], strict=False):
        assert before.from_ns < before.to_ns <= after.from_ns


@given(rate_lists(), INSTANTS, st.integers(0, 10**6))
def test_an_appended_rate_never_changes_an_older_bill(
    rates: list[Rate], at_ns: int, amount: int
) -> None:
    begin = BEGIN + timedelta(days=50)
    assume(at_ns < instant_ns(begin))
    later = [Rate(f"new-{i}", i, Fraction(amount), "CNY", "mtok", begin) for i in ITEMS]
    for item in ITEMS:
        assert rate_at(rates, item, at_ns) == rate_at([*later, *rates], item, at_ns)
    before = [p[2:] for p in compile_periods(rates) if p.from_ns <= at_ns < p.to_ns]
    after = [p[2:] for p in compile_periods(rates + later) if p.from_ns <= at_ns < p.to_ns]
    assert before == after


@given(rate_lists(), usages())
def test_a_price_is_exact_rounded_once_and_below_its_quote(rates: list[Rate], usage: Usage) -> None:
    for period in compile_periods(rates):
        exact = [Fraction(p, period.denominator) for p in period.prices]
        whole = (
            (usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens) * exact[0]
            + (usage.output_tokens - usage.reasoning_tokens) * exact[1]
            + usage.cache_read_tokens * exact[2]
            + usage.cache_write_tokens * exact[3]
            + usage.reasoning_tokens * exact[4]
            + usage.requests * exact[5]
        )
        cost = price(period.prices, period.denominator, usage)
        assert cost == round(whole) >= 0
        bound = quote(period.prices, period.denominator, usage.input_tokens, usage.output_tokens)
        assert cost <= bound
