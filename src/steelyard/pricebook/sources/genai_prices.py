"""Prices of the package genai-prices (Pydantic Services Inc., MIT), in its published JSON form.

A list of vendors, each with models; a model's ``prices`` are one set of prices, or several of which
the last whose constraint is met holds, and the first where none is. A constraint is a first day or
daily hours, both in UTC. ``price_variants`` override single prices for batches, service tiers and
the like. Prices may be tiered by all input tokens of the request; the whole request is priced at
the tier whose start it exceeds. What this parser makes of it prices every call equally.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from steelyard.domain.conditions import DAY_MINUTES, STANDARD, Clock
from steelyard.domain.listings import OFFICIAL, RESELLER, UNKNOWN_START, Listing, Parsed
from steelyard.pricebook.sources.base import (
    Findings,
    Reading,
    Source,
    read_json,
    read_json_amount,
)
from steelyard.pricebook.sources.ranges import Span, Spans
from steelyard.pricebook.sources.steps import Hours, Steps, flat, lay_out

CURRENCY = "USD"

ITEMS = {
    "input_mtok": ("input", "mtok"),
    "output_mtok": ("output", "mtok"),
    "cache_read_mtok": ("cache_read", "mtok"),
    "cache_write_mtok": ("cache_write", "mtok"),
    "cache_write_1h_mtok": ("cache_write_1h", "mtok"),
    "input_audio_mtok": ("input_audio", "mtok"),
    "cache_audio_read_mtok": ("cache_read_audio", "mtok"),
    "output_audio_mtok": ("output_audio", "mtok"),
    "input_image_mtok": ("input_image", "mtok"),
    "cache_image_read_mtok": ("cache_read_image", "mtok"),
    "output_image_mtok": ("output_image", "mtok"),
    "input_video_mtok": ("input_video", "mtok"),
    "output_video_mtok": ("output_video", "mtok"),
    "output_reasoning_mtok": ("reasoning", "mtok"),
    "output_citation_mtok": ("citation", "mtok"),
    "requests_kcount": ("request", "kcount"),
    "web_searches_kcount": ("search", "kcount"),
    "storage_searches_kcount": ("storage_search", "kcount"),
    "audio_hours": ("audio", "hour"),
    "input_audio_hours": ("input_audio_time", "hour"),
    "input_mchars": ("input_character", "mchar"),
    "input_text_messages_kcount": ("message", "kcount"),
    "input_document_kpages": ("page", "kpage"),
    "input_annotated_document_kpages": ("annotated_page", "kpage"),
}
"""Their price key -> our item and unit."""

VENDORS = {
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "deepseek": "DeepSeek",
    "moonshotai": "Moonshot",
    "zhipuai": "Zhipu",
    "zai": "Zhipu",
    "minimax": "MiniMax",
}
"""Their id -> the vendor as our own list calls it; others keep the name they have there."""

MAKERS = frozenset(
    """
    anthropic arcee cohere cursor deepseek elevenlabs google meta minimax mistral moonshotai openai
    openai-decisions perplexity typesafe voyageai x-ai zai zhipuai
    """.split()
)
"""Ids that sell models of their own; all others host those of others."""

_MODEL_ENDINGS = {"zai": " (Z.AI international)"}
"""Two lists of one vendor in one currency: the second's models are named as in our own list."""

_TIER_KEYS = frozenset(("processing", "service_tier", "speed"))
_ORDINARY = frozenset(("default", "standard", "auto"))


class _Entry(NamedTuple):
    """A set of prices and when it holds."""

    prices: Mapping[str, Steps]
    begins: datetime | None = None
    """First instant (UTC) of its constraint, if that is a day."""
    window: tuple[int, int] | None = None
    """Minutes after midnight UTC, if its constraint is hours; goes past midnight if it ends below
    its begin."""

    def holds(self, instant: datetime, minute: int) -> bool:
        """Whether its constraint is met on the day of ``instant`` (UTC), at the minute."""
        if self.begins is not None:
            return instant >= self.begins
        if self.window is None:
            return True
        begin, end = self.window
        if end < begin:
            return minute >= begin or minute < end
        return begin <= minute < end


