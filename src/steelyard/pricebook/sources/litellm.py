"""LiteLLM's ``model_prices_and_context_window.json`` (BerriAI, MIT).

One object per model, whose keys say item, length, service tier and unit in one word, such as
``input_cost_per_token_above_200k_tokens_batches``. Its numbers are JSON floats of USD per single
token; they are read as the decimal digits that stand there. The file is not dated: its prices hold
from the day on which it is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

from steelyard.domain.conditions import STANDARD
from steelyard.domain.listings import OFFICIAL, RESELLER, Listing, Parsed
from steelyard.domain.rates import COUNTED, UNITS
from steelyard.pricebook.sources.base import (
    Findings,
    NumberError,
    Reading,
    Source,
    read_json,
    read_json_amount,
)
from steelyard.pricebook.sources.ranges import Span, Spans
from steelyard.pricebook.sources.steps import Hours, Steps, lay_out

CURRENCY = "USD"
ADDRESS = "litellm: model_prices_and_context_window.json"

_ITEMS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "input_cost_per_token_cache_hit": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_reasoning_token": "reasoning",
    "citation_cost_per_token": "citation",
    "input_cost_per_audio_token": "input_audio",
    "output_cost_per_audio_token": "output_audio",
    "cache_read_input_audio_token_cost": "cache_read_audio",
    "input_cost_per_image_token": "input_image",
    "output_cost_per_image_token": "output_image",
    "cache_read_input_image_token_cost": "cache_read_image",
    "input_cost_per_video_token": "input_video",
    "output_cost_per_video_token": "output_video",
    "output_cost_per_image": "image",
    "output_cost_per_video_per_second": "video",
    "input_cost_per_character": "input_character",
    "input_cost_per_text_message": "message",
    "input_cost_per_request": "request",
    "ocr_cost_per_page": "page",
    "annotation_cost_per_page": "annotated_page",
}
_BY_MODE = {
    ("input_cost_per_second", "audio_transcription"): "input_audio_time",
    ("input_cost_per_second", "realtime"): "input_audio_time",
    ("output_cost_per_second", "audio_speech"): "audio",
    ("output_cost_per_second", "video_generation"): "video",
    ("input_cost_per_image", "image_generation"): "image",
    ("input_cost_per_query", "search"): "search",
    ("input_cost_per_query", "rerank"): "request",
}
"""Keys that mean one thing for one kind of model and another for another."""

_UNITS = {
    "token": "mtok",
    "character": "mchar",
    "request": "kcount",
    "page": "kpage",
    "second": "second",
    "image": "image",
}
"""What is counted -> the unit in which the book keeps a price of a single one of it."""

_TIERS = {"batches": "batch", "priority": "priority", "flex": "flex"}
_TIERS |= {name: name for name in ("ultrafast", "balanced", "decisions")}
_KEY = re.compile(
    r"(?P<base>.+?)(?:_above_(?P<k>\d{1,6})k_tokens)?"
    rf"(?:_(?P<tier>{'|'.join(_TIERS)}))?"
)
_VARIANT = re.compile(r"(output_cost_per_(?:image|second))_(\d[\w.]*)")
_IS_PRICE = re.compile(r"cost|price|pricing")

VENDORS = {
    "openai": "OpenAI",
    "text-completion-openai": "OpenAI",
    "anthropic": "Anthropic",
    "deepseek": "DeepSeek",
    "moonshot": "Moonshot",
    "zai": "Zhipu",
    "minimax": "MiniMax",
    "volcengine": "ByteDance",
    "dashscope": "Alibaba",
    "tencent": "Tencent",
    "gemini": "Google",
    "mistral": "Mistral",
    "xai": "X AI",
    "cohere": "Cohere",
    "cohere_chat": "Cohere",
    "voyage": "Voyage AI",
    "perplexity": "Perplexity",
}
"""Makers that sell models of their own -> vendor; all others host those of others."""

_MODEL_ENDINGS = {"zai": " (Z.AI international)"}


class _Price(NamedTuple):
    """What one key says."""

    item: str
    variant: str
    tier: str
    begin: int
    """Fewest input tokens of the request."""
    amount: Fraction
    """USD for a single one of what the item counts."""


def parse(data: bytes, reading: Reading) -> Parsed:
    """The rates of the JSON, in USD, from ``reading.today`` on."""
    findings = Findings()
    document = read_json(data, findings)
    if not isinstance(document, dict):
        if not findings.has_errors:
            findings.add("layout", "no list of LiteLLM: an object with a key per model is expected")
        return findings.parsed(())
    spans = Spans(reading.origin, None)
    unknown: Counter[str] = Counter()
    listings: dict[Listing, str] = {}
    for name in sorted(document, key=lambda name: ("/" in name, name)):
        entry = document[name]
        if name == "sample_spec":
            continue
        if not isinstance(entry, dict):
            findings.add("layout", f"{name}: an object is expected")
            continue
        listing = listing_of(str(entry.get("litellm_provider") or ""), name)
        first = listings.setdefault(listing, name)
        if first != name:
            message = f"{name} is {first} under another name; the first is taken"
            findings.add("model_twice", message, is_error=False)
            continue
        try:
            prices = list(_read_prices(entry, unknown))
        except NumberError as error:
            findings.add(error.kind, f"{name}: {error}")
            continue
        for span in _spans(prices, listing, entry, reading):
            spans.add(span)
    for key, count in sorted(unknown.items()):
        shown = key.encode("unicode_escape").decode("ascii")
        message = f"the price {shown} of {count} models is not known; left out"
        findings.add("item_unknown", message, is_error=False)
    return findings.parsed(spans.rates())


SOURCE = Source("litellm", "LiteLLM's table of model prices (JSON)", parse)


def listing_of(seller: str, name: str) -> Listing:
    """Where the book keeps a model of theirs, of the seller that its entry names."""
    model = name.removeprefix(f"{seller}/") + _MODEL_ENDINGS.get(seller, "")
    vendor = VENDORS.get(seller)
    if vendor is None:
        return Listing(seller or "unknown", RESELLER, model, CURRENCY)
    return Listing(vendor, OFFICIAL, model, CURRENCY)


def _read_prices(entry: Mapping[str, Any], unknown: Counter[str]) -> Iterator[_Price]:
    mode = str(entry.get("mode") or "")
    for key, value in entry.items():
        if key == "search_context_cost_per_query" and isinstance(value, dict):
            yield from _read_searches(value)
        elif key == "tiered_pricing" and isinstance(value, list):
            for part in value:
                yield from _read_tier(part, mode, unknown)
        elif _IS_PRICE.search(key) and value is not None:
            meaning = _read_key(key, mode)
            if meaning is None:
                unknown[key] += 1
            else:
                yield _Price(*meaning, read_json_amount(value))


def _read_key(key: str, mode: str) -> tuple[str, str, str, int] | None:
    """Item, variant, tier and fewest input tokens that a key means; None if it is not known."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    base, variant = match["base"], ""
    if sized := _VARIANT.fullmatch(base):
        base, variant = sized.groups()
    item = _ITEMS.get(base) or _BY_MODE.get((base, mode))
    if item is None:
        return None
    begin = int(match["k"]) * 1000 + 1 if match["k"] else 0
    return item, variant, _TIERS.get(match["tier"] or "", STANDARD), begin


