from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.control.answers.names import Counted, count
from steelyard.domain.answering import Sighting
from steelyard.domain.entries import Entry
from steelyard.ledger import parts
from steelyard.ledger.lines import to_table
from steelyard.testing.records import make_intent, make_settlement


def test_names_are_counted_by_offer_and_revision(tmp_path: Path) -> None:
    entries = []
    for number, (name, kind) in enumerate([("a", "attempt"), ("a", "attempt"), ("", "attempt"),
                                           ("b", "adjustment"), ("b", "attempt")], 1):  # fmt: skip
        intent = make_intent(number, called_at_ns=number, offer="o", revision=number // 5)
        entries.append(Entry(intent, make_settlement(intent, model_answered=name), 9, kind))
    parts.write_part(tmp_path, "it's.parquet", [to_table(entries)])
    found = count([tmp_path / "it's.parquet"])
    assert found == [
        Counted("o", 0, Sighting("a", 1, 2, 2)),
        Counted("o", 1, Sighting("b", 5, 5, 1)),
    ]
    assert count([]) == []
    with pytest.raises(OSError, match="cannot be read"):
        count([tmp_path / "no.parquet"])
