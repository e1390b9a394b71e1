"""Prices of the package genai-prices, computed by it and by us, must be equal to the last digit.

For every model of the package, and for each request context that it prices apart (batch, service
tiers, speed): random usages at random instants, and at every edge of time and length. Theirs is
computed with 100 digits and rounded once, as ours is; ours goes the whole way from their published
JSON through parser, selection, compiling and pricing. Where the two differ, the difference is
explained by one of `EXPLAINED`, or it is a fault.
"""

import argparse
import decimal
import random
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any, NamedTuple

from steelyard.domain.instants import instant_ns, instant_of
from steelyard.domain.listings import Listing
from steelyard.domain.money import to_pico
from steelyard.domain.rates import ALONE, ITEMS, PARENTS, Rate
from steelyard.domain.usage import NOTHING, Usage
from steelyard.pricebook import shipped
from steelyard.pricebook.book import END_COUNT, Period, card_of, period_at, price, unpriced
from steelyard.pricebook.compiling import compile_periods, select
from steelyard.pricebook.sources import genai_prices
from steelyard.pricebook.sources.base import Reading

SEED = 1
USAGES = 200
SINCE = datetime(2023, 1, 1, tzinfo=UTC)
UNTIL = datetime(2028, 1, 1, tzinfo=UTC)
_TOLD_MAX = 20

_SIDES = {
    "input": ("input_audio", "input_image", "input_video"),
    "cache_read": ("cache_read_audio", "cache_read_image"),
    "cache_write": ("cache_write_1h",),
    "output": ("output_audio", "output_image", "output_video", "citation"),
}
"""Exclusive part -> the extras that lie in it."""
_WHOLE = {"annotated_page": "page", "input_audio_time": "audio"}
"""What theirs counts as a part -> of what; ours counts them apart."""
_KEYS = {item: key for key, (item, _) in genai_prices.ITEMS.items()}
"""Our item -> their price key."""


class Case(NamedTuple):
    """One call, in our words."""

    vendor: str
    """Their id of it."""
    model: str
    context: Mapping[str, str]
    at_ns: int
    usage: Usage


@dataclass(slots=True)
class Report:
    """What was compared."""

    compared: int = 0
    models: int = 0
    rates: int = 0
    """Rates that took part: those of every listing compared."""
    explained: Counter[str] = field(default_factory=Counter)
    unpriced: int = 0
    """Equal amounts of which ours says that something has no price; theirs counts it as free."""
    unexplained: list[str] = field(default_factory=list)


class Theirs(NamedTuple):
    """Their answer to a case."""

    amount: Decimal
    priced: frozenset[str]
    """Our names of the items that had a price."""
    is_named_only: bool
    """Whether the case's context is named there without any price."""


def _is_short_whisper(case: Case, theirs: Theirs, mine: int | None) -> bool:
    seconds = [count for item, count in case.usage.extras if item in ("audio", "input_audio_time")]
    return (
        case.vendor == "groq"
        and case.model in ("whisper-large-v3", "whisper-large-v3-turbo")
        and any(0 < count < 10 for count in seconds)
    )


def _has_no_prices(case: Case, theirs: Theirs, mine: int | None) -> bool:
    return mine is None and not theirs.priced and not theirs.amount


def _is_part_of_a_count(case: Case, theirs: Theirs, mine: int | None) -> bool:
    return mine is not None and any(
        count and item in _WHOLE and item not in theirs.priced and _WHOLE[item] in theirs.priced
        for item, count in case.usage.extras
    )


def _is_ordinary(case: Case, theirs: Theirs, mine: int | None) -> bool:
    return mine is None and theirs.is_named_only


EXPLAINED: Mapping[str, tuple[str, Callable[[Case, Theirs, int | None], bool]]] = {
    "no_prices": (
        "the package has the model without any price, which comes to 0 there; to us the cost of"
        " such a call is unknown, and an offer of it is refused",
        _has_no_prices,
    ),
    "part_of_a_count": (
        "annotated pages are pages to the package, and seconds of input audio are seconds of"
        " audio; to us each is counted apart, and without a price it is told as unpriced",
        _is_part_of_a_count,
    ),
    "named_only": (
        "the package names a way of processing without any price of its own and bills the ordinary"
        " one; to us a tier that no rate is for has no price",
        _is_ordinary,
    ),
    "groq_minimum": (
        "the package bills a Groq transcription of less than 10 seconds as 10 seconds, in code;"
        " no rate says so, and what the vendor reports is what we price",
        _is_short_whisper,
    ),
}
"""Name -> why a difference is none of prices, and exactly when."""


