"""Usage, rates and prices: laws that hold for every book and every usage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st
from rate_oracle import Tie, oracle_price

from steelyard.domain.conditions import ALWAYS, Clock, Condition, is_narrower
from steelyard.domain.instants import instant_ns
from steelyard.domain.money import round_half_even
from steelyard.domain.rates import COUNTED, ITEMS, PARENTS, UNIT_COUNTS, Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import Card, Period, card_of, period_at, price, quote, unpriced
from steelyard.pricebook.compiling import RateTie, compile_periods

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = instant_ns(BEGIN + timedelta(days=20))
COUNTS = st.integers(0, 45)
"""Few enough to price one token at a time, enough to pass every bound below."""
BOUNDS = (10, 20, 40)
CLOCKS = (
    Clock("Asia/Shanghai", ((9 * 60, 12 * 60), (14 * 60, 18 * 60)), frozenset(range(5)), "CN"),
    Clock("UTC", ((22 * 60, 6 * 60),)),
)
EXTRAS = ("cache_write_1h", "input_audio", "output_audio", "image")
TIERS = st.sampled_from(("", "batch"))
INSTANTS = st.integers(-30, 12 * 24 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes))

# Made once: hypothesis looks a strategy over when it first draws from it, which costs more than
# the drawing.
FLAGS = st.booleans()
SIDES = st.sampled_from(("input", "output"))
EDGES = st.sets(st.sampled_from(BOUNDS))
FOUR, SIX, TWELVE = (st.integers(0, most) for most in (3, 5, 11))
THOUGHTS = st.sets(FLAGS)
SOME_CLOCK = st.sampled_from(CLOCKS)
LASTS = st.sampled_from((None, None, 1, 2, 5))
NUMERATORS = st.integers(0, 10**6)
DENOMINATORS = st.sampled_from((1, 3, 1000))
LATER_DAY = st.sets(st.integers(1, 8), max_size=1)
UNITS_OF = {
    item: st.sampled_from(
        [unit for unit, counted in UNIT_COUNTS.items() if counted == COUNTED[item]]
    )
    for item in (*ITEMS, *EXTRAS)
}


@st.composite
def usages(draw: st.DrawFn, counts: st.SearchStrategy[int] = COUNTS) -> Usage:
    incoming, outgoing = draw(counts), draw(counts)
    read = draw(st.integers(0, incoming))
    written = draw(st.integers(0, incoming - read))
    reasoning = draw(st.integers(0, outgoing))
    room = {
        "cache_write_1h": written,
        "input_audio": incoming - read - written,
        "output_audio": outgoing - reasoning,
        "image": 3,
    }
    extras = [(item, draw(st.integers(0, room[item]))) for item in EXTRAS]
    kept = tuple(sorted((item, count) for item, count in extras if count))
    return Usage(incoming, outgoing, read, written, reasoning, 1, kept)


@st.composite
def ladders(draw: st.DrawFn, item: str) -> list[Condition]:
    """Tiers by length, whole or marginal, now and then with a gap."""
    side = draw(SIDES)
    is_marginal = item in ITEMS and item != "request" and draw(FLAGS)
    edges: list[int | None] = [0, *sorted(draw(EDGES)), None]
    found = [
        Condition(is_marginal=is_marginal, **{f"{side}_from": low, f"{side}_to": high})
        for low, high in zip(edges, edges[1:], strict=False)
    ]
    return [one for one in found if draw(SIX)]


@st.composite
def conditions(draw: st.DrawFn, item: str) -> list[Condition]:
    """One kind of condition for an item, now and then two, which may be a tie."""
    kind = draw(TWELVE)
    if kind <= 2:
        return []
    if kind <= 6:
        return draw(ladders(item))
    if kind == 7:
        return [Condition(tier="batch")]
    if kind == 8:
        return [Condition(thinking=thought) for thought in draw(THOUGHTS)]
    if kind == 9:
        return [Condition(clock=draw(SOME_CLOCK))]
    if kind == 10:
        return [Condition(is_list_price=True), Condition(volume_from=1)]
    return draw(conditions(item)) + draw(conditions(item))


def a_rate(draw: st.DrawFn, number: int, item: str, condition: Condition, day: int) -> Rate:
    begin = BEGIN + timedelta(days=day)
    lasts = draw(LASTS)
    end = None if lasts is None else begin + timedelta(days=lasts)
    unit = draw(UNITS_OF[item])
    amount = Fraction(draw(NUMERATORS), draw(DENOMINATORS))
    return Rate(f"{item}-{number}", item, amount, "CNY", unit, begin, end, "", condition)


@st.composite
def rate_lists(draw: st.DrawFn, *, is_plain: bool = False) -> list[Rate]:
    """Rates of an offer. Plain ones know no lengths, so that prices add."""
    found: list[Rate] = []
    for item in (*ITEMS, *EXTRAS):
        said = [ALWAYS] if draw(FOUR) else []
        if not is_plain:
            said += draw(conditions(item))
        for condition in dict.fromkeys(said):
            found.append(a_rate(draw, len(found), item, condition, 0))
            for day in draw(LATER_DAY):
                found.append(a_rate(draw, len(found), item, condition, day))
    return found


@st.composite
def ladder_lists(draw: st.DrawFn) -> list[Rate]:
    """Rates that hold from the begin on, most of them by length."""
    found: list[Rate] = []
    for item in (*ITEMS, "input_audio"):
        said = [ALWAYS] if draw(FOUR) else []
        for condition in dict.fromkeys([*said, *draw(st.just([]) | ladders(item))]):
            amount = Fraction(draw(NUMERATORS), 3)
            unit = "request" if item == "request" else "mtok"
            name = f"{item}-{len(found)}"
            found.append(Rate(name, item, amount, "CNY", unit, BEGIN, None, "", condition))
    return found


def compiled(rates: list[Rate]) -> list[Period]:
    """The periods; a tie is a tie indeed, and no example."""
    try:
        return compile_periods(rates, until_ns=UNTIL)
    except RateTie as tie:
        one, other = tie.one, tie.other
        assert one.item == other.item
        assert one.rate_id != other.rate_id
        assert not is_narrower(one.condition, other.condition)
        assert not is_narrower(other.condition, one.condition)
        assume(False)
        raise


def matching(period: Period, usage: Usage, tier: str) -> list[Card]:
    thought = usage.reasoning_tokens > 0
    return [
        card
        for card in period.cards
        if card.input_from <= usage.input_tokens < card.input_to
        and card.output_from <= usage.output_tokens < card.output_to
        and card.tier == tier
        and card.thinking in (-1, thought)
    ]


@given(usages(), usages())
def test_usage_adds_and_parts_never_pass_totals(one: Usage, other: Usage) -> None:
    one.check()
    both = one.plus(other)
    both.check()
    assert both.requests == 2
    assert both == other.plus(one)


@given(rate_lists(), usages(), INSTANTS, TIERS)
def test_what_is_compiled_costs_what_the_rates_say(
    rates: list[Rate], usage: Usage, at: datetime, tier: str
) -> None:
    if tier and not any(r.condition.tier == tier for r in rates):
        tier = ""
    period = period_at(compiled(rates), instant_ns(at))
    card = card_of(period, usage, tier) if period else None
    if tier and period and not any(c.tier for c in period.cards):
        assert card is None  # nothing of that tier is known at the time
        return
    try:
        expected = oracle_price(rates, usage, at, tier)
    except Tie:
        raise AssertionError("two rates are a tie, and the compiler chose one") from None
    if card is None or period is None or unpriced(card, usage):
        assert expected is None
        return
    assert expected is not None
    assert price(period, card, usage) == round_half_even(expected.numerator, expected.denominator)


@given(ladder_lists(), usages())
def test_tiers_by_length_cost_what_each_token_costs(rates: list[Rate], usage: Usage) -> None:
    """Whole tiers, marginal tiers, and both beside each other, one token at a time."""
    usage = usage._replace(extras=tuple(one for one in usage.extras if one[0] == "input_audio"))
    for period in compiled(rates):
        card = card_of(period, usage)
        expected = oracle_price(rates, usage, BEGIN)
        if card is None or unpriced(card, usage):
            assert expected is None
        else:
            assert expected is not None
            exact = expected.numerator, expected.denominator
            assert price(period, card, usage) == round_half_even(*exact)


@given(rate_lists(), usages(), TIERS)
def test_a_call_has_at_most_one_card(rates: list[Rate], usage: Usage, tier: str) -> None:
    for period in compiled(rates)[:9]:
        found = matching(period, usage, tier)
        assert len(found) <= 1
        assert card_of(period, usage, tier) == (found[0] if found else None)


@given(rate_lists())
def test_periods_ascend_without_overlap_and_neighbours_differ(rates: list[Rate]) -> None:
    found = compiled(rates)
    for period in found:
        assert period.from_ns < period.to_ns
        assert period.cards
        assert len(set(period.cards[0].rate_ids)) == len(period.cards[0].rate_ids)
    for before, after in zip(found, found[1:], strict=False):
        assert before.to_ns <= after.from_ns
        assert before.to_ns < after.from_ns or before[2:] != after[2:]


@given(rate_lists(), INSTANTS)
def test_compiling_never_looks_ahead(rates: list[Rate], at: datetime) -> None:
    """What holds at an instant follows from what was known to hold by then."""
    known = [
        replace(rate, valid_to=None) if rate.valid_to and rate.valid_to > at else rate
        for rate in rates
        if rate.valid_from <= at
    ]
    then, now = (period_at(compiled(some), instant_ns(at)) for some in (rates, known))
    assert (then and then[2:]) == (now and now[2:])


@given(rate_lists(), st.integers(0, 10**6), COUNTS, st.sampled_from((*ITEMS, *EXTRAS)))
def test_an_appended_rate_never_changes_an_older_bill(
    rates: list[Rate], amount: int, minutes: int, item: str
) -> None:
    begin = BEGIN + timedelta(days=4, minutes=minutes)
    unit = next(unit for unit, counted in UNIT_COUNTS.items() if counted == COUNTED[item])
    later = Rate("later", item, Fraction(amount), "CNY", unit, begin)
    before, after = compiled(rates), compiled([later, *rates])
    for hours in range(0, 4 * 24, 5):
        at = instant_ns(BEGIN + timedelta(hours=hours))
        old, new = period_at(before, at), period_at(after, at)
        assert (old and old[2:]) == (new and new[2:])


@given(rate_lists(is_plain=True), usages(st.integers(0, 10**6)), usages(st.integers(0, 10**6)))
def test_prices_add_within_one_rounding_each(rates: list[Rate], one: Usage, other: Usage) -> None:
    for period in compiled(rates):
        [card] = period.cards
        apart = price(period, card, one) + price(period, card, other)
        assert abs(price(period, card, one.plus(other)) - apart) <= 1


@given(rate_lists(), usages(), TIERS, st.integers(0, 9), st.integers(0, 9))
def test_a_price_is_never_above_its_quote(
    rates: list[Rate], usage: Usage, tier: str, more_input: int, more_output: int
) -> None:
    bounded = usage._replace(extras=tuple(one for one in usage.extras if one[0] in PARENTS))
    for period in compiled(rates)[:5]:
        card = card_of(period, bounded, tier)
        if card is not None:
            bounds = bounded.input_tokens + more_input, bounded.output_tokens + more_output
            assert 0 <= price(period, card, bounded) <= quote(period, *bounds, tier)
