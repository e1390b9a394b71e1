"""Prices between two instants as foreign lists give them, joined to rates of the book.

A list that repeats a price from day to day, or for each of several dates, gives one rate: rates
begin where a price changes, so that the book's history shows changes and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.conditions import Condition
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import Rate


class Span(NamedTuple):
    """A price of an item under a condition, between two instants."""

    listing: Listing
    item: str
    unit: str
    condition: Condition
    amount: Fraction
    begin: datetime
    """UTC, inclusive."""
    end: datetime | None
    """UTC, exclusive."""
    basis: str
    source: str
    note: str


class Spans:
    """Collects spans, which come in order of time, and makes rates of them."""

    def __init__(self, origin: str, read_at: datetime | None) -> None:
        self._origin = origin
        self._read_at = read_at
        self._found: dict[tuple[Listing, str, Condition], list[Span]] = {}

    def add(self, span: Span) -> None:
        """Keep one more; it prolongs the one before it if only time went by between them."""
        spans = self._found.setdefault((span.listing, span.item, span.condition), [])
        if spans:
            last = spans[-1]
            if last.end == span.begin and (last.amount, last.unit) == (span.amount, span.unit):
                spans[-1] = last._replace(end=span.end)
                return
        spans.append(span)

    def rates(self) -> Iterator[ListedRate]:
        """All rates; unstored ones are called by origin and number, such as ``litellm:1``."""
        number = 0
        for spans in self._found.values():
            for span in spans:
                number += 1
                rate = Rate(
                    f"{self._origin}:{number}",
                    span.item,
                    span.amount,
                    span.listing.currency,
                    span.unit,
                    span.begin,
                    span.end,
                    span.source,
                    span.condition,
                )
                yield ListedRate(
                    span.listing,
                    rate,
                    self._origin,
                    basis=span.basis,
                    note=span.note,
                    read_at=self._read_at,
                )