def run(
    usages: int = USAGES, seed: int = SEED, only: Callable[[str], bool] | None = None
) -> Report:
    """Compare so many usages of every model and context; of some vendors alone, by `only`."""
    warnings.simplefilter("ignore")
    report = Report()
    for vendor in import_module("genai_prices.data").providers:
        if only is not None and not only(vendor.id):
            continue
        for model in vendor.models:
            if not model.prices:
                continue
            draws = random.Random(f"{seed}/{vendor.id}/{model.id}")  # noqa: S311 - no secrets
            _compare_model(report, vendor, model, usages, draws)
    return report


@cache
def ours() -> dict[Listing, list[Rate]]:
    """Our rates of the shipped list, by listing."""
    reading = Reading("genai-prices", shipped.phrases(), datetime(2026, 11, 1, tzinfo=UTC))
    parsed = genai_prices.parse(shipped.read("genai-prices.json.gz"), reading)
    found: dict[Listing, list[Rate]] = {}
    for line in parsed.rates:
        found.setdefault(line.listing, []).append(line.rate)
    return found


def _compare_model(
    report: Report, vendor: Any, model: Any, usages: int, draws: random.Random
) -> None:
    listing = genai_prices.listing_of(vendor.id, vendor.name, model.id)
    rates = ours().get(listing, [])
    periods = compile_periods(select(rates), instant_ns(SINCE), instant_ns(UNTIL))
    report.models += 1
    report.rates += len(rates)
    priced = _priced_items(model)
    contexts: list[Mapping[str, str]] = [{}]
    for variant in model.price_variants or ():
        if variant.when not in contexts:
            contexts.append(variant.when)
    for context in contexts:
        blank = Case(vendor.id, model.id, context, 0, NOTHING)
        for case in islice(_draw(blank, priced, periods, draws), usages):
            _compare(report, vendor, model, case, periods)


def _compare(report: Report, vendor: Any, model: Any, case: Case, periods: list[Period]) -> None:
    report.compared += 1
    theirs = _theirs(vendor, model, case)
    period = period_at(periods, case.at_ns)
    card = period and card_of(period, case.usage, genai_prices.tier_of(case.context))
    mine: int | None
    if period is None or card is None:
        mine = None
    else:
        mine = price(period, card, case.usage)
        if mine == to_pico(theirs.amount):
            report.unpriced += bool(unpriced(card, case.usage))
            return
    for name, (_, explains) in EXPLAINED.items():
        if explains(case, theirs, mine):
            report.explained[name] += 1
            return
    report.unexplained.append(
        f"{case.vendor}/{case.model} {dict(case.context)} {instant_of(case.at_ns)} {case.usage}:"
        f" theirs {to_pico(theirs.amount)}, ours {mine}"
    )


def _theirs(vendor: Any, model: Any, case: Case) -> Theirs:
    at = instant_of(case.at_ns)
    context = dict(case.context) or None
    with decimal.localcontext(prec=100):
        found = model.calc_price(
            _their_usage(case.usage), vendor, genai_request_timestamp=at, price_context=context
        )
    keys = _keys_of(found.model_price)
    priced = frozenset(item for item, key in _KEYS.items() if key in keys)
    variants = [variant for variant in model.price_variants or () if variant.when == case.context]
    named_only = bool(variants) and not any(_keys_of(variant.prices) for variant in variants)
    return Theirs(found.total_price, priced, named_only)


def _keys_of(prices: Any) -> set[str]:
    return {key for key, value in vars(prices).items() if value is not None}


@cache
def _their_key(item: str) -> str:
    registry = import_module("genai_prices.units")._get_registry()
    return str(registry.unit_for_price_key(_KEYS[item]).usage_key)


