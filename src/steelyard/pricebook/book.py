"""What held when, and what a usage costs: exact, pure, and quick enough for the request path.

``compile_periods`` turns an offer's dated rates into periods in which every price is constant, with
fall-backs resolved and one common denominator; ``price`` then is a sum of integer products and one
half-even rounding at 10**-12. Control compiles, the worker prices, the auditor recomputes: all
through the same two functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import NamedTuple

from steelyard.domain.money import PICO, round_half_even, round_up
from steelyard.domain.rates import ITEMS, UNITS, Rate
from steelyard.domain.usage import Usage

END_NS = 2**63 - 1
"""End of a period that has no end."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARENTS = {"cache_read": "input", "cache_write": "input", "reasoning": "output"}


class Period(NamedTuple):
    """An interval in which every price of an offer is constant."""

    from_ns: int
    """UTC nanoseconds, inclusive."""
    to_ns: int
    """UTC nanoseconds, exclusive."""
    denominator: int
    """Common to all ``prices``."""
    prices: tuple[int, ...]
    """Pico-units x ``denominator`` per single unit, in the order of ``rates.ITEMS``."""
    rate_ids: tuple[str, ...]
    """Ids of the rates that hold, in the order of ``rates.ITEMS``, each once."""


def instant_ns(instant: datetime) -> int:
    """The instant in UTC nanoseconds since 1970, exactly."""
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000


def rate_at(rates: Iterable[Rate], item: str, at_ns: int) -> Rate | None:
    """The rate of ``item`` that holds at ``at_ns``: the latest to begin among those valid then.

    Raises:
        ValueError: two rates of the item begin together; neither supersedes the other.
    """
    best: Rate | None = None
    for rate in rates:
        if rate.item != item or instant_ns(rate.valid_from) > at_ns:
            continue
        if rate.valid_to is not None and instant_ns(rate.valid_to) <= at_ns:
            continue
        if best is None or rate.valid_from > best.valid_from:
            best = rate
        elif rate.valid_from == best.valid_from:
            raise ValueError(f"rates {best.rate_id} and {rate.rate_id} begin at the same instant")
    return best


def compile_periods(rates: Sequence[Rate], since_ns: int = 0) -> list[Period]:
    """Periods of constant prices from ``since_ns`` on, ascending, without those that lack a price.

    A period is priced when input and output both have a rate, or when a request has one; a call
    outside every period is unpriced, which is an error, never zero.

    Raises:
        ValueError: the rates carry several currencies, or two of an item begin together.
    """
    currencies = {rate.currency for rate in rates}
    if len(currencies) > 1:
        raise ValueError(f"rates of one offer carry several currencies: {sorted(currencies)}")
    cuts = {instant_ns(rate.valid_from) for rate in rates}
    cuts |= {instant_ns(rate.valid_to) for rate in rates if rate.valid_to is not None}
    ordered = sorted(cuts)
    periods: list[Period] = []
    for begin, end in pairwise([*ordered, END_NS]):
        period = _period(rates, begin, end) if end > since_ns else None
        if period is None:
            continue
        before = periods[-1] if periods else None
        if before and before.to_ns == begin and before[2:] == period[2:]:
            periods[-1] = before._replace(to_ns=end)
        else:
            periods.append(period)
    return periods


def _period(rates: Sequence[Rate], begin: int, end: int) -> Period | None:
    held = {item: rate_at(rates, item, begin) for item in ITEMS}
    if not (held["input"] and held["output"]) and not held["request"]:
        return None
    exact = []
    for item in ITEMS:
        rate = held[item] or held.get(_PARENTS.get(item, ""))
        exact.append(rate.amount * PICO / UNITS[rate.unit] if rate else Fraction(0))
    denominator = lcm(*(price.denominator for price in exact))
    prices = tuple(int(price * denominator) for price in exact)
    ids = tuple(dict.fromkeys(rate.rate_id for rate in held.values() if rate))
    return Period(begin, end, denominator, prices, ids)


def price(prices: Sequence[int], denominator: int, usage: Usage) -> int:
    """What ``usage`` costs in pico-units of the rates' currency, rounded once, half-even.

    ``usage`` must have passed ``Usage.check``: parts never pass their totals.
    """
    incoming, outgoing, read, written, reasoning, requests = usage
    total = (
        (incoming - read - written) * prices[0]
        + (outgoing - reasoning) * prices[1]
        + read * prices[2]
        + written * prices[3]
        + reasoning * prices[4]
        + requests * prices[5]
    )
    return total if denominator == 1 else round_half_even(total, denominator)


def quote(prices: Sequence[int], denominator: int, input_bound: int, output_bound: int) -> int:
    """The most a call may cost in pico-units, rounded up: the dearest part on either side."""
    total = (
        input_bound * max(prices[0], prices[2], prices[3])
        + output_bound * max(prices[1], prices[4])
        + prices[5]
    )
    return round_up(total, denominator)


def convert_up(amount_pico: int, numerator: int, denominator: int) -> int:
    """An amount in another currency at an exact exchange rate, rounded up: for reservations."""
    return round_up(amount_pico * numerator, denominator)


def convert(amount_pico: int, numerator: int, denominator: int) -> int:
    """An amount in another currency at an exact exchange rate, rounded half-even at 10**-12."""
    return round_half_even(amount_pico * numerator, denominator)