class _Model(NamedTuple):
    """What a model's entry says."""

    entries: tuple[_Entry, ...]
    variants: tuple[tuple[Mapping[str, str], _Entry], ...]
    """(what a request must say, prices that hold instead)."""

    def days(self) -> list[datetime]:
        """The instants (UTC) at which another day's prices may begin."""
        entries = [*self.entries, *(entry for _, entry in self.variants)]
        return sorted({entry.begins for entry in entries if entry.begins is not None})

    def minutes(self) -> list[int]:
        """The minutes (UTC) at which other hours' prices may begin, and the ends of the day."""
        entries = [*self.entries, *(entry for _, entry in self.variants)]
        edges = {edge for entry in entries for edge in entry.window or ()}
        return sorted({0, DAY_MINUTES, *edges})

    def prices(
        self, instant: datetime, minute: int, context: Mapping[str, str]
    ) -> dict[str, Steps]:
        """Price key -> prices: the rule of ``ModelInfo.get_prices`` of the package."""
        held = (entry for entry in reversed(self.entries) if entry.holds(instant, minute))
        found = dict(next(held, self.entries[0]).prices)
        overrides: dict[str, Steps] = {}
        for when, entry in self.variants:
            if when.items() <= context.items() and entry.holds(instant, minute):
                for key, steps in entry.prices.items():
                    overrides.setdefault(key, steps)
        return {**found, **overrides}


def parse(data: bytes, reading: Reading) -> Parsed:
    """The rates of the JSON, all in USD as there.

    A model whose start is not known holds from 2020 on.
    """
    findings = Findings()
    document = read_json(data, findings)
    if isinstance(document, list):
        document = {"providers": document}
    if not isinstance(document, dict) or not isinstance(document.get("providers"), list):
        findings.add("layout", "no list of genai-prices: vendors with models are expected")
        return findings.parsed(())
    version = str(document.get("version", "")).strip()
    spans = Spans(reading.origin, _read_day(document.get("checked")))
    for vendor in document["providers"]:
        _read_vendor(vendor, f"genai-prices {version}".strip(), spans, findings)
    return findings.parsed(spans.rates())


SOURCE = Source("genai-prices", "Prices of the package genai-prices (JSON)", parse)


def listing_of(vendor_id: str, vendor_name: str, model_id: str) -> Listing:
    """Where the book keeps a model of theirs."""
    vendor = VENDORS.get(vendor_id, vendor_name)
    channel = OFFICIAL if vendor_id in MAKERS else RESELLER
    return Listing(vendor, channel, model_id + _MODEL_ENDINGS.get(vendor_id, ""), CURRENCY)


def tier_of(context: Mapping[str, str]) -> str:
    """Our service tier for what a request says in theirs; empty for an ordinary one."""
    named = [value for key, value in context.items() if key in _TIER_KEYS]
    others = [f"{key}={value}" for key, value in context.items() if key not in _TIER_KEYS]
    return "+".join([*(value for value in named if value not in _ORDINARY), *others])


def _read_vendor(vendor: Any, source: str, spans: Spans, findings: Findings) -> None:
    if not isinstance(vendor, dict) or not isinstance(vendor.get("models"), list):
        findings.add("layout", "a vendor without a list of models")
        return
    vendor_id, name = str(vendor.get("id", "")), str(vendor.get("name") or vendor.get("id", ""))
    pages = vendor.get("pricing_urls")
    evidence = f"{source}, {pages[0]}" if isinstance(pages, list) and pages else source
    for model in vendor["models"]:
        if not isinstance(model, dict) or not model.get("id"):
            findings.add("layout", f"{vendor_id}: a model without id")
            continue
        where = f"{vendor_id}/{model['id']}"
        listing = listing_of(vendor_id, name, str(model["id"]))
        try:
            read = _read_model(model, where, findings)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            findings.add(getattr(error, "kind", "layout"), f"{where}: {error}")
            continue
        if not read.entries:
            findings.add("unpriced", f"{where} has no prices", is_error=False)
            continue
        note = str(model.get("price_comments") or "")
        for span in _spans(read, listing, evidence, note):
            spans.add(span)


def _read_model(model: Mapping[str, Any], where: str, findings: Findings) -> _Model:
    prices = model.get("prices")
    alternatives = [{"prices": prices}] if isinstance(prices, dict) else list(prices or ())
    entries = [_read_entry(entry, where, findings) for entry in alternatives]
    variants = []
    for variant in model.get("price_variants") or ():
        entry = _read_entry(variant, where, findings)
        if entry is not None and entry.prices:
            variants.append((dict(variant["when"]), entry))
    return _Model(tuple(entry for entry in entries if entry is not None), tuple(variants))


