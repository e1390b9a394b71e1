"""The price list of our own: the CSV that comes with steelyard and that users keep themselves.

One line is one price of one item in force between two days. ``docs/howto/import-a-price-list.md``
describes the columns. Anything wrong is a finding with its line, and nothing is taken over then.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from steelyard.domain.listings import ListedRate, Parsed
from steelyard.pricebook.sources.base import Findings, Reading, Source, decode_text
from steelyard.pricebook.sources.columns import COLUMNS, OPTIONAL, Cells, RowReader
from steelyard.pricebook.sources.intervals import check_intervals
from steelyard.pricebook.sources.rows import read_rows


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
    check_intervals(rates, findings)
    return findings.parsed(rates)


SOURCE = Source("own", "Price list of our own columns (CSV)", parse)


def _read_rates(text: str, reading: Reading, findings: Findings) -> Iterator[ListedRate]:
    rows = read_rows(text, ",", findings)
    line, header = next(rows, (1, []))
    order = _read_header(header, line, findings)
    if order is None:
        return
    reader = RowReader(reading, findings)
    for line, row in rows:
        if len(row) != len(header):
            message = f"has {len(row)} fields, not the header's {len(header)}"
            hint = "; a text that holds a comma stands in double quotes"
            findings.add("row_fields", message + hint, line)
            continue
        listed = reader.read(Cells(*[row[i] if i >= 0 else "" for i in order]), line)
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
