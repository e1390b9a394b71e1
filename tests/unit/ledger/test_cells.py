"""What SQL chooses is what ``card_of`` chooses, at every edge."""

from itertools import product

import duckdb
import pyarrow as pa
import pytest

from steelyard.domain.usage import Usage
from steelyard.ledger.cells import FLAT, UNPRICED, Cell, Plan, Prices, Sold
from steelyard.pricebook.book import END_COUNT, END_NS, Card, Period, card_of, flat
from steelyard.store.books import NS_PER_DAY, NS_PER_HOUR

GIVEN = ("called_at_ns", "input_tokens", "output_tokens", "reasoning_tokens", "tier")
SOLD = Sold("o", "m")


def card(price, **changes):
    found = Card(0, END_COUNT, 0, END_COUNT, -1, "", (price,) * 5 + (0,), {}, (), (), ("r",))
    return found._replace(**changes)


def period(*cards, span=(0, END_NS)):
    return Period(*span, 1, cards, (0, 0, 0))


TIERED = [
    period(
        card(1, input_to=100, output_to=10),
        card(2, input_to=100, output_from=10, thinking=0),
        card(3, input_to=100, output_from=10, thinking=1),
        card(4, input_from=100, input_to=200),
        card(5, tier="batch"),
        span=(50, 1000),
    ),
    flat((1000, 2000), (6,) * 5 + (0,), ("r",)),
    flat((3000, 4000), (7,) * 5 + (0,), ("r",)),
]
LINES = [
    (at_ns, incoming, outgoing, thought, tier)
    for at_ns, incoming, outgoing, thought, tier in product(
        (49, 50, 999, 1000, 1999, 2000, 2999, 3000, 4000),
        (0, 99, 100, 199, 200),
        (0, 9, 10),
        (0, 1),
        ("", "batch", "odd"),
    )
]


def chosen(plan, lines, has_tier=True):
    """The price of each line's card as SQL finds it; None for unpriced."""
    columns = plan.columns(has_tier)
    more = "".join(f", {text} AS {name}" for name, (text, _) in columns.items())
    with duckdb.connect() as connection:
        connection.register(
            "given", pa.table(dict(zip(GIVEN, zip(*lines, strict=True), strict=True)))
        )
        connection.execute(
            "CREATE TABLE lines AS SELECT *, called_at_ns + 10 AS settled_at_ns, 'o' AS offer,"
            " 'm' AS model, row_number() OVER () - 1 AS n FROM given"
        )
        rows = connection.execute(
            f"SELECT {plan.expression(has_tier)} FROM (SELECT *{more} FROM lines) ORDER BY n",
            {name: values for name, (_, values) in columns.items()},
        ).fetchall()
    cells = [plan.cell(SOLD, number) for (number,) in rows]
    return [cell and cell.prices[0] for cell in cells]


def expected(periods, line, shift=0):
    at_ns, incoming, outgoing, thought, tier = line
    for one in periods:
        if one.from_ns <= at_ns + shift < one.to_ns:
            found = card_of(one, Usage(incoming, outgoing, reasoning_tokens=thought), tier)
            return found and found.prices[0]
    return None


@pytest.mark.parametrize("is_at_end", [False, True])
def test_every_edge_is_that_of_the_card(is_at_end):
    plan = Plan({SOLD: Prices("CNY", TIERED, is_priced_at_end=is_at_end)})
    found = chosen(plan, LINES)
    assert found == [expected(TIERED, line, 10 * is_at_end) for line in LINES]
    assert {1, 2, 3, 4, 5, 6, 7, None} == set(found)


def test_hours_of_the_day_come_again_every_day():
    hours = [
        flat((0, 8 * NS_PER_HOUR), (1,) * 5 + (0,), ("r",)),
        flat((8 * NS_PER_HOUR, 20 * NS_PER_HOUR), (2,) * 5 + (0,), ("r",)),
    ]
    plan = Plan({SOLD: Prices("CNY", hours, is_daily=True)}, span_ns=(0, 10))
    times = (0, 8 * NS_PER_HOUR - 1, 8 * NS_PER_HOUR, 20 * NS_PER_HOUR, NS_PER_DAY)
    lines = [(77 * NS_PER_DAY + at, 1, 1, 0, "") for at in times]
    assert chosen(plan, lines) == [1, 1, 2, None, 1]


def test_one_card_for_everything_needs_no_sql():
    plan = Plan({SOLD: Prices("CNY", [flat((0, END_NS), (3,) * 6, ("r",))])})
    assert plan.expression(has_tier=False) == str(FLAT)
    assert plan.columns(has_tier=False) == {}
    assert plan.cell(SOLD, FLAT).prices == (3,) * 6
    assert plan.cell(Sold("o", "another"), FLAT) is None
    assert plan.cell(SOLD, UNPRICED) is None
    lines = [(1, 1, 1, 0, tier) for tier in ("", "batch")]
    assert chosen(plan, lines) == [3, None], "a tier that nobody priced is unpriced"


def test_what_changes_outside_the_calls_decides_nothing():
    prices = Prices("CNY", TIERED[1:])
    assert "CASE" in Plan({SOLD: prices}).expression(has_tier=False)
    plan = Plan({SOLD: prices}, span_ns=(1200, 2000))
    assert plan.expression(has_tier=False) == str(FLAT)


def test_a_missing_side_leaves_only_lines_with_it_unpriced():
    plan = Plan({SOLD: Prices("CNY", [period(card(9, missing=("output",)))])})
    assert chosen(plan, [(1, 5, 0, 0, ""), (1, 5, 1, 0, "")], has_tier=False) == [9, None]


def test_only_the_counts_that_decide_are_added_up():
    plain = Plan({SOLD: Prices("CNY", [flat((0, END_NS), (1, 2, 1, 1, 2, 0), ("r",))])})
    assert plain.counts() == ("input_tokens", "output_tokens")
    prices = {SOLD: Prices("CNY", [flat((0, END_NS), (1, 2, 0, 3, 4, 5), ("r",))])}
    cached = ("cache_read_tokens", "cache_write_tokens")
    assert Plan(prices).counts() == (
        *("input_tokens", "output_tokens", *cached, "reasoning_tokens", "requests"),
    )
    assert set(cached).isdisjoint(Plan(prices, has_cache_hits=False).counts())


def test_a_cell_prices_parts_steps_and_extras_once():
    cell = Cell(3, (10, 20, 1, 2, 30, 5), (("input_audio", (7, 2)),), ((0, 100, 4),), ())
    usage = Usage(1000, 100, 200, 50, 10, 3, (("input_audio", 9), ("input_video", 4)))
    numerator, denominator = cell.cost(usage, {(0, 100): 650})
    exact = 750 * 10 + 90 * 20 + 200 * 1 + 50 * 2 + 10 * 30 + 3 * 5 + 650 * 4
    assert (numerator, denominator) == (exact * 2 + 9 * 7 * 3, 6)
    unheard = usage._replace(extras=(("image", 1),))
    assert cell.cost(unheard, {(0, 100): 0}) is None


def test_extras_without_cache_hits_are_plain():
    counted = (("cache_read_audio", 5), ("cache_write_1h", 9), ("input_audio", 2), ("search", 1))
    plain = Plan({}, has_cache_hits=False)
    assert plain.extras(counted) == (("input_audio", 7), ("search", 1))
    assert Plan({}).extras(counted) == counted
