"""Any sheet with a header (CSV, TSV, semicolons), by a mapping that says what its columns are.

The mapping is YAML of the user's own; ``docs/howto/import-a-price-list.md`` describes it. Sheets
have one price a line, or are wide, with a column of prices for each item. Rows become rows of our
own columns and meet the same checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from steelyard.domain.listings import OFFICIAL, ListedRate, Parsed
from steelyard.pricebook.sources.base import Findings, Reading, Source, decode_text
from steelyard.pricebook.sources.columns import COLUMNS, OPTIONAL, UNIT_NAMES, Cells, RowReader
from steelyard.pricebook.sources.currencies import OFTEN_WRITTEN
from steelyard.pricebook.sources.intervals import check_intervals
from steelyard.pricebook.sources.rows import read_rows
from steelyard.pricebook.sources.unit_words import read_unit_words

KEYS = ("columns", "constants", "prices", "items", "units", "words", "delimiter", "header_line")
SKIP = "skip"
"""Instead of a number: this cell is no price."""

_FIELDS = (*COLUMNS, *OPTIONAL)
_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")


class MappingError(ValueError):
    """The mapping says what no mapping can say."""


class _Price(NamedTuple):
    """A column of prices."""

    title: str
    fields: Mapping[str, str]
    """What is so of all its prices, such as item and unit."""


class _Layout(NamedTuple):
    """A checked mapping."""

    columns: Mapping[str, str]
    """Our column -> title of the sheet's."""
    constants: Mapping[str, str]
    prices: tuple[_Price, ...]
    items: Mapping[str, str]
    units: Mapping[str, str]
    words: Mapping[str, str]
    """What stands in place of a number -> the number, or ``skip``."""
    delimiter: str
    header_line: int


def parse(data: bytes, reading: Reading) -> Parsed:
    """The rates of a sheet that ``reading.mapping`` describes.

    A sheet without dates holds from ``reading.today`` on.
    """
    findings = Findings()
    text, about = decode_text(data)
    for finding in about:
        findings.add(*finding[:3], is_error=finding.is_error)
    try:
        layout = read_layout(reading.mapping)
    except MappingError as error:
        findings.add("mapping_bad", f"mapping: {error}")
        return findings.parsed(())
    rates = list(_read_rates(text, layout, reading, findings))
    check_intervals(rates, findings)
    return findings.parsed(rates)


SOURCE = Source("sheet", "Any sheet (CSV, TSV) with a mapping", parse)


def read_layout(mapping: Mapping[str, Any] | None) -> _Layout:
    """The mapping, checked.

    Raises:
        MappingError: it is missing, or says what it may not; names the key.
    """
    if mapping is None:
        raise MappingError("a sheet needs one that says what its columns are")
    unknown = [str(key) for key in mapping if key not in KEYS]
    if unknown:
        raise MappingError(f"unknown key {', '.join(unknown)}; known: {', '.join(KEYS)}")
    columns = _texts(mapping, "columns", _FIELDS)
    constants = _texts(mapping, "constants", _FIELDS)
    prices = mapping.get("prices") or {}
    if not isinstance(prices, Mapping):
        raise MappingError("prices: write the title of each column of prices, and its item")
    wide = tuple(_Price(str(title), _texts(prices, title, _FIELDS)) for title in prices)
    if wide and "price" in columns:
        raise MappingError("prices (a column an item) and columns.price (one price a line)")
    if not wide and "price" not in columns:
        raise MappingError("it names neither columns.price nor prices")
    delimiter, line = mapping.get("delimiter", ""), mapping.get("header_line", 1)
    if not isinstance(delimiter, str) or len(delimiter) > 1:
        raise MappingError("delimiter: one character, such as a tab")
    if not isinstance(line, int) or line < 1:
        raise MappingError("header_line: the line of the titles, from 1")
    return _Layout(
        columns,
        {"channel": OFFICIAL, **constants},
        wide,
        _texts(mapping, "items"),
        _texts(mapping, "units"),
        _texts(mapping, "words"),
        delimiter,
        line,
    )


