"""Money as exact integers: pico-units, 10**-12 of the currency.

Every amount in the system is a Python integer of pico-units beside a currency code; ``Decimal``
and ``Fraction`` appear only where text is read or printed and where a rate is applied. A float
never enters: a function here that is handed one raises ``TypeError``.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

PICO = 10**12
"""Pico-units in one unit of a currency."""

AMOUNT_PICO_MAX = 10**26
"""Largest amount the ledger's decimal(38, 12) columns hold."""


class Money(NamedTuple):
    """An amount in one currency."""

    amount_pico: int
    """Amount in 10**-12 of ``currency``; negative for credits."""
    currency: str
    """ISO 4217 code, upper case."""

    def __str__(self) -> str:
        return f"{format_pico(self.amount_pico)} {self.currency}"


def round_half_even(numerator: int, denominator: int) -> int:
    """The integer nearest to ``numerator / denominator``, ties to even; the one rounding rule.

    ``denominator`` must be positive.
    """
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient & 1):
        return quotient + 1
    return quotient


def round_up(numerator: int, denominator: int) -> int:
    """The smallest integer that is not below ``numerator / denominator``: for reservations."""
    return -(-numerator // denominator)


def to_pico(amount: Decimal | Fraction | int | str) -> int:
    """``amount`` of a currency in pico-units, rounded half-even at 10**-12.

    Raises:
        TypeError: a float was given.
        ValueError: the text is no finite decimal number.
    """
    exact = to_fraction(amount) * PICO
    return round_half_even(exact.numerator, exact.denominator)


def to_fraction(amount: Decimal | Fraction | int | str) -> Fraction:
    """``amount`` as an exact rational.

    Raises:
        TypeError: a float was given.
        ValueError: the text is no finite decimal number.
    """
    if isinstance(amount, bool | float):
        raise TypeError(f"money must be exact, not a {type(amount).__name__}: {amount!r}")
    if isinstance(amount, Decimal) and not amount.is_finite():
        raise ValueError(f"not a finite number: {amount}")
    try:
        return Fraction(amount)
    except ZeroDivisionError as error:
        raise ValueError(f"not a number: {amount!r}") from error


def to_decimal(amount_pico: int) -> Decimal:
    """The amount in whole units of its currency, exactly."""
    return Decimal(amount_pico).scaleb(-12)


def format_pico(amount_pico: int, places_min: int = 2) -> str:
    """The amount in whole units, all digits kept, at least ``places_min`` of them decimal.

    An amount that is not zero is never shown as zero.
    """
    if 0 < amount_pico < PICO:
        # Nearly every single cost; this stands in the head of every answer.
        return "0." + f"{amount_pico:012d}".rstrip("0").ljust(places_min, "0")
    sign = "-" if amount_pico < 0 else ""
    whole, pico = divmod(abs(amount_pico), PICO)
    digits = f"{pico:012d}".rstrip("0").ljust(places_min, "0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