def _read_entry(plain: Mapping[str, Any], where: str, findings: Findings) -> _Entry | None:
    """None, with a finding, for a constraint of a kind that we do not know."""
    prices = _read_prices(plain["prices"], where, findings)
    constraint = plain.get("constraint")
    if not constraint:
        return _Entry(prices)
    if "start_date" in constraint:
        return _Entry(prices, begins=_read_day(constraint["start_date"]))
    if "start_time" in constraint and "end_time" in constraint:
        begin, end = (_read_minute(constraint[key]) for key in ("start_time", "end_time"))
        return _Entry(prices, window=(begin, end))
    message = f"{where}: a constraint of {', '.join(map(str, constraint))} is not known; left out"
    findings.add("constraint_unknown", message, is_error=False)
    return None


def _read_prices(plain: Mapping[str, Any], where: str, findings: Findings) -> dict[str, Steps]:
    found = {}
    for key, value in plain.items():
        if value is None:
            continue
        if key not in ITEMS:
            message = f"{where}: the price {key} is not known; left out"
            findings.add("item_unknown", message, is_error=False)
        elif isinstance(value, dict):
            steps = {0: read_json_amount(value["base"])}
            for tier in sorted(value["tiers"], key=lambda tier: int(tier["start"])):
                steps[int(tier["start"]) + 1] = read_json_amount(tier["price"])
            found[key] = tuple(steps.items())
        else:
            found[key] = flat(read_json_amount(value))
    return found


def _read_day(text: object) -> datetime | None:
    if text is None:
        return None
    return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)


def _read_minute(text: object) -> int:
    """Minutes after midnight UTC of a time of day, which is UTC where it has no offset."""
    found = time.fromisoformat(str(text).replace("Z", "+00:00"))
    if found.second or found.microsecond:
        raise ValueError(f"{text}: hours are given in minutes")
    offset = found.utcoffset() or timedelta()
    return (found.hour * 60 + found.minute - offset // timedelta(minutes=1)) % DAY_MINUTES


def _contexts(model: _Model) -> dict[str, Mapping[str, str]]:
    """Tier -> what requests of it say."""
    found: dict[str, Mapping[str, str]] = {STANDARD: {}}
    for when, _ in model.variants:
        found.setdefault(tier_of(when), when)
    return found


def _spans(model: _Model, listing: Listing, source: str, note: str) -> Iterator[Span]:
    begins = [UNKNOWN_START, *(day for day in model.days() if day > UNKNOWN_START)]
    contexts = _contexts(model)
    for begin, end in zip(begins, [*begins[1:], None], strict=True):
        basis = "observed" if begin == UNKNOWN_START else "unverified"
        for key, hours in _hours(model, begin, contexts).items():
            item, unit = ITEMS[key]
            for condition, amount in lay_out(hours):
                yield Span(listing, item, unit, condition, amount, begin, end, basis, source, note)


def _hours(
    model: _Model, begin: datetime, contexts: Mapping[str, Mapping[str, str]]
) -> dict[str, list[Hours]]:
    """Price key -> its prices by hours, on the days that begin at ``begin``."""
    parts = list(pairwise(model.minutes()))
    tables = [
        {tier: model.prices(begin, part[0], when) for tier, when in contexts.items()}
        for part in parts
    ]
    keys = {key: None for table in tables for prices in table.values() for key in prices}
    return {key: _hours_of(key, parts, tables) for key in keys}


def _hours_of(
    key: str, parts: list[tuple[int, int]], tables: list[dict[str, dict[str, Steps]]]
) -> list[Hours]:
    """Hours with equal prices of a key, together; those that are most of the day need no clock."""
    groups: dict[tuple[tuple[str, Steps], ...], list[tuple[int, int]]] = {}
    for part, table in zip(parts, tables, strict=True):
        by_tier = {tier: prices[key] for tier, prices in table.items() if key in prices}
        groups.setdefault(tuple(by_tier.items()), []).append(part)
    is_whole = () not in groups
    groups.pop((), None)
    longest = max(groups, key=lambda steps: sum(end - begin for begin, end in groups[steps]))
    return [
        Hours(None if is_whole and steps == longest else _clock(windows), dict(steps))
        for steps, windows in groups.items()
    ]


def _clock(parts: list[tuple[int, int]]) -> Clock:
    """The hours of these parts of a day, adjoining ones joined, past midnight too."""
    windows: list[tuple[int, int]] = []
    for begin, end in parts:
        if windows and windows[-1][1] == begin:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((begin, end))
    if len(windows) > 1 and windows[0][0] == 0 and windows[-1][1] == DAY_MINUTES:
        windows = [*windows[1:-1], (windows[-1][0], windows[0][1])]
    return Clock("UTC", tuple((begin, end % DAY_MINUTES) for begin, end in windows))
