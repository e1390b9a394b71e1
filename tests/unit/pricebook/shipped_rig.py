"""The shipped price lists as their parsers read them, once for all tests of a process."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from steelyard.domain.listings import Parsed
from steelyard.pricebook import shipped
from steelyard.pricebook.sources import csv_file, genai_prices
from steelyard.pricebook.sources.base import Reading

TODAY = datetime(2026, 11, 21, tzinfo=UTC)


@cache
def own() -> Parsed:
    reading = Reading("steelyard", shipped.phrases(), TODAY)
    return csv_file.parse(shipped.read("prices.csv"), reading)


@cache
def genai() -> Parsed:
    reading = Reading("genai-prices", shipped.phrases(), TODAY)
    return genai_prices.parse(shipped.read("genai-prices.json.gz"), reading)
