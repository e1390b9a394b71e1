"""Writes the prices of the installed package genai-prices as the JSON that we ship.

Run by hand when that package has a new version; it is no dependency of steelyard:

    python tools/genai_prices.py 2026-10-26

The day is the last on which its authors checked prices. The same input gives the same bytes: the
archive holds no time of its own.
"""

from __future__ import annotations

import datetime
import gzip
import json
import re
import sys
from decimal import Decimal
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

PACKAGE = "genai-prices"
TARGET = Path(__file__).parents[1] / "src/steelyard/pricebook/shipped/genai-prices.json.gz"
KEPT = ("id", "name", "pricing_urls")
KEPT_OF_MODEL = ("id", "name", "price_comments", "prices", "price_variants")
NUMBER = "\x01"
"""Marks a text that is a number: ``json`` would only write numbers as floats."""


def plain(value: Any) -> Any:
    """What a value of the package is in its published JSON, numbers as marked texts."""
    if isinstance(value, Decimal):
        return f"{NUMBER}{value:f}{NUMBER}"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "__dict__"):
        return plain(vars(value))
    return value


def kept(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """The named fields of a value that it has."""
    found = {name: plain(getattr(value, name)) for name in names}
    return {name: item for name, item in found.items() if item is not None}


def document(checked: str) -> str:
    """The whole list as JSON, one line."""
    vendors = import_module("genai_prices.data").providers
    found = {
        "source": PACKAGE,
        "version": metadata.version(PACKAGE),
        "checked": checked,
        "license": "MIT, copyright (c) Pydantic Services Inc. 2025 to present",
        "providers": [
            {**kept(v, KEPT), "models": [kept(m, KEPT_OF_MODEL) for m in v.models]} for v in vendors
        ],
    }
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return re.sub(r'"\\u0001([0-9.]+)\\u0001"', r"\1", text)


def main() -> None:
    """Writes the archive."""
    here = Path(__file__).resolve().parent  # else this file would be taken for the package
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]
    checked = datetime.date.fromisoformat(sys.argv[1]).isoformat()
    content = document(checked).encode("utf-8")
    TARGET.write_bytes(gzip.compress(content, 9, mtime=0))
    sys.stdout.write(f"{TARGET.name}: {len(content)} bytes of JSON\n")


if __name__ == "__main__":
    main()
