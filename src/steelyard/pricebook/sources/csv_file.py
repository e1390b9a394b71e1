"""The price list of our own: the CSV that comes with steelyard and that users keep themselves.

One line is one price of one item in force between two days. ``docs/howto/import-a-price-list.md``
describes the columns. Anything wrong is a finding with its line, and nothing is taken over then.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from steelyard.domain.conditions import Condition
from steelyard.domain.listings import OFFICIAL, RESELLER, ListedRate, Listing, Parsed
from steelyard.domain.rates import COUNTED, UNIT_COUNTS, UNITS, Rate
from steelyard.pricebook.phrases import merge
from steelyard.pricebook.sources.base import (
    Findings,
    NumberError,
    Reading,
    Source,
    decode_text,
    read_amount,
)
from steelyard.pricebook.sources.currencies import CURRENCIES, advise_currency
from steelyard.pricebook.sources.dating import basis_of, read_instant, seen_at
from steelyard.pricebook.sources.intervals import check_intervals
from steelyard.pricebook.sources.rows import read_rows

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

_ITEMS = {
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

_UNIT_NAMES = {
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


class _BadCell(ValueError):
    """A cell that says nothing we know."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _Cells(NamedTuple):
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


def parse(data: bytes, reading: Reading) -> Parsed:
    """The rates of a price list in our own columns.

    Unstored rates are called by origin and line, such as ``own:2``.
    """
    findings = Findings()
    text, about = decode_text(data)
    for finding in about:
        findings.add(*finding[:3], is_error=finding.is_error)
    del data
    rates = list(_read_rates(text, reading, findings))
    if not rates and not findings.has_errors:
        findings.add("empty", "the list holds no price; nothing would be taken over")
    check_intervals(rates, findings)
    return Parsed(tuple(rates), findings.all())


SOURCE = Source("own", "Price list of our own columns (CSV)", parse)


def _read_rates(text: str, reading: Reading, findings: Findings) -> Iterator[ListedRate]:
    rows = read_rows(text, ",", findings)
    line, header = next(rows, (1, []))
    order = _read_header(header, line, findings)
    if order is None:
        return
    reader = _RowReader(reading, findings)
    for line, row in rows:
        if len(row) != len(header):
            message = f"has {len(row)} fields, not the header's {len(header)}"
            hint = "; a text that holds a comma stands in double quotes"
            findings.add("row_fields", message + hint, line)
            continue
        listed = reader.read(_Cells(*[row[i] if i >= 0 else "" for i in order]), line)
        if listed is not None:
            yield listed


def _read_header(header: list[str], line: int, findings: Findings) -> list[int] | None:
    """Where each known column stands, -1 for an optional one that does not; None with findings."""
    known = (*COLUMNS, *OPTIONAL)
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        message = "the columns are not separated by commas; save as CSV, or import it as a sheet"
        findings.add("columns_missing", message, line)
        return None
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        message = f"columns missing: {', '.join(missing)}; a list has {', '.join(COLUMNS)}"
        findings.add("columns_missing", message, line)
    for name in header:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"is it {near[0]}?" if near else f"known: {', '.join(known)}"
            findings.add("column_unknown", f"unknown column {name[:40]!r}; {hint}", line)
        elif header.count(name) > 1:
            findings.add("column_twice", f"the column {name} stands there twice", line)
    if findings.has_errors:
        return None
    return [header.index(name) if name in header else -1 for name in known]


