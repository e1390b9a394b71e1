"""Verdicts on tasks, from offers, verdicts and prices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.control.proofs import quarantine
from steelyard.control.proofs.readiness import TaskVerdict, load
from steelyard.domain.instants import DAY_NS, NS
from steelyard.domain.rates import ExchangeRate
from steelyard.domain.readiness import Lever, State
from steelyard.domain.tallies import Tally, Used
from steelyard.domain.tasks import Verdict
from steelyard.domain.usage import Usage
from steelyard.store import exchange, objects, proofs, revisions
from steelyard.store.database import Database

Put = Callable[..., list[str]]
BEGAN_NS = 1_773_144_000 * 10**9
WEIGHED_NS = BEGAN_NS + DAY_NS
NOW_NS = WEIGHED_NS + DAY_NS
TASK = "shop/review-sentiment"
TEXT = """
channels: {shop: {base_url: "http://x/v1"}}
offers:
  - {model: a, channel: shop, context: 99, rates: {input: 2 CNY/mtok, output: 4 CNY/mtok}}
  - {model: b, channel: shop, context: 99, rates: {input: 20 CNY/mtok, output: 40 CNY/mtok}}
  - {model: unpriced, channel: shop, context: 99}
  - {model: "off", channel: shop, context: 99, enabled: false,
     rates: {input: 2 CNY/mtok, output: 4 CNY/mtok}}
tasks: {shop/review-sentiment: {floor: 0.6}}
"""
NEW = """
  - {model: new, channel: shop, context: 99, rates: {input: %s CNY/mtok, output: %s CNY/mtok}}
