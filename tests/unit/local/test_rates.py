from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.local.models import catalogue
from steelyard.local.rates import rates_from_cpu_hour


def test_an_hour_of_cpu_becomes_a_price_per_million_tokens() -> None:
    # 3.6 an hour is 0.001 a second; at 1000 tokens a second a token costs a millionth.
    assert rates_from_cpu_hour(Decimal("3.6"), 1000, 10, 1) == (Fraction(1), Fraction(100))


def test_two_threads_at_the_same_speed_cost_twice() -> None:
    one = rates_from_cpu_hour(Fraction(1, 20), 235, 132, 1)
    two = rates_from_cpu_hour(Fraction(1, 20), 235, 132, 2)
    assert two == (2 * one[0], 2 * one[1])


def test_prices_are_exact() -> None:
    cost_in, _ = rates_from_cpu_hour(Decimal("0.05"), 7, 3, 1)
    assert cost_in * 7 * 3600 == Fraction(5, 100) * 10**6


def test_no_catalogue_model_is_free() -> None:
    for model in catalogue().values():
        assert model.speed is not None
        speed = model.speed
        price = rates_from_cpu_hour(
            Decimal("0.04"), speed.prefill_tok_s, speed.decode_tok_s, speed.threads
        )
        assert 0 < price[0] < price[1]


@pytest.mark.parametrize("bad", [(-1, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0)])
def test_what_has_no_price_is_refused(bad: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least|positive"):
        rates_from_cpu_hour(Fraction(bad[0]), *bad[1:])


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError, match="exact"):
        rates_from_cpu_hour(Fraction(1), 0.1, 1, 1)  # type: ignore[arg-type]