class _RowReader:
    """Reads rows; what repeats from row to row is read once and shared, a million rows long."""

    def __init__(self, reading: Reading, findings: Findings) -> None:
        self._origin = reading.origin
        self._phrases = reading.phrases
        self._findings = findings
        self._listings: dict[Listing, Listing] = {}
        self._texts: dict[str, str] = {}
        self._amount = lru_cache(maxsize=65536)(read_amount)
        self._condition = lru_cache(maxsize=65536)(self._read_condition)

    def read(self, cells: _Cells, line: int) -> ListedRate | None:
        """The rate of a row, or None once its findings are added."""
        try:
            listing = self._read_listing(cells)
            item, tier = _read_item(cells.item)
            unit = _read_unit(cells.unit, item)
            condition = self._condition(cells.condition, tier, cells.model)
            amount = self._amount(cells.price)
            begin, end = self._read_days(cells)
            tax, is_correction = _read_tax(cells.tax), _read_yes(cells.correction)
            read_at = self._read_seen(cells)
        except (_BadCell, NumberError) as error:
            message = f"{error} [{cells.vendor} {cells.model} {cells.item}]"
            self._findings.add(error.kind, message, line)
            return None
        if self._findings.has_errors:
            return None  # nothing will be taken over, so nothing more need be kept
        source, note = self._shared(cells.source), self._shared(cells.note)
        rate = Rate(
            f"{self._origin}:{line}",
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

    def _read_listing(self, cells: _Cells) -> Listing:
        listing = Listing(cells.vendor, cells.channel, cells.model, cells.currency)
        found = self._listings.get(listing)
        if found is not None:
            return found
        for name in ("vendor", "model"):
            if not getattr(listing, name):
                raise _BadCell(f"{name}_missing", f"the {name} is empty")
        if cells.channel not in (OFFICIAL, RESELLER):
            message = f"the channel is {OFFICIAL} or {RESELLER}, not {cells.channel[:20]!r}"
            raise _BadCell("channel_unknown", message)
        if cells.currency not in CURRENCIES:
            raise _BadCell("currency_unknown", advise_currency(cells.currency))
        return self._listings.setdefault(listing, listing)

    def _read_condition(self, phrase: str, tier: str, model: str) -> Condition:
        try:
            condition = self._phrases.look_up(phrase, model)
            if condition is not None and tier:
                condition = merge(condition, Condition(tier=tier))
        except ValueError as error:
            raise _BadCell("phrase_contradicts", f"condition {phrase!r}: {error}") from error
        if condition is None:
            message = f"unknown condition {phrase[:80]!r}; add it to the table of phrases"
            raise _BadCell("phrase_unknown", message)
        return condition

    def _read_days(self, cells: _Cells) -> tuple[datetime, datetime | None]:
        if not cells.effective_from:
            raise _BadCell("date_missing", "effective_from is empty: since when does it hold?")
        zone = self._phrases.zone_of(cells.vendor)
        try:
            begin = read_instant(cells.effective_from, zone)
            end = read_instant(cells.effective_to, zone) if cells.effective_to else None
        except ValueError as error:
            raise _BadCell("date_bad", str(error)) from error
        if end is not None and end <= begin:
            days = f"from {cells.effective_from} to {cells.effective_to}"
            message = f"{days}: effective_to is the first day on which it no longer holds"
            raise _BadCell("dates_reversed", message)
        return begin, end

    def _read_seen(self, cells: _Cells) -> datetime | None:
        if not cells.read_at:
            return seen_at(cells.source, cells.note)
        try:
            return read_instant(cells.read_at, self._phrases.zone_of(""))
        except ValueError as error:
            raise _BadCell("date_bad", f"read_at: {error}") from error

    def _shared(self, text: str) -> str:
        """One copy of texts that repeat; of those beyond the first 65,536 each keeps its own."""
        if len(self._texts) < 65536:
            return self._texts.setdefault(text, text)
        return self._texts.get(text, text)


def _read_item(name: str) -> tuple[str, str]:
    found = _ITEMS.get(name)
    if found is None:
        near = difflib.get_close_matches(name, _ITEMS, 1)
        hint = f"is it {near[0]}?" if near else f"known: {', '.join(_ITEMS)}"
        raise _BadCell("item_unknown", f"unknown item {name[:40]!r}; {hint}")
    return found


def _read_unit(name: str, item: str) -> str:
    unit = _UNIT_NAMES.get(name)
    if unit is None:
        raise _BadCell("unit_unknown", _advise_unit(name))
    if UNIT_COUNTS[unit] != COUNTED[item]:
        message = f"{item} is priced per {COUNTED[item]}, not {name}"
        raise _BadCell("unit_mismatch", message)
    return unit


def _advise_unit(name: str) -> str:
    if name.lower() in _PER_TOKEN:
        return f"prices {name} are too small to read; multiply by 1,000,000 for per_1m_tokens"
    if _SMALL_MONEY.search(name):
        return f"unit {name!r} counts small money; divide cents and fen by 100, li by 1,000"
    near = difflib.get_close_matches(name.lower(), _UNIT_NAMES, 1)
    hint = f"is it {near[0]}?" if near else f"known: {', '.join(_UNIT_NAMES)}"
    return f"unknown unit {name[:40]!r}; {hint}"


def _read_tax(text: str) -> str:
    if percent := _TAX_PERCENT.fullmatch(text):
        digits = f"{percent[1].zfill(2)}{percent[2] or ''}"
        return f"0.{digits}".rstrip("0").rstrip(".")
    if not _TAX.fullmatch(text):
        message = f"tax is its rate inside the price, such as 0.06 or 6%, not {text[:20]!r}"
        raise _BadCell("tax_bad", message)
    return text


def _read_yes(text: str) -> bool:
    found = _YES.get(text.lower())
    if found is None:
        raise _BadCell("correction_bad", f"correction is yes or no, not {text[:20]!r}")
    return found
