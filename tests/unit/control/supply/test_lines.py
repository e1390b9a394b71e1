from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.control.supply.lines import Line, read
from steelyard.domain.entries import Entry
from steelyard.ledger import parts
from steelyard.ledger.lines import to_table
from steelyard.testing.records import make_intent, make_settlement

CASES = [
    ("completed", 200, "first", "attempt"),
    ("refused", 429, "first", "attempt"),
    ("refused", 400, "first", "attempt"),  # the caller's fault
    ("client_gone", 200, "first", "attempt"),  # nobody's
    ("refused", 429, "supply", "attempt"),  # on purpose
    ("completed", 200, "first", "adjustment"),
]


def test_only_what_says_something_about_supply_is_read(tmp_path: Path) -> None:
    entries = []
    for number, (outcome, status, why, kind) in enumerate(CASES, 1):
        intent = make_intent(number, called_at_ns=100 - number, offer="o", why=why)
        settlement = make_settlement(
            intent, outcome=outcome, status=status, first_byte_us=500_000, total_us=2_000_000
        )
        entries.append(Entry(intent, settlement, 9, kind))
    parts.write_part(tmp_path, "a.parquet", [to_table(entries)])
    refused, completed = read([tmp_path / "a.parquet"])
    tokens = entries[0].settlement.usage.output_tokens
    is_stream = entries[0].intent.is_stream
    assert completed == Line("o", 99, tokens, 0.5, 2.0, is_stream, False)
    assert refused.is_failed and refused.at_ns == 98
    assert read([]) == []
    with pytest.raises(OSError, match="cannot be read"):
        read([tmp_path / "no.parquet"])
