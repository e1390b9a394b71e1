"""Amounts, shares and instants as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from steelyard.domain.money import format_pico, format_small, small_unit, to_decimal

_SIGNIFICANT = 3
_CENTS = 2
"""Decimals that an amount has at least."""


def amount(pico: int | str) -> str:
    """An amount of a currency, short enough to read: two decimals, more for what is small.

    Three significant digits at least, so that an amount that is not zero never reads as zero; the
    exact one is ``exact``.
    """
    whole, _, digits = _written(pico, places(pico)).partition(".")
    return f"{whole}.{digits.rstrip('0').ljust(_CENTS, '0')}"


def column(picos: Iterable[int | str]) -> list[str]:
    """Amounts that stand below each other: as ``amount``, but all with as many decimals.

    So their points line up, and the larger one looks larger.
    """
    amounts = list(picos)
    common = max(map(places, amounts), default=_CENTS)
    return [_written(pico, common) for pico in amounts]


def places(pico: int | str) -> int:
    """How many decimals an amount needs to be told with three significant digits."""
    value = to_decimal(int(pico))
    return max(_CENTS, _SIGNIFICANT - 1 - value.adjusted()) if value else _CENTS


def _written(pico: int | str, count: int) -> str:
    unit = Decimal(1).scaleb(-count)
    return f"{to_decimal(int(pico)).quantize(unit, ROUND_HALF_EVEN):,f}"


def exact(pico: int | str) -> str:
    """All digits of an amount."""
    return format_pico(int(pico))


def told(pico: int | str, currency: str, language: str) -> str:
    """All digits of an amount and its currency; in Chinese, what is below a fen in 厘 or 毫."""
    if language == "zh":
        return format_small(int(pico), currency)
    return f"{exact(pico)} {currency}"


def small(pico: int | str, currency: str) -> str:
    """An amount below a fen in 厘 or 毫; empty where that does not help."""
    return small_unit(int(pico), currency)


def count(number: int | str | None) -> str:
    """A count with its thousands set apart."""
    return f"{int(number or 0):,}"


def share(value: float | str | None) -> str:
    """A share between 0 and 1 in per cent."""
    return "" if value is None else f"{100 * float(value):.1f} %"


def points(value: float | str | None) -> str:
    """A difference of two shares in percentage points, without their name."""
    return "" if value is None else f"{100 * float(value):.1f}"


def clock(at_ns: int, now: datetime) -> str:
    """An instant as time of the day in the zone of ``now``, with the day if it is another."""
    instant = datetime.fromtimestamp(at_ns / 10**9, now.tzinfo)
    return instant.strftime("%H:%M:%S" if instant.date() == now.date() else "%m-%d %H:%M")


def width(value: float | str | None) -> str:
    """A share between 0 and 1 as a length on a scale of a hundred."""
    return f"{100 * min(1.0, max(0.0, float(value or 0))):.2f}"


def percent(done: int, total: int) -> int:
    """How much of ``total`` is done, 0 to 100."""
    return min(100, 100 * done // total) if total > 0 else 0
