"""Amounts, shares and instants as people read them."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from steelyard.domain.money import format_pico, to_decimal

_SIGNIFICANT = 3


def amount(pico: int | str) -> str:
    """An amount of a currency, short enough to read: two decimals, more for what is small.

    Three significant digits at least, so that an amount that is not zero never reads as zero; the
    exact one is ``exact``.
    """
    value = to_decimal(int(pico))
    if value == 0:
        return "0.00"
    places = max(2, _SIGNIFICANT - 1 - value.adjusted())
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    whole, _, digits = f"{rounded:,f}".partition(".")
    return f"{whole}.{digits.rstrip('0').ljust(2, '0')}"


def exact(pico: int | str) -> str:
    """All digits of an amount."""
    return format_pico(int(pico))


def count(number: int | str | None) -> str:
    """A count with its thousands set apart."""
    return f"{int(number or 0):,}"


def share(value: float | str | None) -> str:
    """A share between 0 and 1 in per cent."""
    return "" if value is None else f"{100 * float(value):.1f} %"


def clock(at_ns: int, now: datetime) -> str:
    """An instant as time of the day in the zone of ``now``, with the day if it is another."""
    instant = datetime.fromtimestamp(at_ns / 10**9, now.tzinfo)
    return instant.strftime("%H:%M:%S" if instant.date() == now.date() else "%m-%d %H:%M")


def percent(done: int, total: int) -> int:
    """How much of ``total`` is done, 0 to 100."""
    return min(100, 100 * done // total) if total > 0 else 0
