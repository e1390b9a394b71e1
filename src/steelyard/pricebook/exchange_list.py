"""The finance department's own exchange rates: a CSV of date, base, quote, value.

Pure, as the parsers of price lists are: it never raises for what a file may hold, every mistake is
a finding with its line, and one mistake means that nothing of the file is taken over.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.listings import Finding
from steelyard.domain.rates import ExchangeRate
from steelyard.pricebook.exchange import OWN, Exchange, begin_of, is_own
from steelyard.pricebook.sources.base import Findings, NumberError, decode_text, read_amount
from steelyard.pricebook.sources.currencies import CURRENCIES, advise_currency

COLUMNS = ("date", "base", "quote", "value")
FAR = Fraction(3, 2)
"""A rate further off the bank's than this factor is not taken over unasked: the pair may stand the
other way round, or the value be for a hundred units, as China's banks write them."""
DIGITS_MAX = 10
"""Digits of a value; reports multiply amounts of 26 digits by them in 128 bits."""
_TITLES = {"日期": "date", "源货币": "base", "目标货币": "quote", "汇率": "value"}
_DAY = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})", re.ASCII)


class OwnRates(NamedTuple):
    """What a file says."""

    rates: tuple[ExchangeRate, ...]
    """In the file's order."""
    findings: tuple[Finding, ...]
    lines: Mapping[str, int]
    """Id of a rate -> its line."""

    @property
    def is_sound(self) -> bool:
        """Whether it may be taken over: no finding is an error."""
        return not any(finding.is_error for finding in self.findings)


def read_own(data: bytes, name: str) -> OwnRates:
    """The rates of a file; ``name`` becomes their source.

    The first line may name the columns, in any order and with further ones; without such a line
    they are date, base, quote, value. Lines that are empty or begin with ``#`` say nothing.
    """
    text, about = decode_text(data)
    findings = Findings()
    for finding in about:
        findings.add(*finding[:3], is_error=finding.is_error)
    reader = csv.reader(io.StringIO(text))
    columns: tuple[str, ...] = COLUMNS
    found: dict[tuple[date, str, str], ExchangeRate] = {}
    lines: dict[str, int] = {}
    try:
        for cells in reader:
            line = [cell.strip() for cell in cells]
            if not any(line) or line[0].startswith("#"):
                continue
            if not found and not findings.has_errors and (titles := _titles(line)):
                columns = titles
                continue
            rate = _rate(dict(zip(columns, line, strict=False)), name, findings, reader.line_num)
            if rate is not None:
                _keep(rate, found, lines, findings, reader.line_num)
    except csv.Error as error:
        findings.add("csv_bad", f"no CSV from here on: {error}", reader.line_num)
    if not found and not findings.has_errors:
        findings.add("empty", "no rates: write lines of date, base, quote, value")
    return OwnRates(tuple(found.values()), findings.all(), lines)


def far_off(own: OwnRates, known: Exchange) -> list[Finding]:
    """Findings about rates that are far from what the bank said on that day."""
    found = []
    for rate in own.rates:
        bank = known.rate(rate.base, rate.quote, rate.as_of.date())
        if bank is None or 1 / FAR <= rate.value / bank.value <= FAR:
            continue
        message = (
            f"{float(rate.value):g} {rate.quote} for one {rate.base} is far from"
            f" {float(bank.value):.6g} ({bank.rate_id}); is the pair turned round, or the value"
            " for a hundred? If it is right, say so (--yes)"
        )
        found.append(Finding("value_far", message, own.lines[rate.rate_id]))
    return found


def differing(own: OwnRates, recorded: Iterable[ExchangeRate]) -> list[Finding]:
    """Findings about pairs and days that have another rate of one's own already.

    Reports have been made with it, so only a marked correction may take its place. ``recorded`` are
    the rates kept so far, in the order of recording.
    """
    before = {(rate.as_of, rate.base, rate.quote): rate for rate in recorded if is_own(rate)}
    found = []
    for rate in own.rates:
        old = before.get((rate.as_of, rate.base, rate.quote))
        if old is not None and old.value != rate.value:
            message = (
                f"{old.rate_id} was recorded before; to correct what was reported with it, say so"
                " (--correct)"
            )
            found.append(Finding("rate_differs", message, own.lines[rate.rate_id]))
    return found


def _titles(line: list[str]) -> tuple[str, ...]:
    """The columns that a first line names; none if it is no such line."""
    named = tuple(_TITLES.get(cell, cell.lower()) for cell in line)
    return named if set(COLUMNS) <= set(named) else ()


def _rate(
    cells: Mapping[str, str], name: str, findings: Findings, line: int
) -> ExchangeRate | None:
    if missing := [column for column in COLUMNS if not cells.get(column)]:
        message = f"{', '.join(missing)} is missing; write date, base, quote, value"
        findings.add("cell_missing", message, line)
        return None
    day, value = _day(cells["date"], findings, line), _value(cells["value"], findings, line)
    base, quote = cells["base"], cells["quote"]
    strange = [code for code in (base, quote) if code not in CURRENCIES]
    for code in strange:
        findings.add("currency_unknown", advise_currency(code), line)
    if base == quote:
        findings.add("pair_same", f"{base} is always worth one {base}", line)
    if day is None or value is None or strange or base == quote:
        return None
    written = cells["value"].rstrip("0").rstrip(".") if "." in cells["value"] else cells["value"]
    rate_id = f"{OWN}{day.isoformat()}-{base}-{quote}-{written}"
    return ExchangeRate(rate_id, base, quote, value, begin_of(day), cells.get("source") or name)


def _day(text: str, findings: Findings, line: int) -> date | None:
    if match := _DAY.fullmatch(text):
        try:
            return date(int(match[1]), int(match[3]), int(match[4]))
        except ValueError:
            pass  # said below: the 30th of February is no more a day than anything else
    findings.add("date_bad", f"{text[:40]!r} is no day; write it as 2026-11-21", line)
    return None


def _value(text: str, findings: Findings, line: int) -> Fraction | None:
    try:
        value = read_amount(text)
    except NumberError as error:
        findings.add(error.kind, str(error), line)
        return None
    if value <= 0:
        findings.add("value_zero", "a currency is worth more than nothing", line)
        return None
    if sum(character.isdigit() for character in text) > DIGITS_MAX:
        findings.add("value_long", f"a rate has at most {DIGITS_MAX} digits", line)
        return None
    return value


def _keep(
    rate: ExchangeRate,
    found: dict[tuple[date, str, str], ExchangeRate],
    lines: dict[str, int],
    findings: Findings,
    line: int,
) -> None:
    key = (rate.as_of.date(), rate.base, rate.quote)
    if key in found and found[key].value != rate.value:
        message = f"line {lines[found[key].rate_id]} has another rate for this pair and day"
        findings.add("pair_twice", message, line)
    elif key not in found:
        found[key] = rate
        lines[rate.rate_id] = line
