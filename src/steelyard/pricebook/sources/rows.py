"""Rows of a delimited file with the lines on which they begin, in bounded memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from steelyard.pricebook.sources.base import Findings

_SPANNED_MAX = 50
"""Lines that one quoted field may run over before the quote is taken for unclosed."""


def read_rows(text: str, delimiter: str, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    """Each row with its line in the file, from 1; cells without surrounding space, no empty rows.

    What is no row becomes a finding. Nothing is read after a quote that is never closed, since
    there is no telling where it should have ended.
    """
    zero = text.find("\0")
    if zero >= 0:
        line = text.count("\n", 0, zero) + 1
        message = "holds a zero byte: is it UTF-16 without its mark, or no text? Save as UTF-8"
        findings.add("nul_byte", message, line)
        return
    reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            span = reader.line_num - line + 1
            if "unexpected end" in str(error) or "field limit" in str(error) or span > _SPANNED_MAX:
                findings.add("quote_open", "a quote opens in this row and is never closed", line)
                return
            findings.add("row_bad", f"this row cannot be read: {error}", line)
            continue
        if any(row):
            yield line, [cell.strip() for cell in row]


def _lines(text: str) -> Iterator[str]:
    """The lines with their ends; a copy of the whole, as of ``splitlines``, is never made.

    Only line feeds and carriage returns end a line, as in every spreadsheet.
    """
    ending = "\n" if "\n" in text else "\r"
    begin = 0
    while begin < len(text):
        end = text.find(ending, begin)
        end = len(text) if end < 0 else end + 1
        yield text[begin:end]
        begin = end
