"""Rates: one effective-dated price each, exact.

A rate says what one unit of an item costs between two instants. What it says is never edited; a
later rate supersedes it from its own ``valid_from``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

ITEMS = ("input", "output", "cache_read", "cache_write", "reasoning", "request")
"""Billable items, in the order in which compiled rates hold them.

``input`` prices what is neither read from nor written to a cache; where a part has no rate of its
own, its parent's rate holds (``cache_read`` and ``cache_write`` fall back to ``input``,
``reasoning`` to ``output``); ``request`` without a rate is free.
"""

UNITS = {"mtok": 10**6, "ktok": 10**3, "token": 1, "request": 1, "kcount": 10**3}
"""How many single things one priced unit holds."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One effective-dated price of one item."""

    rate_id: str
    """Stable id, unique in the book: stands in every settlement priced with it."""
    item: str
    """One of ``ITEMS``."""
    amount: Fraction
    """Price of one unit, in ``currency``; zero is a price, absence is not."""
    currency: str
    """ISO 4217 code."""
    unit: str
    """A key of ``UNITS``."""
    valid_from: datetime
    """First instant (UTC) at which it holds."""
    valid_to: datetime | None = None
    """First instant (UTC) at which it no longer holds; None while no end is known."""
    source: str = ""
    """Where the price was read: a page, a contract, a measurement."""

    def __post_init__(self) -> None:
        if self.item not in ITEMS:
            raise ValueError(f"unknown item {self.item!r}; one of {', '.join(ITEMS)}")
        if self.unit not in UNITS:
            raise ValueError(f"unknown unit {self.unit!r}; one of {', '.join(UNITS)}")
        if not isinstance(self.amount, Fraction) or self.amount < 0:
            raise ValueError(f"a rate is an exact amount of at least zero, not {self.amount!r}")
        if self.valid_from.tzinfo is None or (self.valid_to and self.valid_to.tzinfo is None):
            raise ValueError("a rate's instants carry their zone")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("a rate ends after it begins")


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """What one unit of ``base`` is worth in ``quote``, as of a day."""

    rate_id: str
    """Stable id, such as ``ecb-2026-11-20-USD-CNY``."""
    base: str
    quote: str
    value: Fraction
    """Units of ``quote`` for one unit of ``base``; above zero."""
    as_of: datetime
    """Instant (UTC) from which it holds."""
    source: str = ""
