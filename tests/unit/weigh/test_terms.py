from datetime import UTC, datetime
from decimal import Decimal

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.money import Money
from steelyard.weigh.terms import Options

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
