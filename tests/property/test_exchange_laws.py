"""Exchange rates: of no later day, of no day too old, and nothing published later changes them."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.rates import ExchangeRate
from steelyard.pricebook.exchange import BACK_DAYS_MAX, Exchange, History, begin_of

FIRST = date(2026, 1, 1)
numbers = st.integers(1, 10**6).map(lambda number: f"{number / 1000:.3f}")
sheets = st.dictionaries(st.integers(0, 60), st.tuples(numbers, numbers), max_size=12)
asked = st.integers(0, 80)


def on(number: int) -> date:
    return FIRST + timedelta(days=number)


def history(found: dict[int, tuple[str, str]]) -> History:
    lines = [f"{on(n)},{usd},{cny}," for n, (usd, cny) in sorted(found.items(), reverse=True)]
    return History(["\n".join(["Date,USD,CNY,", *lines])])


def own(found: dict[int, tuple[str, str]]) -> list[ExchangeRate]:
    return [
        ExchangeRate(f"csv-{n}", "USD", "CNY", Fraction(value), begin_of(on(n)))
        for n, (value, _) in found.items()
    ]


@given(sheets, sheets, asked)
def test_the_rate_of_a_day_is_the_last_until_then(
    bank: dict[int, tuple[str, str]], brought: dict[int, tuple[str, str]], day: int
) -> None:
    rate = Exchange(history(bank), own(brought)).rate("USD", "CNY", on(day))
    known = [n for n in {*bank, *brought} if day - BACK_DAYS_MAX <= n <= day]
    if not known:
        assert rate is None
        return
    newest = max(known)
    assert rate is not None and rate.as_of == begin_of(on(newest))
    if newest in brought:
        assert rate.value == Fraction(brought[newest][0])
    else:
        usd, cny = bank[newest]
        assert rate.value == Fraction(cny) / Fraction(usd)


@given(sheets, sheets, asked, asked)
def test_what_is_published_later_changes_no_earlier_day(
    bank: dict[int, tuple[str, str]], more: dict[int, tuple[str, str]], day: int, since: int
) -> None:
    day = min(day, since)
    later = {n: values for n, values in more.items() if n > since}
    before, after = Exchange(history(bank)), Exchange(history(later | bank))
    assert before.rate("USD", "CNY", on(day)) == after.rate("USD", "CNY", on(day))


@given(sheets, sheets, asked, st.fractions())
def test_there_and_back_costs_nothing(
    bank: dict[int, tuple[str, str]],
    brought: dict[int, tuple[str, str]],
    day: int,
    amount: Fraction,
) -> None:
    exchange = Exchange(history(bank), own(brought))
    there = exchange.convert(amount, "USD", "CNY", on(day))
    if there is not None:
        back = exchange.convert(there[0], "CNY", "USD", on(day))
        assert back is not None and back[0] == amount
