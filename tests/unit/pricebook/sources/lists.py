"""Price lists in miniature for the tests of the parsers."""

from datetime import UTC, datetime

from steelyard.domain.listings import ListedRate, Parsed
from steelyard.pricebook import shipped
from steelyard.pricebook.sources import csv_file
from steelyard.pricebook.sources.base import Reading
from steelyard.pricebook.sources.columns import COLUMNS

TODAY = datetime(2026, 11, 21, tzinfo=UTC)
READING = Reading("own", shipped.phrases(), TODAY)
HEADER = ",".join(COLUMNS)
ROW = {
    "vendor": "ByteDance",
    "channel": "official",
    "model": "doubao-pro-32k",
    "currency": "CNY",
    "unit": "per_1m_tokens",
    "item": "input",
    "condition": "",
    "price": "0.8",
    "effective_from": "2024-05-15",
    "effective_to": "",
    "source": "the vendor's page (2024-05-20)",
    "note": "date=announced",
}


def line(**changes: str) -> str:
    cells = {**ROW, **changes}
    return ",".join(cells.values())


def text(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows, ""])


def read(*rows: str, header: str = HEADER) -> Parsed:
    return csv_file.parse(text(*rows, header=header).encode(), READING)


def only(parsed: Parsed) -> ListedRate:
    assert parsed.is_sound, parsed.findings
    (listed,) = parsed.rates
    return listed


def kinds(parsed: Parsed) -> list[tuple[str, int]]:
    return [(finding.kind, finding.line) for finding in parsed.findings]
