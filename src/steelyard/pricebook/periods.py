"""Periods and their cards: compiled prices, as the snapshot holds them.

Apart from ``book``, which prices by them, because they are data: msgspec reads their annotations as
they stand here, which a compiled module would not keep.
"""

from __future__ import annotations

from typing import NamedTuple

END_NS = 2**63 - 1
"""End of a period that has no end."""
END_COUNT = 2**62
"""End of a range of tokens that has no end."""


class Card(NamedTuple):
    """Prices of calls of one kind: of a length, with thinking or not, in a service tier."""

    input_from: int
    input_to: int
    """First number of input tokens it is not for."""
    output_from: int
    output_to: int
    thinking: int
    """1 for calls that thought, 0 for those that did not, -1 for both."""
    tier: str
    """Service tier; empty for the ordinary one."""
    prices: tuple[int, ...]
    """Pico-units x the period's denominator per single thing, in the order of ``rates.ITEMS``."""
    extras: dict[str, tuple[int, int]]
    """Item -> numerator and denominator of its price in pico-units per single thing; for a part
    of other tokens less the price of those, so that it adds to what they cost already. A part
    that is not here costs what the tokens do that it is a part of."""
    steps: tuple[tuple[int, int, int], ...]
    """Marginal tiers: index in ``rates.ITEMS``, threshold, and what each token of the item above
    it costs more, in pico-units x the period's denominator."""
    missing: tuple[str, ...]
    """Of ``input`` and ``output`` those without a price: what they cost is unknown."""
    rate_ids: tuple[str, ...]
    """Ids of the rates behind it, each once."""


class Period(NamedTuple):
    """An interval in which every price of an offer is constant."""

    from_ns: int
    """UTC nanoseconds, inclusive."""
    to_ns: int
    """UTC nanoseconds, exclusive."""
    denominator: int
    """Common to all ``prices`` of its cards."""
    cards: tuple[Card, ...]
    """Ascending; at most one is for any call."""
    ceiling: tuple[int, int, int]
    """The dearest price of an input token, an output token and a request on any card of the
    ordinary service tier, in pico-units x ``denominator``."""
