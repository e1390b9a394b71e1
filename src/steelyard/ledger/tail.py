"""The live tail: what the journals hold and the ledger does not yet, as a table of its lines."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from steelyard.domain.entries import Entry, Intent, Settlement
from steelyard.journal import reader
from steelyard.journal.reader import START, Cursor, Reader
from steelyard.ledger.join import join, unpack
from steelyard.ledger.lines import clamp, to_table
from steelyard.store import books
from steelyard.store.books import AttemptKey, JournalState
from steelyard.store.database import Database

OPEN = "open"
"""Outcome of an attempt that is still under way, in reports only."""
TAIL_BYTES_MAX = 32 * 2**20
"""Journal bytes read per journal; a scribe that is further behind makes reports stale."""


class Books(NamedTuple):
    """One state of the ledger: the manifest's files, and what is not in them yet."""

    parts: list[books.Part]
    states: dict[int, JournalState]
    open_intents: dict[int, dict[AttemptKey, Intent]]


def open_books(database: Database, since_ns: int = 0, until_ns: int = 2**63 - 1) -> Books:
    """Manifest, cursors and open intents of one instant; parts with calls in [since, until).

    They must be of one instant: a record is either in the manifest's parts or behind the cursor.
    """
    with database.read() as connection:
        states = books.journal_states(connection)
        live = [number for number, state in states.items() if state.finished_at_ns is None]
        return Books(
            books.manifest(connection, since_ns, until_ns),
            states,
            {
                number: {key: unpack(record) for key, record in books.intents(connection, number)}
                for number in live
            },
        )


def read_tail(journals_folder: Path, state: Books, now_ns: int) -> pa.Table:
    """Lines that are not booked yet, and open attempts with outcome ``open`` and no amounts.

    A journal that is at its end costs one short read. Late settlements wait for the scribe.
    """
    entries: list[Entry] = []
    for folder in reader.journals(journals_folder):
        source = Reader(folder)
        reached = state.states.get(source.incarnation)
        cursor = Cursor(reached.segment, reached.offset) if reached else START
        before = state.open_intents.get(source.incarnation, {})
        joined = join(source.read(cursor, TAIL_BYTES_MAX).records, before, now_ns)
        entries += joined.entries
        still_open = [intent for key, intent in before.items() if key not in joined.closed]
        entries += [_under_way(intent, now_ns) for intent in (*still_open, *joined.opened.values())]
    try:
        return to_table(entries)
    except (OverflowError, pa.ArrowInvalid):
        return to_table([clamp(entry) for entry in entries])


def _under_way(intent: Intent, now_ns: int) -> Entry:
    settlement = Settlement(*intent[:3], OPEN, currency=intent.currency)
    return Entry(intent, settlement, now_ns)
