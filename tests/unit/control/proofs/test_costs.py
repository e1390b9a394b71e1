"""Verdicts at other prices: exact where tokens are known, a span where they are not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.control.proofs.costs import Priced, Prices, per_accepted
from steelyard.domain.conditions import Clock, Condition
from steelyard.domain.instants import instant_ns
from steelyard.domain.rates import Rate
from steelyard.domain.readiness import Cost
from steelyard.domain.tallies import Tally, Used
from steelyard.domain.tasks import Verdict
from steelyard.domain.usage import Usage

MARCH, MAY, JUNE = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 5, 6))
JUNE_NS = instant_ns(JUNE)
USED = Tally.over([Used(Usage(10, 2), "", 4), Used(Usage(10, 2, 8))])
PICO = 10**6
"""Pico-units a token at one unit per million tokens."""


def rate(
    item: str, amount: int, begin: datetime = MARCH, end: datetime | None = None, **more: object
) -> Rate:
    name = f"{item}-{amount}-{begin:%m}"
    told = {"currency": "CNY", **more}
    condition = told.pop("condition", Condition())
    return Rate(name, item, Fraction(amount), str(told["currency"]), "mtok", begin, end, "",
                condition)  # type: ignore[arg-type]  # fmt: skip


def verdict(used: Tally | None = USED, **more: object) -> Verdict:
    values: dict[str, object] = {
        **{"task": "t", "offer": "a", "form_digest": "f", "floor": Decimal("0.6")},
        **{"total": Fraction(4), "n": 5, "n_unscored": 0},
        **{"lower": Decimal("0.5"), "upper": Decimal(1), "confidence": Decimal("0.95")},
        **{"cost_pico": 180 * PICO, "currency": "CNY", "time_s": 1.0, "model_answered": ""},
        **{"cost_lower_pico": 30 * PICO, "cost_upper_pico": 90 * PICO, "used": used},
        "decided_at": datetime(2026, 4, 1, tzinfo=UTC),
    }
    return Verdict(**{**values, **more})  # type: ignore[arg-type]


OLD = [rate("input", 2), rate("output", 8)]
"""At which the calls cost 2 x 50 + 8 x 10 = 180."""


def moved(*now: Rate) -> Prices:
    before = [rate("input", 2, MARCH, MAY), rate("output", 8, MARCH, MAY)]
    return Prices({"a": [*before, *now]}, JUNE_NS)


@pytest.mark.parametrize("used", [USED, None])
def test_while_no_price_moves_a_cost_stays_to_the_last_digit(used: Tally | None) -> None:
    prices, one = Prices({"a": OLD}, JUNE_NS), verdict(used)
    assert prices.now(one) == prices.then(one) == Priced("CNY", 180 * PICO, 180 * PICO)  # type: ignore[arg-type]
    assert per_accepted(one, prices.now(one)) == (45 * PICO, 30 * PICO, 90 * PICO)


def test_tokens_tell_what_a_new_price_makes_of_them() -> None:
    prices = moved(rate("input", 1, MAY), rate("output", 8, MAY), rate("cache_read", 0, MAY))
    now, then = prices.now(verdict()), prices.then(verdict())
    assert now is not None
    # 42 tokens at one, eight from the cache for nothing, ten at eight.
    assert now.least == now.most == now.mean == 122 * PICO
    assert then.mean == 180 * PICO
    # Bounds follow in proportion.
    scale = Fraction(122, 180)
    assert per_accepted(verdict(), now) == (
        122 * PICO / Fraction(4),
        30 * PICO * scale,
        90 * PICO * scale,
    )


def test_without_tokens_the_cost_is_a_span() -> None:
    prices = moved(rate("input", 1, MAY), rate("output", 8, MAY))
    now = prices.now(verdict(None))
    assert now == Priced("CNY", 90 * PICO, 180 * PICO)  # type: ignore[arg-type]
    assert per_accepted(verdict(None), now) == (135 * PICO / Fraction(4), 15 * PICO, 90 * PICO)
    assert prices.then(verdict(None)).mean == 180 * PICO


def test_tokens_have_a_cost_in_any_currency_a_span_has_none() -> None:
    dollars = moved(rate("input", 1, MAY, currency="USD"), rate("output", 1, MAY, currency="USD"))
    found = dollars.now(verdict())
    assert found == Priced("USD", 60 * PICO, 60 * PICO)  # type: ignore[arg-type]
    cost = per_accepted(verdict(), found, Fraction(7))
    assert cost is not None and cost.likely == 60 * 7 * PICO / Fraction(4)
    assert cost.lower == 30 * PICO * Fraction(60 * 7, 180)
    assert dollars.now(verdict(None)) is None


def test_what_was_free_has_the_cost_of_its_tokens() -> None:
    before = [rate("input", 0, MARCH, MAY), rate("output", 0, MARCH, MAY)]
    prices = Prices({"a": [*before, rate("input", 1, MAY), rate("output", 1, MAY)]}, JUNE_NS)
    free = {"cost_pico": 0, "cost_lower_pico": 0, "cost_upper_pico": 0}
    known, unknown = verdict(**free), verdict(None, **free)  # type: ignore[arg-type]
    assert per_accepted(known, prices.now(known)) == Cost(Fraction(15 * PICO), 12 * PICO, None)  # type: ignore[arg-type]
    assert prices.now(unknown) is None
    assert per_accepted(known, prices.then(known)) == (0, 0, 0)


def test_where_todays_price_knows_no_such_call_the_span_is_left() -> None:
    below = Condition(input_to=5)
    prices = moved(rate("input", 1, MAY, condition=below), rate("output", 8, MAY))
    assert prices.now(verdict()) is None  # a typical chat has no price either
    tiers = [rate("input", 1, MAY), rate("output", 8, MAY)]
    batch = verdict(Tally.of(Usage(10, 2), "batch"))
    assert moved(*tiers).now(batch) == Priced("CNY", 90 * PICO, 180 * PICO)  # type: ignore[arg-type]


def test_who_has_no_price_has_no_cost_now_and_the_stored_one_then() -> None:
    gone = Prices({"a": [rate("input", 2, MARCH, MAY), rate("output", 8, MARCH, MAY)]}, JUNE_NS)
    assert gone.now(verdict()) is None
    assert gone.then(verdict()).mean == 180 * PICO
    nobody = Prices({}, JUNE_NS)
    assert nobody.now(verdict()) is None
    assert nobody.then(verdict()) == Priced("CNY", 180 * PICO, 180 * PICO)  # type: ignore[arg-type]
    assert per_accepted(verdict(), None) is None
    nothing_right = verdict(total=Fraction(0), lower=Decimal(0))
    assert per_accepted(nothing_right, nobody.then(nothing_right)) is None


def test_a_price_that_nobody_knows_of_then_is_taken_to_be_todays() -> None:
    late = Prices({"a": [rate("input", 3, MAY), rate("output", 8, MAY)]}, JUNE_NS)
    assert late.now(verdict()) == late.then(verdict()) == Priced("CNY", 230 * PICO, 230 * PICO)  # type: ignore[arg-type]
    now = late.now(verdict(None))
    assert now is not None and now.mean == 180 * PICO


def test_prices_by_the_hour_count_with_their_mean_then_and_now() -> None:
    night = Condition(clock=Clock("UTC", ((0, 12 * 60),)))
    by_hour = [rate("input", 2), rate("input", 4, condition=night), rate("output", 8)]
    prices = Prices({"a": by_hour}, JUNE_NS)
    assert prices.now(verdict()) == prices.then(verdict())
    now = prices.now(verdict())
    assert now is not None and now.mean == (3 * 50 + 80) * PICO
