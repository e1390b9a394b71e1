"""Notes on cases: the newest of a sample and offer holds."""

from __future__ import annotations

from sqlalchemy import Connection

from steelyard.store import case_notes
from steelyard.store.case_notes import CaseNote

FIRST = CaseNote("shop/intent", "item-1", 5, "admin", ("irony", "short"), "reads it literally")


def test_the_newest_note_of_a_case_holds(tx: Connection) -> None:
    case_notes.add(tx, FIRST)
    newer = FIRST._replace(at_ns=6, tags=(), note="")
    case_notes.add(tx, newer)
    one_offer = FIRST._replace(offer="shop/m", note="说得对")
    case_notes.add(tx, one_offer)
    case_notes.add(tx, FIRST._replace(task="another"))
    assert case_notes.latest(tx, "shop/intent") == {
        ("item-1", ""): newer,
        ("item-1", "shop/m"): one_offer,
    }
