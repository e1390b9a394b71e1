"""Periods travel in the snapshot as they are."""

from __future__ import annotations

import msgspec

from steelyard.pricebook.book import flat
from steelyard.pricebook.periods import END_COUNT, END_NS, Card, Period


def test_a_period_survives_the_file() -> None:
    card = Card(
        *(0, 32_001, 0, END_COUNT, 1, "batch"),
        (10**6, 2 * 10**6, 10**5, 10**6, 2 * 10**6, 0),
        {"image": (10**12, 3)},
        ((0, 128_000, -5),),
        ("output",),
        ("b1", "b2"),
    )
    period = Period(5, END_NS, 7, (card,), (1, 2, 3))
    raw = msgspec.msgpack.encode((period, flat((0, 5), (1,) * 6, ())))
    assert msgspec.msgpack.decode(raw, type=tuple[Period, ...])[0] == period
