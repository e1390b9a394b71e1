"""What the kill test concludes, without killing anything."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench import kill, kill_books, kill_load, results
from steelyard.config.load import load_text
from steelyard.control.configuration.apply import apply
from steelyard.control.configuration.resolve import RULES
from steelyard.domain.calls import attempt_id
from steelyard.journal.segment import Journal
from steelyard.ledger.scribe import Scribe
from steelyard.store.database import Database
from steelyard.store.migrate import upgrade
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

CONFIG = """
accounts:
  rich: {limits: [{money: 5 CNY, period: total}]}
  poor: {limits: [{money: 0.000000001 CNY, period: total}]}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state folder with two attempts booked, 700 pico-units each, for account acc_2 (poor)."""
    database = Database(tmp_path / "control.db")
    upgrade(database)
    apply(database, load_text(CONFIG, "s.yaml", {}, RULES), CALLED_AT_NS)
    with Journal(tmp_path / "journal", 18, segment_bytes=2**16) as journal:
        for sequence in (1, 2):
            intent = make_intent(sequence, account_id="acc_2", account_path="acc_2", leases=())
            journal.append_intent(intent)
            journal.append_settlement(make_settlement(intent, usage_source="none", leases=()))
    with Scribe(tmp_path, database) as scribe:
        scribe.run_once(CALLED_AT_NS + 10**9)
    database.close()
    return tmp_path


def test_books_are_held_against_the_vendors_log_and_the_budgets(home: Path):
    first, second, third = (attempt_id(18, sequence, 1) for sequence in (1, 2, 3))
    found = kill_books.audit_books(home, [first, third, third])
    assert (found.lost, found.doubled, found.phantom) == ([third], [], [second])
    assert (found.received, found.booked, found.outcomes) == (2, 2, {"completed": 2})
    assert found.budgets == {"account:acc_1": (0, 5 * 10**12), "account:acc_2": (1400, 1000)}
    assert f"the vendor received {third} 2 times" in found.broken
    assert "account:acc_2 had a budget of 1000 and costs 1400 pico-units" in found.broken
    assert any(line.startswith("cost recomputes") for line in found.broken)


def test_a_journal_without_its_end_in_the_books_is_told(home: Path):
    assert kill_books.unfinished(home) == []
    Journal(home / "journal", 19, segment_bytes=2**16).close()
    assert kill_books.unfinished(home) == [19]
    assert any("00000013 is not booked" in line for line in kill_books.audit_books(home, []).broken)


def test_one_lost_attempt_or_one_complaint_is_enough_to_fail():
    report = kill.Report(seed=1)
    assert report.is_good
    assert report.figures() == {"kill_lost": 0, "kill_doubled": 0, "kill_phantom": 0}
    assert not replace(report, audit=replace(kill_books.NOTHING, lost=["c-1-1-1"])).is_good
    assert not replace(report, audit=replace(kill_books.NOTHING, doubled=["c-1-1-1"])).is_good
    assert replace(report, audit=replace(kill_books.NOTHING, phantom=["c-1-1-1"])).is_good
    assert not replace(report, complaints=["silence"]).is_good


@pytest.mark.parametrize(
    ("status", "content", "is_stream", "end"),
    [
        (200, b'{"id": "x"}', False, "200"),
        (200, b'{"id": ', False, "200 cut"),
        (200, b"data: {}\n\ndata: [DONE]\n\n", True, "200"),
        (200, b"data: {}\n\n", True, "200 cut"),
        (503, b'{"error": {"code": "limits_unavailable"}}', True, "503 limits_unavailable"),
        (502, b"<html>", False, "502 without a code"),
    ],
)
def test_how_a_call_ended(status: int, content: bytes, is_stream: bool, end: str):
    assert kill_load._end_of(status, content, is_stream) == end


def test_a_figure_without_a_limit_reaches_its_must(capsys: pytest.CaptureFixture[str]):
    assert results.show("T", results.DATA_PLANE, {"kill_phantom": 12.0})
    assert not results.show("T", results.DATA_PLANE, {"kill_lost": 1.0})
    assert "inf" not in capsys.readouterr().out
