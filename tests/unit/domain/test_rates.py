from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from steelyard.domain.rates import Rate

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def rate(**changes: Any) -> Rate:
    fields = {
        "rate_id": "r",
        "item": "input",
        "amount": Fraction(1),
        "currency": "CNY",
        "unit": "mtok",
        "valid_from": SINCE,
    }
    return Rate(**{**fields, **changes})


def test_zero_is_a_price() -> None:
    assert rate(amount=Fraction(0)).amount == 0
    assert rate(valid_to=SINCE + timedelta(seconds=1)).valid_to is not None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"item": "smell"}, "unknown item"),
        ({"unit": "image"}, "counted per token"),
        ({"unit": "fen"}, "unknown unit"),
        ({"amount": Fraction(-1)}, "at least zero"),
        ({"amount": 0.5}, "exact"),
        ({"valid_from": datetime(2026, 1, 1)}, "zone"),  # noqa: DTZ001 - that is the mistake
        ({"valid_to": datetime(2027, 1, 1)}, "zone"),  # noqa: DTZ001
        ({"valid_to": SINCE}, "ends after"),
    ],
)
def test_a_rate_that_means_nothing_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        rate(**changes)