def _texts(
    mapping: Mapping[str, Any], key: str, allowed: tuple[str, ...] | None = None
) -> dict[str, str]:
    found = mapping.get(key) or {}
    if not isinstance(found, Mapping):
        raise MappingError(f"{key}: names and their values are expected")
    for name, value in found.items():
        if allowed is not None and name not in allowed:
            raise MappingError(f"{key}: unknown column {name}; known: {', '.join(allowed)}")
        if isinstance(value, Mapping | list | float):
            raise MappingError(f"{key}.{name}: write a text (a number in quotes), not {value}")
    return {str(name): "" if value is None else str(value) for name, value in found.items()}


class _SheetReader:
    """Reads the rows of a sheet as rows of our own columns."""

    def __init__(self, layout: _Layout, reading: Reading, findings: Findings) -> None:
        self._layout = layout
        self._findings = findings
        self._reader = RowReader(reading, findings)
        self._today = reading.today.isoformat()

    def read(self, row: Mapping[str, str], line: int) -> Iterator[ListedRate]:
        """The rates of a row, given by title of column."""
        layout = self._layout
        shared = {**layout.constants}
        shared.update((name, row[title]) for name, title in layout.columns.items())
        parts = [
            (f".{number}", {**shared, **price.fields, "price": row[price.title]})
            for number, price in enumerate(layout.prices, 1)
        ]
        for part, fields in parts or [("", shared)]:
            fields["price"] = layout.words.get(fields["price"], fields["price"])
            if fields["price"] != SKIP:
                listed = self._read_price(fields, line, part)
                if listed is not None:
                    yield listed

    def _read_price(self, fields: dict[str, str], line: int, part: str) -> ListedRate | None:
        item = fields.get("item", "")
        fields["item"] = self._layout.items.get(item, item)
        factor = self._bring_unit(fields, line)
        for name in ("effective_from", "effective_to", "read_at"):
            if match := _DAY.fullmatch(fields.get(name, "")):
                year, month, day = match.groups()
                fields[name] = f"{year}-{month.zfill(2)}-{day.zfill(2)}"
        fields["effective_from"] = fields.get("effective_from") or self._today
        fields["currency"] = _code(fields.get("currency", ""))
        cells = Cells(*[fields.get(name, "") for name in _FIELDS])
        return self._reader.read(cells, line, part, factor)

    def _bring_unit(self, fields: dict[str, str], line: int) -> Fraction | None:
        """Puts a unit of ours in place of the sheet's; the factor that its price needs for that."""
        unit = self._layout.units.get(fields.get("unit", ""), fields.get("unit", ""))
        fields["unit"] = unit
        if unit in UNIT_NAMES:
            return None
        words = read_unit_words(unit)
        if words is None:
            return None  # the reader of rows knows no such unit either, and says so
        fields["unit"] = words.unit
        if words.currency and not fields.get("currency"):
            fields["currency"] = words.currency
        elif words.currency and words.currency != _code(fields["currency"]):
            message = f"the unit {unit} is of {words.currency}, the currency {fields['currency']}"
            self._findings.add("currency_contradicts", message, line)
        return words.factor


def _code(currency: str) -> str:
    return OFTEN_WRITTEN.get(currency.upper(), currency)


def _read_rates(
    text: str, layout: _Layout, reading: Reading, findings: Findings
) -> Iterator[ListedRate]:
    delimiter = layout.delimiter or _guess_delimiter(text, layout.header_line)
    rows = read_rows(text, delimiter, findings)
    header = next((row for line, row in rows if line >= layout.header_line), [])
    titles = {*layout.columns.values(), *(price.title for price in layout.prices)}
    missing = sorted(titles.difference(header))
    if missing:
        if not findings.has_errors:
            seen = ", ".join(header)[:200] or "none"
            message = f"columns missing: {', '.join(missing)}; the sheet has {seen}"
            findings.add("columns_missing", message, layout.header_line)
        return
    reader = _SheetReader(layout, reading, findings)
    for line, row in rows:
        if len(row) != len(header):
            message = f"has {len(row)} fields, not the header's {len(header)}"
            findings.add("row_fields", message, line)
            continue
        yield from reader.read(dict(zip(header, row, strict=True)), line)


def _guess_delimiter(text: str, line: int) -> str:
    header = text.split("\n", line)[line - 1 : line]
    counts = {mark: header[0].count(mark) if header else 0 for mark in ",\t;"}
    return max(counts, key=counts.__getitem__)
