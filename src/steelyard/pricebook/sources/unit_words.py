"""Units as price pages word them: ``元/千tokens``, ``USD per 1M tokens``, ``厘/千字符``.

What a unit says is how much money the number counts in, of which currency, and how many of what it
buys; so a price in any of them becomes a price in a unit of the book by an exact factor.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.rates import UNITS

_MONEY = {
    "元": ("CNY", 1),
    "块": ("CNY", 1),
    "人民币": ("CNY", 1),
    "rmb": ("CNY", 1),
    "cny": ("CNY", 1),
    "¥": ("CNY", 1),
    "￥": ("CNY", 1),
    "角": ("CNY", 10),
    "分": ("CNY", 100),
    "fen": ("CNY", 100),
    "厘": ("CNY", 1000),
    "li": ("CNY", 1000),
    "美元": ("USD", 1),
    "usd": ("USD", 1),
    "us$": ("USD", 1),
    "$": ("USD", 1),
    "¢": ("USD", 100),
    "cent": ("USD", 100),
    "cents": ("USD", 100),
    "欧元": ("EUR", 1),
    "eur": ("EUR", 1),
    "€": ("EUR", 1),
}
"""Word -> currency, and how many of it make one of the currency."""

_COUNTS = {
    "": 1,
    "1": 1,
    "百": 100,
    "100": 100,
    "千": 10**3,
    "k": 10**3,
    "1k": 10**3,
    "1000": 10**3,
    "thousand": 10**3,
    "万": 10**4,
    "10k": 10**4,
    "10000": 10**4,
    "十万": 10**5,
    "100k": 10**5,
    "百万": 10**6,
    "m": 10**6,
    "1m": 10**6,
    "1000k": 10**6,
    "1000000": 10**6,
    "million": 10**6,
    "亿": 10**8,
}
_THINGS = {
    "token": "mtok",
    "tok": "mtok",
    "令牌": "mtok",
    "字符": "mchar",
    "字": "mchar",
    "character": "mchar",
    "char": "mchar",
    "张": "image",
    "图": "image",
    "image": "image",
    "次": "kcount",
    "request": "kcount",
    "call": "kcount",
    "search": "kcount",
    "页": "kpage",
    "page": "kpage",
    "秒": "second",
    "second": "second",
    "分钟": "minute",
    "minute": "minute",
    "小时": "hour",
    "hour": "hour",
}
"""Word -> the unit in which the book keeps its prices."""

_PARTS = re.compile(
    rf"(?P<money>{'|'.join(sorted(map(re.escape, _MONEY), key=len, reverse=True))})?"
    r"\s*(?:/|每|per)?\s*"
    rf"(?P<count>{'|'.join(sorted(map(re.escape, _COUNTS), key=len, reverse=True))})"
    r"\s*(?:个)?\s*"
    rf"(?P<thing>{'|'.join(sorted(_THINGS, key=len, reverse=True))})s?"
)


class UnitWords(NamedTuple):
    """What a unit says."""

    unit: str
    """The unit in which the book keeps such a price: a key of ``UNITS``."""
    factor: Fraction
    """What a price is to be multiplied by to be one of ``unit``."""
    currency: str
    """ISO 4217 code, or empty where the unit names no money."""


def read_unit_words(text: str) -> UnitWords | None:
    """What a unit of a price page says; None if it is not understood."""
    plain = text.strip().lower().replace("_", " ").replace(",", "")
    match = _PARTS.fullmatch(plain)
    if match is None:
        return None
    unit = _THINGS[match["thing"]]
    currency, per_money = _MONEY.get(match["money"] or "", ("", 1))
    size = 1 if unit in ("minute", "hour") else UNITS[unit]
    return UnitWords(unit, Fraction(size, _COUNTS[match["count"]] * per_money), currency)
