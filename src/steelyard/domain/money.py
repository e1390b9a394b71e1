"""Money as exact integers: pico-units, 10**-12 of the currency.

Every amount in the system is a Python integer of pico-units beside a currency code; ``Decimal``
and ``Fraction`` appear only where text is read or printed and where a rate is applied. A float
never enters: a function here that is handed one raises ``TypeError``.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from fractions import Fraction
from typing import NamedTuple

PICO = 10**12
"""Pico-units in one unit of a currency."""

_EXPONENT_MAX = 999
_VAST = re.compile(r"[eE][+-]?[0-9_]{4}")

_SMALL_BELOW = PICO // 100
_SMALL_UNITS = {"CNY": (("厘", PICO // 10**3), ("毫", PICO // 10**4))}
"""Names of parts of a currency below a hundredth, and their size; the larger first."""
_SMALL_PLACES = 2
"""How far a small unit is told: a hundredth of a 毫, a millionth of a yuan."""
_SMALL_DIGITS = 3

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
    if _is_vast(amount):
        raise ValueError(f"not an amount: {str(amount)[:40]!r}")
    try:
        return Fraction(amount)
    except ZeroDivisionError as error:
        raise ValueError(f"not a number: {amount!r}") from error


def _is_vast(amount: Decimal | Fraction | int | str) -> bool:
    """Whether an exponent of a few digits stands for a number of as many gigabytes."""
    if isinstance(amount, Decimal):
        exponent = amount.as_tuple().exponent
        return isinstance(exponent, int) and abs(exponent) > _EXPONENT_MAX
    return isinstance(amount, str) and _VAST.search(amount) is not None


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


def small_unit(amount_pico: int, currency: str) -> str:
    """What people say for an amount below a hundredth: ``0.8 厘`` for 0.0008 CNY.

    To three digits, after ``≈`` where there are more. Empty for larger amounts, for ones so small
    that no word helps, and for currencies that have no such units.
    """
    size, units = abs(amount_pico), _SMALL_UNITS.get(currency)
    if not units or not 0 < size < _SMALL_BELOW:
        return ""
    name, unit = next((u for u in units if 10 * size >= u[1]), units[-1])
    if size * 10**_SMALL_PLACES < unit:
        return ""
    exact = Decimal(amount_pico) / unit
    shown = exact.normalize(Context(prec=_SMALL_DIGITS))
    return f"{'' if shown == exact else '≈'}{shown:f} {name}"


def format_small(amount_pico: int, currency: str) -> str:
    """The amount with all its digits and its currency; what is below a fen in 厘 or 毫 beside it.

    Such as ``0.0008 CNY (0.8 厘)``; never zero for what is not.
    """
    text = f"{format_pico(amount_pico)} {currency}".rstrip()
    small = small_unit(amount_pico, currency)
    return f"{text} ({small})" if small else text
