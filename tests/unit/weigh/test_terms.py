from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.money import Money
from steelyard.domain.tasks import Status
from steelyard.weigh.asking import Contender
from steelyard.weigh.terms import Options
from weigh.rig import TASK, A, Vendor, mostly_yes, weigh, yes

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def made(**change: object) -> Options:
    return Options(now=lambda: NOON, **change)  # type: ignore[arg-type]


def test_the_currency_is_that_of_the_money_or_the_one_that_is_said() -> None:
    assert made().run_currency == ""
    assert made(currency="USD").run_currency == "USD"
    assert made(money_max=Money(5, "CNY")).run_currency == "CNY"


@pytest.mark.parametrize(
    "change",
    [
        {"limit": -1},
        {"concurrency": 0},
        {"failures_max": 0},
        {"confidence": Decimal(1)},
        {"grading_max_s": 0.0},
        {"money_max": Money(-1, "CNY")},
        {"money_max": Money(1, "CNY"), "currency": "USD"},
    ],
)
def test_impossible_terms_are_a_mistake(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        made(**change)


def test_nothing_is_proven_by_fewer_items_than_stated(tmp_path: Path) -> None:
    """Nine right answers refute a floor of 0.3; as few as that convince nobody."""
    easy = replace(TASK, floor=Decimal("0.3"))
    (few,) = weigh(Vendor(lambda *_: yes()), tmp_path / "few", task=easy, limit=9)
    assert few.verdict.n == 9
    assert few.verdict.status is Status.NOT_PROVEN
    (more,) = weigh(Vendor(lambda *_: yes()), tmp_path / "more", task=easy, limit=10)
    assert more.verdict.status is Status.PROVEN


def test_offers_decided_before_share_the_error(tmp_path: Path) -> None:
    """Else each run of a weighing that goes on with the rest would have an error of its own."""
    hard, five = replace(TASK, floor=Decimal("0.8")), [Contender(f"o{n}") for n in range(5)]
    terms = {"task": hard, "limit": 20}
    (alone,) = weigh(Vendor(mostly_yes), tmp_path / "alone", A, **terms)
    (last,) = weigh(Vendor(mostly_yes), tmp_path / "last", A, n_decided=4, **terms)
    together = weigh(Vendor(mostly_yes), tmp_path / "five", *five, **terms)
    assert {each.verdict.n for each in (alone, last, *together)} == {20}
    assert together[0].verdict.lower == last.verdict.lower < alone.verdict.lower
    assert together[0].verdict.upper == last.verdict.upper > alone.verdict.upper
