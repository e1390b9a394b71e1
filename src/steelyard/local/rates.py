"""What local tokens cost: an hour of CPU turned into a price per million tokens.

A model on one's own machine is not free: it takes the cores that something else could use. So its
offers carry rates like any vendor's, and local tokens are booked. Pure, exact, no float.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

_TOKENS_PER_MTOK = 10**6
_SECONDS_PER_HOUR = 3600


def rates_from_cpu_hour(
    price_per_cpu_hour: Fraction | Decimal,
    prefill_tok_s: Fraction | Decimal | int,
    decode_tok_s: Fraction | Decimal | int,
    threads: int,
) -> tuple[Fraction, Fraction]:
    """Return (input, output) prices per million tokens, in the currency of the price given.

    Args:
        price_per_cpu_hour: cost of one core busy for one hour, at least zero.
        prefill_tok_s: prompt tokens read per second by all ``threads`` together.
        decode_tok_s: answer tokens written per second by all ``threads`` together.
        threads: cores that are busy meanwhile, at least one.

    Raises:
        ValueError: a speed or thread count that is not positive, or a negative price.
        TypeError: a float, which would make the price inexact.
    """
    price, prefill, decode = (_exact(v) for v in (price_per_cpu_hour, prefill_tok_s, decode_tok_s))
    if price < 0:
        raise ValueError(f"a price per hour of CPU is at least zero, not {price}")
    if prefill <= 0 or decode <= 0 or threads < 1:
        raise ValueError("speeds are positive and at least one thread works")
    price_per_s = price * threads / _SECONDS_PER_HOUR
    return price_per_s * _TOKENS_PER_MTOK / prefill, price_per_s * _TOKENS_PER_MTOK / decode


def _exact(value: Fraction | Decimal | int) -> Fraction:
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float; prices and speeds are exact")
    return Fraction(value)
