"""Numbers as people write them: ``1.25M``, ``50%``, ``1CNY``, ``万``; exact, or refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from fractions import Fraction

_SIZES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "万": 10**4, "亿": 10**8}
_COUNT = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)\s?([kmb万亿]?)", re.IGNORECASE | re.ASCII)
_MONEY = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)\s?([A-Za-z]{3})", re.ASCII)
_NUMBER = re.compile(r"\d{1,30}(?:\.\d{1,30})?", re.ASCII)
COUNT_MAX = 10**15
"""Most tokens, characters or calls that anybody may ask about."""


def read_count(text: str) -> int:
    """A whole number such as ``200k``, ``1.25M``, ``1_000`` or ``75万``.

    Raises:
        ValueError: it is no whole number of at most ``COUNT_MAX``.
    """
    found = _COUNT.fullmatch(text.strip().replace("_", "").replace(",", ""))
    if found is None:
        raise ValueError(f"no number: {text[:40]!r}; write 1000, 200k, 1.25M, 1B or 75万")
    value = Fraction(found[1]) * _SIZES[found[2].lower()]
    if value.denominator != 1:
        raise ValueError(f"no whole number: {text[:40]!r}")
    if value > COUNT_MAX:
        raise ValueError(f"{text[:40]} is more than {COUNT_MAX:,}")
    return int(value)


def read_share(text: str) -> Fraction:
    """A share such as ``50%`` or ``0.5``.

    Raises:
        ValueError: it is none from 0 to 1.
    """
    plain = text.strip()
    number = plain.removesuffix("%").rstrip()
    if _NUMBER.fullmatch(number):
        share = Fraction(number) / (100 if plain.endswith("%") else 1)
        if share <= 1:
            return share
    raise ValueError(f"no share: {text[:40]!r}; write 50% or 0.5")


def read_money(text: str) -> tuple[Fraction, str]:
    """An amount and its currency, such as ``1CNY`` or ``0.5 USD``.

    Raises:
        ValueError: it is none, or not above zero.
    """
    found = _MONEY.fullmatch(text.strip())
    if found is None or not Fraction(found[1]):
        raise ValueError(f"no money: {text[:40]!r}; write 1CNY or 0.5 USD")
    return Fraction(found[1]), found[2].upper()


def read_currency(text: str) -> str:
    """A currency's code in capitals.

    Raises:
        ValueError: it has not three letters.
    """
    if not re.fullmatch("[A-Za-z]{3}", text.strip(), re.ASCII):
        raise ValueError(f"a currency has three letters, such as CNY, not {text[:40]!r}")
    return text.strip().upper()


def read_seconds(text: str) -> Fraction:
    """Seconds above zero, such as ``12`` or ``0.5``.

    Raises:
        ValueError: they are none.
    """
    if not _NUMBER.fullmatch(text.strip()) or not Fraction(text.strip()):
        raise ValueError(f"no seconds above zero: {text[:40]!r}")
    return Fraction(text.strip())


class _NoZone(ValueError):
    """An instant that could be any of twenty-six."""


def read_instant(text: str) -> datetime:
    """An instant (UTC): of a day its noon, when the day has begun in China and not yet ended.

    Raises:
        ValueError: it is neither a day nor an instant with its zone.
    """
    plain = text.strip()
    try:
        if len(plain) <= len("2024-05-15"):
            return datetime.combine(date.fromisoformat(plain), time(12), UTC)
        found = datetime.fromisoformat(plain)
        if found.tzinfo is None:
            hint = "write 2024-05-15T12:00Z"
            raise _NoZone(f"{plain[:40]} does not say in which zone; {hint}")
        return found.astimezone(UTC)
    except _NoZone:
        raise
    except (OverflowError, ValueError):
        raise ValueError(f"no day: {text[:40]!r}; write 2024-05-15, or an instant") from None
