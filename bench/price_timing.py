"""Times the pricing of one usage as a worker does it; `bench.prices` runs it in a process.

Prints JSON: nanoseconds for each of many rounds, and whether the pricing was compiled. Run from the
compiled copy of the request path (`make native`) where there is one.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from steelyard.domain.conditions import Condition
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.rates import Rate
from steelyard.domain.usage import Usage
from steelyard.gateway.snapshot import ChannelEntry, OfferEntry
from steelyard.gateway.view import Candidate
from steelyard.pricebook import book
from steelyard.pricebook.book import card_of, price
from steelyard.pricebook.compiling import compile_periods

SEED = 1
ROUNDS = 60
CALLS = 5_000
"""Usages of one round, each of an offer and an instant of its own."""
NOW = datetime(2026, 11, 22, tzinfo=UTC)
HOUR_NS = DAY_NS // 24
_SINCE = datetime(2023, 1, 1, tzinfo=UTC)
_DAYS = (NOW - _SINCE).days
_RATES_OF_CHANGE = 5
_CHANGES_MAX = 40
"""Price changes of one offer; the eldest model of the shipped list has had nine."""


def offers(rates: int) -> list[Candidate]:
    """Offers with so many rates between them, compiled for a worker of `NOW` as control does."""
    found = []
    channel = ChannelEntry("c", "v", "official", "http://localhost", "openai_chat", "")
    left, now_ns = rates, instant_ns(NOW)
    while left > 0:
        changes = max(1, min(_CHANGES_MAX, left // _RATES_OF_CHANGE))
        own = list(_rates(len(found), changes))
        left -= len(own)
        entry = OfferEntry(
            name=f"o{len(found)}",
            model="m",
            channel="c",
            upstream_model="m",
            context_tokens=128_000,
            output_tokens_max=4096,
            features=frozenset(),
            tokens_per_byte=0.25,
            currency="CNY",
            periods=tuple(compile_periods(own, now_ns - HOUR_NS, now_ns + 60 * DAY_NS)),
        )
        found.append(Candidate(entry, channel))
    return found


def _rates(number: int, changes: int) -> Iterator[Rate]:
    """Input by length in two tiers, output in two, and cached input; changed `changes` times."""
    long = Condition(input_from=32_000)
    for place in range(changes):
        begin = _SINCE + timedelta(days=_DAYS * place // changes)
        for item, condition, amount in (
            ("input", Condition(), Fraction(8, 10)),
            ("output", Condition(), Fraction(2)),
            ("cache_read", Condition(), Fraction(8, 100)),
            ("input", long, Fraction(24, 10)),
            ("output", long, Fraction(8)),
        ):
            name = f"b{number}-{place}-{item}-{condition.input_from}"
            worth = amount + Fraction(place, 100)
            yield Rate(name, item, worth, "CNY", "mtok", begin, condition=condition)


def main() -> int:
    """Time the rounds."""
    draws = random.Random(SEED)  # noqa: S311 - no secrets
    candidates = list(offers(int(sys.argv[1])))
    calls = []
    for _ in range(CALLS):
        candidate = draws.choice(candidates)
        incoming, outgoing = int(10 ** draws.uniform(1, 5)), int(10 ** draws.uniform(0, 3.5))
        read = draws.choice((0, draws.randrange(incoming)))
        # Calls come within some minutes, one after the other.
        at_ns = instant_ns(NOW) + 10**8 * len(calls)
        calls.append((candidate, at_ns, Usage(incoming, outgoing, read)))
    rounds = []
    clock = time.perf_counter_ns
    for _ in range(ROUNDS):
        began = clock()
        for candidate, at_ns, usage in calls:
            period = candidate.period_at(at_ns)
            if period is not None:
                card = card_of(period, usage)
                if card is not None:
                    price(period, card, usage)
        rounds.append((clock() - began) / CALLS)
    is_compiled = not str(book.__file__).endswith(".py")
    sys.stdout.write(json.dumps({"rounds_ns": rounds, "is_compiled": is_compiled}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
