"""The columns of a price list in our own words, and what a row of them says.

``csv_file`` reads files that have these columns; ``sheet`` brings foreign sheets into them. Both
get the same checks and the same messages.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from functools import lru_cache, partial
from typing import NamedTuple

from steelyard.domain.conditions import Condition
from steelyard.domain.listings import OFFICIAL, RESELLER, ListedRate, Listing
from steelyard.domain.rates import COUNTED, UNIT_COUNTS, UNITS, Rate
from steelyard.pricebook.phrases import merge
from steelyard.pricebook.sources.base import Findings, NumberError, Reading, read_amount
from steelyard.pricebook.sources.currencies import CURRENCIES, advise_currency
from steelyard.pricebook.sources.dating import basis_of, read_instant, seen_at

COLUMNS = (
    "vendor",
    "channel",
    "model",
    "currency",
    "unit",
    "item",
    "condition",
    "price",
    "effective_from",
    "effective_to",
    "source",
    "note",
)
OPTIONAL = ("tax", "read_at", "correction")

SHARED_MAX = 65_536
"""Texts, amounts and conditions of a list that are read once and shared by its rows."""

ITEM_NAMES = {
    **{item: (item, "") for item in COUNTED},
    "cached_input": ("cache_read", ""),
    "batch_input": ("input", "batch"),
    "batch_output": ("output", "batch"),
    "batch_cached_input": ("cache_read", "batch"),
    "image_input": ("input_image", ""),
    "image_output": ("output_image", ""),
    "gpu_hour": ("gpu", ""),
}
"""Name in the file -> our item and the service tier that the name means."""

UNIT_NAMES = {
    **{unit: unit for unit in UNITS if unit != "token"},
    "per_1m_tokens": "mtok",
    "per_1k_tokens": "ktok",
    "per_1m_tokens_hour": "mtok_hour",
    "per_image": "image",
    "per_second": "second",
    "per_minute": "minute",
    "per_hour": "hour",
    "per_gpu_hour": "hour",
    "per_request": "request",
    "per_1k_requests": "kcount",
    "per_character": "character",
    "per_1k_characters": "kchar",
    "per_1m_characters": "mchar",
    "per_page": "page",
    "per_1k_pages": "kpage",
}
_PER_TOKEN = {"token", "tokens", "per_token", "per_1_token"}
_SMALL_MONEY = re.compile(r"cents?|fen|分|li|厘", re.IGNORECASE)
_TAX = re.compile(r"0?(?:\.\d{1,6})?|[01]", re.ASCII)
_TAX_PERCENT = re.compile(r"(\d{1,2})(?:\.(\d{1,4}))?\s*%", re.ASCII)
_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


class BadCell(ValueError):
    """A cell that says nothing we know."""

    def __init__(self, kind: str, message: str | Callable[[], str]) -> None:
        """``message`` may be a function, which is called only if somebody reads it."""
        super().__init__(message)
        self.kind = kind
        """Slug for the finding."""

    def __str__(self) -> str:
        message = self.args[0]
        return str(message() if callable(message) else message)


class Cells(NamedTuple):
    """The cells of a row, in the order of ``COLUMNS`` and ``OPTIONAL``."""

    vendor: str
    channel: str
    model: str
    currency: str
    unit: str
    item: str
    condition: str
    price: str
    effective_from: str
    effective_to: str
    source: str
    note: str
    tax: str = ""
    read_at: str = ""
    correction: str = ""


class RowReader:
    """Reads rows; what repeats from row to row is read once and shared, a million rows long."""

    def __init__(self, reading: Reading, findings: Findings) -> None:
        self._origin = reading.origin
        self._phrases = reading.phrases
        self._findings = findings
        self._listings: dict[Listing, Listing] = {}
        self._texts: dict[str, str] = {}
        self._amount = lru_cache(maxsize=SHARED_MAX)(read_amount)
        self._condition = lru_cache(maxsize=SHARED_MAX)(self._read_condition)

    def read(
        self, cells: Cells, line: int, part: str = "", factor: Fraction | None = None
    ) -> ListedRate | None:
        """The rate of a row, or None once its findings are added.

        ``part`` tells several prices of one row apart in their ids; ``factor`` is what the price is
        multiplied by because the file counts in another unit.
        """
        try:
            listing = self._read_listing(cells)
            item, tier = read_item(cells.item)
            unit = _read_unit(cells.unit, item)
            condition = self._condition(cells.condition, tier, cells.model)
            amount = self._amount(cells.price)
            if factor is not None:
                amount *= factor
            begin, end = self._read_days(cells)
            tax, is_correction = _read_tax(cells.tax), _read_yes(cells.correction)
            read_at = self._read_seen(cells)
        except (BadCell, NumberError) as error:
            what = f"[{cells.vendor} {cells.model} {cells.item}]"
            message = "" if self._findings.is_full else f"{error} {what}"
            self._findings.add(error.kind, message, line)
            return None
        source, note = self._shared(cells.source), self._shared(cells.note)
        rate = Rate(
            f"{self._origin}:{line}{part}",
            item,
            amount,
            listing.currency,
            unit,
            begin,
            end,
            source,
            condition,
        )
        return ListedRate(
            listing,
            rate,
            self._origin,
            line,
            self._shared(cells.condition),
            basis_of(note),
            note,
            read_at,
            tax,
            is_correction,
        )

    def _read_listing(self, cells: Cells) -> Listing:
        listing = Listing(cells.vendor, cells.channel, cells.model, cells.currency)
        found = self._listings.get(listing)
        if found is not None:
            return found
        for name in ("vendor", "model"):
            if not getattr(listing, name):
                raise BadCell(f"{name}_missing", f"the {name} is empty")
        if cells.channel not in (OFFICIAL, RESELLER):
            message = f"the channel is {OFFICIAL} or {RESELLER}, not {cells.channel[:20]!r}"
            raise BadCell("channel_unknown", message)
        if cells.currency not in CURRENCIES:
            raise BadCell("currency_unknown", advise_currency(cells.currency))
        return self._listings.setdefault(listing, listing)

    def _read_condition(self, phrase: str, tier: str, model: str) -> Condition:
        try:
            condition = self._phrases.look_up(phrase, model)
            if condition is not None and tier:
                condition = merge(condition, Condition(tier=tier))
        except ValueError as error:
            raise BadCell("phrase_contradicts", f"condition {phrase!r}: {error}") from error
        if condition is None:
            message = f"unknown condition {phrase[:80]!r}; add it to the table of phrases"
            raise BadCell("phrase_unknown", message)
        return condition

    def _read_days(self, cells: Cells) -> tuple[datetime, datetime | None]:
        if not cells.effective_from:
            raise BadCell("date_missing", "effective_from is empty: since when does it hold?")
        zone = self._phrases.zone_of(cells.vendor)
        try:
            begin = read_instant(cells.effective_from, zone)
            end = read_instant(cells.effective_to, zone) if cells.effective_to else None
        except ValueError as error:
            raise BadCell("date_bad", str(error)) from error
        if end is not None and end <= begin:
            days = f"from {cells.effective_from} to {cells.effective_to}"
            message = f"{days}: effective_to is the first day on which it no longer holds"
            raise BadCell("dates_reversed", message)
        return begin, end

    def _read_seen(self, cells: Cells) -> datetime | None:
        if not cells.read_at:
            return seen_at(cells.source, cells.note)
        try:
            return read_instant(cells.read_at, self._phrases.zone_of(""))
        except ValueError as error:
            raise BadCell("date_bad", f"read_at: {error}") from error

    def _shared(self, text: str) -> str:
        """One copy of texts that repeat; of those beyond ``SHARED_MAX`` each row keeps its own."""
        if len(self._texts) < SHARED_MAX:
            return self._texts.setdefault(text, text)
        return self._texts.get(text, text)


def read_item(name: str) -> tuple[str, str]:
    """Our item and service tier for an item's name in a file.

    Raises:
        BadCell: there is no such item.
    """
    found = ITEM_NAMES.get(name)
    if found is None:
        raise BadCell("item_unknown", partial(_advise_item, name[:40]))
    return found


def _advise_item(name: str) -> str:
    near = difflib.get_close_matches(name, ITEM_NAMES, 1)
    hint = f"is it {near[0]}?" if near else f"known: {', '.join(ITEM_NAMES)}"
    return f"unknown item {name!r}; {hint}"


def _read_unit(name: str, item: str) -> str:
    unit = UNIT_NAMES.get(name)
    if unit is None:
        raise BadCell("unit_unknown", partial(_advise_unit, name[:40]))
    if UNIT_COUNTS[unit] != COUNTED[item]:
        message = f"{item} is priced per {COUNTED[item]}, not {name}"
        raise BadCell("unit_mismatch", message)
    return unit


def _advise_unit(name: str) -> str:
    if name.lower() in _PER_TOKEN:
        return f"prices {name} are too small to read; multiply by 1,000,000 for per_1m_tokens"
    if _SMALL_MONEY.search(name):
        return f"unit {name!r} counts small money; divide cents and fen by 100, li by 1,000"
    near = difflib.get_close_matches(name.lower(), UNIT_NAMES, 1)
    hint = f"is it {near[0]}?" if near else f"known: {', '.join(UNIT_NAMES)}"
    return f"unknown unit {name!r}; {hint}"


def _read_tax(text: str) -> str:
    if percent := _TAX_PERCENT.fullmatch(text):
        digits = f"{percent[1].zfill(2)}{percent[2] or ''}"
        return f"0.{digits}".rstrip("0").rstrip(".")
    if not _TAX.fullmatch(text):
        message = f"tax is its rate inside the price, such as 0.06 or 6%, not {text[:20]!r}"
        raise BadCell("tax_bad", message)
    return text


def _read_yes(text: str) -> bool:
    found = _YES.get(text.lower())
    if found is None:
        raise BadCell("correction_bad", f"correction is yes or no, not {text[:20]!r}")
    return found
