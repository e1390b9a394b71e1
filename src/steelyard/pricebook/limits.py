"""How long work takes under a vendor's limits, and how much of it is free.

Free of charge is not without cost: ten billion tokens at 200,000 a minute take 34.7 days. The times
here are the least that the limits allow, with every minute used to the full.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.listings import Fact

MINUTE_S, DAY_S = 60, 86_400
MONTH_S = 30 * DAY_S
_TOKENS = {"tpm": MINUTE_S, "tpd": DAY_S}
_CALLS = {"qps": 1, "rpm": MINUTE_S, "rpd": DAY_S}
_WORDS = {"concurrency": "calls at once"}
_PERIODS = {"day": DAY_S, "month": MONTH_S}


class Amount(NamedTuple):
    """Work to be done."""

    tokens: int
    """Input and output together: vendors count both."""
    calls: int
    call_s: Fraction | None = None
    """How long one call takes, in seconds, where that is known."""


class Bound(NamedTuple):
    """What one limit allows."""

    name: str
    """Such as ``tpm`` or ``concurrency``."""
    size: int
    least_s: Fraction | None
    """Seconds that the work takes at least; None when that hangs on how long a call takes."""
    fact: Fact


def bounds(facts: Iterable[Fact], work: Amount) -> list[Bound]:
    """What each limit among ``facts`` allows, the tightest first, undecided ones last.

    Of limits by level of account only those of the first level named are taken: what everybody has.
    """
    found: list[Bound] = []
    level: str | None = None
    for fact in facts:
        if fact.kind != "limit":
            continue
        named = fact.body.get("level")
        if named is not None and level is None:
            level = named
        if named == level or named is None:
            found.extend(
                Bound(name, size, _least_s(name, size, work), fact)
                for name, size in fact.body.items()
                if name in _TOKENS or name in _CALLS or name == "concurrency"
            )
    found.sort(key=lambda bound: (bound.least_s is None, -(bound.least_s or 0), bound.name))
    return found


def _least_s(name: str, size: int, work: Amount) -> Fraction | None:
    if name in _TOKENS:
        return Fraction(work.tokens * _TOKENS[name], size)
    if name in _CALLS:
        return Fraction(work.calls * _CALLS[name], size)
    return None if work.call_s is None else work.calls * work.call_s / size


def free_s(fact: Fact, work: Amount) -> Fraction | None:
    """Seconds until an allowance has covered the work for nothing; None when it never does."""
    body = fact.body
    wanted = work.tokens if body["unit"] == "tokens" else work.calls
    if body["per"] == "once":
        return Fraction(0) if wanted <= body["amount"] else None
    return Fraction(wanted * _PERIODS[body["per"]], body["amount"])


def limit_text(fact: Fact) -> str:
    """A limit or allowance for people, such as ``500 rpm, 200,000 tpm per account``."""
    body = fact.body
    holder = f" per {body['holder']}" if "holder" in body else ""
    if fact.kind == "allowance":
        return f"{body['amount']:,} {body['unit']} free {_per(body['per'])}{holder}"
    sizes = (f"{v:,} {_WORDS.get(k, k)}" for k, v in body.items() if isinstance(v, int))
    level = f" ({body['level']})" if "level" in body else ""
    return f"{', '.join(sizes)}{holder}{level}"


def _per(period: str) -> str:
    return "once" if period == "once" else f"a {period}"


def duration_text(seconds: Fraction) -> str:
    """A time for people in its largest unit, such as ``34.7 days``."""
    for name, size in (("days", DAY_S), ("hours", 3600), ("minutes", MINUTE_S)):
        if seconds >= size:
            tenths = round(seconds * 10 / size)
            return f"{tenths // 10:,}.{tenths % 10} {name}"
    whole = -(-seconds.numerator // seconds.denominator)
    return f"{whole} second{'s' * (whole != 1)}"