def _read_tier(part: Any, mode: str, unknown: Counter[str]) -> Iterator[_Price]:
    """A tier by input length: its range begins above the end of the one before."""
    bounds = part.get("range") if isinstance(part, dict) else None
    if not isinstance(bounds, list) or not bounds:
        unknown["tiered_pricing"] += 1
        return
    begin = int(read_json_amount(bounds[0]))
    for key, value in part.items():
        if not _IS_PRICE.search(key):
            continue
        meaning = _read_key(key, mode)
        if meaning is None or meaning[3]:
            unknown[key] += 1
        else:
            item, variant, tier, _ = meaning
            yield _Price(item, variant, tier, begin + 1 if begin else 0, read_json_amount(value))


def _read_searches(sizes: Mapping[str, Any]) -> Iterator[_Price]:
    """A search by how much it reads; medium where the call does not say, as there."""
    amounts = {
        size.removeprefix("search_context_size_"): read_json_amount(value)
        for size, value in sizes.items()
        if value is not None
    }
    usual = amounts.get("medium")
    if usual is not None:
        yield _Price("search", "", STANDARD, 0, usual)
    for size, amount in amounts.items():
        if amount != usual:
            yield _Price("search", size, STANDARD, 0, amount)


def _spans(
    prices: list[_Price], listing: Listing, entry: Mapping[str, Any], reading: Reading
) -> Iterator[Span]:
    where = f"{ADDRESS}, {entry['source']}" if entry.get("source") else ADDRESS
    tables: dict[tuple[str, str], dict[str, dict[int, Fraction]]] = {}
    for price in prices:
        table = tables.setdefault((price.item, price.variant), {})
        table.setdefault(price.tier, {}).setdefault(price.begin, price.amount)
    for (item, variant), table in tables.items():
        unit = _UNITS[COUNTED[item]]
        for condition, amount in lay_out([Hours(None, _tiers(table))]):
            sized = replace(condition, variant=variant) if variant else condition
            worth = amount * UNITS[unit]
            begin = reading.today
            yield Span(listing, item, unit, sized, worth, begin, None, "observed", where, "")


def _tiers(table: Mapping[str, Mapping[int, Fraction]]) -> dict[str, Steps]:
    """Prices by tier; what a tier does not say of short requests the standard one says.

    A price of long requests alone is left out: what shorter ones cost would be a guess.
    """
    found: dict[str, Steps] = {}
    usual = table.get(STANDARD, {}).get(0)
    for tier, amounts in table.items():
        begin = amounts.get(0, usual)
        if begin is not None:
            found[tier] = tuple(sorted({**amounts, 0: begin}.items()))
    return found
