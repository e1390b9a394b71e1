from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import ExchangeRate, Rate
from steelyard.pricebook.index import FISHER, JEVONS, Volume, price_index
from steelyard.pricebook.market import Market

DAYS = (date(2024, 5, 1), date(2024, 6, 1), date(2024, 7, 1))
ONE = Listing("A", "official", "one", "CNY")
TWO = Listing("A", "official", "two", "CNY")
ABROAD = Listing("B", "official", "three", "USD")


def priced(
    listing: Listing, item: str, *prices: str, origin: str = "steelyard"
) -> list[ListedRate]:
    """One price a month from 2024-05 on; empty for none."""
    found = []
    for month, price in enumerate(prices, 5):
        if not price:
            continue
        begin, end = datetime(2024, month, 1, tzinfo=UTC), datetime(2024, month + 1, 1, tzinfo=UTC)
        rate = Rate(f"r{month}", item, Fraction(price), listing.currency, "mtok", begin, end)
        found.append(ListedRate(listing, rate, origin))
    return found


def exchange(base: str, quote: str, on: date) -> ExchangeRate | None:
    if base == "ZZZ":
        return None
    value = Fraction(7) if on.month == 5 else Fraction(14)
    return ExchangeRate("x", base, quote, value, datetime(2024, 5, 1, tzinfo=UTC))


def values(*lines: list[ListedRate], **more: object) -> list[float]:
    market = Market([line for some in lines for line in some])
    points = price_index(market, exchange, DAYS, "CNY", **more)  # type: ignore[arg-type]
    return [float(point.value) for point in points]


def test_without_use_it_is_the_geometric_mean_of_changes() -> None:
    assert values(priced(ONE, "input", "4", "1", "1"), priced(TWO, "input", "1", "1", "1")) == [
        100,
        50,
        50,
    ]


def test_a_new_model_does_not_move_it_but_its_changes_do() -> None:
    found = values(priced(ONE, "input", "2", "2", "2"), priced(TWO, "input", "", "100", "25"))
    assert found == [100, 100, 50]


def test_what_is_free_is_counted_and_left_out() -> None:
    market = Market([*priced(ONE, "input", "2", "0", "0"), *priced(TWO, "input", "2", "1", "1")])
    points = price_index(market, exchange, DAYS, "CNY")
    assert [(float(p.value), p.method, p.matched, p.free) for p in points] == [
        (100, "", 0, 0),
        (50, JEVONS, 2, 1),
        (50, JEVONS, 2, 1),
    ]


def test_with_use_it_is_fishers() -> None:
    lines = [*priced(ONE, "input", "4", "1", "1"), *priced(TWO, "input", "1", "1", "1")]
    may, june = {TWO: Volume(100, 0)}, {ONE: Volume(100, 0), TWO: Volume(0, 5)}
    points = price_index(Market(lines), exchange, DAYS, "CNY", [may, june])
    assert [(float(p.value), p.method) for p in points[1:]] == [(100, FISHER), (100, FISHER)]
    # June's use weighs the first link too when it is the only one known.
    points = price_index(Market(lines), exchange, DAYS, "CNY", [june])
    assert [(float(p.value), p.method) for p in points[1:]] == [(25, FISHER), (25, FISHER)]


def test_fisher_lies_between_laspeyres_and_paasche() -> None:
    lines = [*priced(ONE, "input", "4", "4", "1"), *priced(TWO, "input", "1", "1", "1")]
    volumes = [{ONE: Volume(1, 0), TWO: Volume(4, 0)}, {ONE: Volume(4, 0)}]
    # Laspeyres: (1 + 4) / (4 + 4); Paasche: 4 / 16.
    assert values(lines, volumes=volumes)[2] == pytest.approx(100 * (5 / 8 * 1 / 4) ** 0.5)


def test_a_dear_currency_makes_a_model_dearer() -> None:
    assert values(priced(ABROAD, "output", "3", "3", "3")) == [100, 200, 200]


def test_use_of_a_model_without_price_falls_back_to_the_plain_mean() -> None:
    gone = {Listing("C", "official", "gone", "CNY"): Volume(1, 1)}
    market = Market(priced(ONE, "input", "4", "2", "2"))
    points = price_index(market, exchange, DAYS, "CNY", [gone, gone])
    assert [p.method for p in points] == ["", JEVONS, JEVONS] and points[1].value == 50


def test_lists_without_days_and_currencies_without_rate_stay_out() -> None:
    undated = priced(ONE, "input", "4", "2", "1", origin="litellm")
    nowhere = priced(Listing("D", "official", "four", "ZZZ"), "input", "4", "2", "1")
    assert values(undated, nowhere) == [100, 100, 100]
    assert values(undated, volumes=[{ONE: Volume(1, 0)}, {ONE: Volume(1, 0)}]) == [100, 50, 25]


@pytest.mark.parametrize("days", [(), (DAYS[1], DAYS[0]), (DAYS[0], DAYS[0])])
def test_days_ascend(days: tuple[date, ...]) -> None:
    with pytest.raises(ValueError, match="ascending days"):
        price_index(Market([]), exchange, days, "CNY")