def _their_usage(usage: Usage) -> Any:
    """The same usage in their counts: every unit holds all that lies below it."""
    extras = dict(usage.extras)
    # A zero is said: theirs refuses to guess what two overlapping counts have in common.
    counts = {
        **dict.fromkeys((*PARENTS, *ALONE), 0),
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cache_read": usage.cache_read_tokens,
        "cache_write": usage.cache_write_tokens,
        "reasoning": usage.reasoning_tokens,
        **extras,
    }
    for kind in ("audio", "image"):
        # Theirs counts cached audio as audio, too.
        cached = extras.get(f"cache_read_{kind}", 0)
        if cached:
            counts[f"input_{kind}"] = counts.get(f"input_{kind}", 0) + cached
    # Nor does theirs know pages and seconds apart from those of a kind.
    for part, whole in _WHOLE.items():
        counts[whole] += counts[part]
    usages = import_module("genai_prices").Usage
    return usages(**{_their_key(item): count for item, count in counts.items() if item in _KEYS})


def _draw(
    blank: Case, priced: set[str], periods: list[Period], draws: random.Random
) -> Iterator[Case]:
    """Random cases of the model and context of `blank`, without end."""
    edges = sorted({edge for p in periods for edge in (p.from_ns, p.to_ns)})
    edges = [edge for edge in edges if instant_ns(SINCE) < edge < instant_ns(UNTIL)]
    lengths = {card.input_from for p in periods for card in p.cards}
    lengths |= {card.input_to for p in periods for card in p.cards if card.input_to < END_COUNT}
    marks = sorted(lengths - {0})
    span_us = (UNTIL - SINCE) // timedelta(microseconds=1)
    while True:
        at_ns = instant_ns(SINCE + timedelta(microseconds=draws.randrange(span_us)))
        if edges and draws.random() < 0.3:
            at_ns = draws.choice(edges) + draws.choice((-1000, 0, 1000))
        incoming = int(10 ** draws.uniform(0, 6.3)) if draws.random() < 0.95 else 0
        if marks and draws.random() < 0.4:
            incoming = draws.choice(marks) + draws.choice((-1, 0, 1))
        yield blank._replace(at_ns=at_ns, usage=_usage(incoming, priced, draws))


def _priced_items(model: Any) -> set[str]:
    """Our names of everything that the model prices at some time."""
    prices = model.prices if isinstance(model.prices, list) else [model]
    sets = [entry.prices for entry in [*prices, *(model.price_variants or ())]]
    keys = {key for found in sets for key in _keys_of(found)}
    return {item for item, key in _KEYS.items() if key in keys}


def _usage(incoming: int, priced: set[str], draws: random.Random) -> Usage:
    """A usage of all kinds of things, mostly of those that have a price."""
    read = draws.randrange(incoming + 1) if draws.random() < 0.5 else 0
    written = draws.randrange(incoming - read + 1) if draws.random() < 0.3 else 0
    outgoing = int(10 ** draws.uniform(0, 5)) if draws.random() < 0.95 else 0
    reasoning = draws.randrange(outgoing + 1) if draws.random() < 0.3 else 0
    left = {
        "input": incoming - read - written,
        "cache_read": read,
        "cache_write": written,
        "output": outgoing - reasoning,
    }
    extras = {}
    for item in sorted(({*PARENTS, *ALONE} - set(ITEMS)) & _KEYS.keys()):
        likely = 0.4 if item in priced else 0.02
        if draws.random() >= likely:
            continue
        if item in ALONE:
            extras[item] = draws.randrange(1, draws.choice((20, 5000)))
        elif PARENTS[item] in left:
            extras[item] = draws.randrange(left[PARENTS[item]] + 1)
            left[PARENTS[item]] -= extras[item]
    found = tuple(sorted((item, count) for item, count in extras.items() if count))
    usage = Usage(incoming, outgoing, read, written, reasoning, extras=found)
    usage.check()
    return usage


def main() -> int:
    """Compare, and tell what was found."""
    parser = argparse.ArgumentParser(description="Compare our prices with those of genai-prices.")
    parser.add_argument("--usages", type=int, default=USAGES)
    parser.add_argument("--vendor", help="id of one vendor of theirs")
    options = parser.parse_args()
    only = options.vendor and (lambda name: name == options.vendor)
    found = run(options.usages, only=only)
    told = sys.stdout.write
    told(f"{found.compared:,} usages of {found.models:,} models by {found.rates:,} rates\n")
    told(f"equal, but we say that something has no price: {found.unpriced:,}\n")
    for name, (why, _) in EXPLAINED.items():
        told(f"{name}: {found.explained[name]:,}: {why}\n")
    told(f"unexplained: {len(found.unexplained):,}\n")
    for line in found.unexplained[:_TOLD_MAX]:
        told(f"  {line}\n")
    return 1 if found.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