"""
PROVEN, OPEN, FAILED = ("0.72", "0.86"), ("0.55", "0.9"), ("0.2", "0.5")


@pytest.fixture
def weigh(database: Database, put: Put) -> Callable[..., None]:
    """Writes a verdict on one of the offers; each cost 100 pico-units an item."""
    put(TEXT, BEGAN_NS)

    def weigh_one(offer: str, bounds: tuple[str, str], **more: object) -> None:
        with database.write() as tx:
            digest = objects.current(tx, "task")[TASK].body["digests"][0]
            values: dict[str, object] = {
                **{"task": TASK, "offer": f"shop/{offer}", "form_digest": digest},
                **{"floor": Decimal("0.6"), "total": Fraction(50), "n": 100, "n_unscored": 0},
                **{"lower": Decimal(bounds[0]), "upper": Decimal(bounds[1])},
                **{"confidence": Decimal("0.95"), "cost_pico": 10_000, "currency": "CNY"},
                **{"time_s": 1.0, "model_answered": "", "cost_lower_pico": 150},
                "cost_upper_pico": 300,
                "decided_at": datetime.fromtimestamp(WEIGHED_NS // 10**9, UTC),
            }
            proofs.add_verdict(tx, Verdict(**{**values, **more}))  # type: ignore[arg-type]

    return weigh_one


def found(database: Database, now_ns: int = NOW_NS) -> TaskVerdict:
    with database.read() as tx:
        (each,) = load(tx, now_ns, TASK)
        return each


def opened(database: Database) -> list[tuple[str, str]]:
    return [(each.offer, each.role) for each in found(database).reopened]


def test_a_task_that_nobody_weighed_is_not_yet_and_was_never_decided(
    database: Database, weigh: Callable[..., None]
) -> None:
    each = found(database)
    assert (each.verdict.state, each.verdict.best, each.reopened) == (State.NOT_YET, None, ())
    assert [c.offer for c in each.verdict.changes] == ["shop/a", "shop/b"]
    assert {c.lever for c in each.verdict.changes} == {Lever.WEIGH}
    with database.read() as tx:
        assert len(load(tx, NOW_NS)) > 1
        assert load(tx, NOW_NS, "none") == []


def test_ready_at_the_cost_that_was_measured(
    database: Database, weigh: Callable[..., None]
) -> None:
    weigh("a", PROVEN)
    each = found(database)
    assert (each.verdict.state, each.verdict.cheapest) == (State.READY, "shop/a")
    assert each.cost == (200, 150, 300)
    # Ten times the price for the same tokens cannot win.
    assert each.verdict.changes == () and each.reopened == []


def test_an_offer_that_nobody_weighed_is_estimated_by_the_tokens_of_one_that_was(
    database: Database, weigh: Callable[..., None]
) -> None:
    weigh("a", OPEN)
    each = found(database)
    assert each.verdict.state is State.SUPERVISED
    (other,) = [one for one in each.candidates if one.offer == "shop/b"]
    assert other.cost is not None and other.cost.lower == 1000
    assert other.weighing_pico == 100_000
    (change,) = [c for c in each.verdict.changes if c.offer == "shop/b"]
    assert (change.lever, change.cost_pico) == (Lever.WEIGH, 100_000)


def test_a_price_change_moves_costs_between_what_input_and_output_did(
    database: Database, put: Put, weigh: Callable[..., None]
) -> None:
    weigh("a", PROVEN)
    put(
        TEXT.replace("input: 2 CNY/mtok, output: 4", "input: 1 CNY/mtok, output: 4"),
        NOW_NS - 5 * NS,
    )
    each = found(database)
    assert each.cost == (150, 75, 300)
    assert each.reopened == []


USED = Tally((Used(Usage(46, 2), "", 100),))
"""A hundred items of 100 pico-units at 2 and 4 per million, nearly all of it input."""
LONG = {"cost_pico": 10_000 * 10**6, "cost_lower_pico": 150 * 10**6, "used": USED}


def test_tokens_tell_exactly_what_a_new_price_moves(
    database: Database, put: Put, weigh: Callable[..., None]
) -> None:
    weigh("a", PROVEN, **LONG)
    cut = TEXT.replace("input: 2 CNY/mtok, output: 4", "input: 1 CNY/mtok, output: 4")
    put(cut, NOW_NS - 5 * NS)
    each = found(database)
    # 46 tokens at one and two at four, over a half that is right: no middle of two figures.
    scale = Fraction(54, 100)
    assert each.cost == (108 * 10**6, 150 * 10**6 * scale, 300 * scale)
    assert each.candidates[0].weighing_pico == 5_400 * 10**6


def test_who_nobody_weighed_is_estimated_by_the_kinds_of_tokens(
    database: Database, put: Put, weigh: Callable[..., None]
) -> None:
    weigh("a", PROVEN, **LONG)
    # Dear answers, cheap questions: by the span between the two it might cost anything.
    put(TEXT.replace("tasks:", NEW % (1, 40) + "tasks:"), NOW_NS - 5 * NS)
    (new,) = [one for one in found(database).candidates if one.offer == "shop/new"]
    assert new.cost == ((46 + 80) * 10**6, (46 + 80) * 10**6, None)
    assert opened(database) == [("shop/new", "rival")]
    put(TEXT.replace("tasks:", NEW % (4, 8) + "tasks:"), NOW_NS - 4 * NS)
    # Two tries cost 200 at the proven one, 200 one try here.
    assert opened(database) == []


def test_a_price_opens_a_task_exactly_where_its_tokens_say_so(
    database: Database, put: Put, weigh: Callable[..., None]
) -> None:
    weigh("a", PROVEN, **LONG)
    bought = {"cost_pico": 100_000 * 10**6, "cost_lower_pico": 1_500 * 10**6, "used": USED}
    weigh("b", PROVEN, **bought)
    dear = "input: 20 CNY/mtok, output: 40"
    # Its answers became a fortieth, its questions are what costs: the span would reach below.
    put(TEXT.replace(dear, "input: 20 CNY/mtok, output: 1"), NOW_NS - 6 * NS)
    assert opened(database) == []
    put(TEXT.replace(dear, "input: 1 CNY/mtok, output: 40"), NOW_NS - 5 * NS)
    assert found(database).cost == (200 * 10**6, 150 * 10**6, 300)
    put(TEXT.replace(dear, "input: 1 CNY/mtok, output: 20"), NOW_NS - 4 * NS)
    assert opened(database) == [("shop/b", "cheapest")]


def test_a_new_offer_opens_the_task_if_it_may_win(
    database: Database, put: Put, weigh: Callable[..., None]
) -> None:
    weigh("a", PROVEN)
    put(TEXT.replace("tasks:", NEW % (3, 6) + "tasks:"), NOW_NS - 5 * NS)
    assert opened(database) == [("shop/new", "rival")]
    put(TEXT.replace("tasks:", NEW % (5, 10) + "tasks:"), NOW_NS - 4 * NS)
    assert opened(database) == []


def test_a_cut_opens_the_task_where_it_makes_another_the_cheapest_or_a_rival(
    database: Database, put: Put, weigh: Callable[..., None]
) -> None:
    weigh("a", PROVEN)
    weigh("b", PROVEN, cost_pico=100_000, cost_lower_pico=1500, cost_upper_pico=3000)
    cut = TEXT.replace("input: 20 CNY/mtok, output: 40", "input: 1 CNY/mtok, output: 2")
    put(
        TEXT.replace("input: 20 CNY/mtok, output: 40", "input: 10 CNY/mtok, output: 20"), NOW_NS - 9
    )
    assert opened(database) == []
    put(cut, NOW_NS - 5 * NS)
    assert opened(database) == [("shop/b", "cheapest")]
    weigh("b", FAILED, cost_pico=100_000, cost_lower_pico=1500, cost_upper_pico=3000)
    assert opened(database) == []


def test_who_is_in_quarantine_or_gone_loses_the_task(
    database: Database, put: Put, weigh: Callable[..., None]
) -> None:
    weigh("a", PROVEN)
    with database.write() as tx:
        stored = objects.current(tx, "offer")["shop/a"]
        change = revisions.begin(tx, NOW_NS, "test", "a test")
        quarantine.hold(tx, change, stored, "shop/a", ("not genuine", 1))
    each = found(database)
    assert each.verdict.state is State.NOT_YET
    assert (Lever.RELEASE, "shop/a") in [(c.lever, c.offer) for c in each.verdict.changes]
    assert ("shop/a", "lost") in opened(database)
    put(TEXT.replace("{model: a,", "{model: a, enabled: false,"), NOW_NS - 5 * NS)
    assert ("shop/a", "lost") in opened(database)


def test_costs_are_compared_in_the_home_currency(
    database: Database, put: Put, weigh: Callable[..., None]
) -> None:
    put(TEXT.replace("20 CNY/mtok, output: 40 CNY", "20 USD/mtok, output: 40 USD"), BEGAN_NS + NS)
    weigh("b", PROVEN, currency="USD")
    assert found(database).cost is None
    day = datetime(2026, 3, 9, tzinfo=UTC)
    with database.write() as tx:
        exchange.add(tx, [ExchangeRate("ecb-1", "USD", "CNY", Fraction(7), day)])
    each = found(database)
    assert each.cost is not None and each.cost.likely == 1400
    (other,) = [one for one in each.candidates if one.offer == "shop/a"]
    # Two yuan for twenty dollars: a seventieth of the price.
    assert other.cost is not None and other.cost.lower == 10
