"""Joining intents with their settlements, which may stand in another segment or batch. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from steelyard.domain.entries import Entry, Intent, Settlement
from steelyard.domain.errors import JournalCorrupt
from steelyard.journal.format import HEAD_BYTES, INTENT, VERSION, decode, encode_intent
from steelyard.ledger.balances import ATTEMPT
from steelyard.store.books import AttemptKey


class Joined(NamedTuple):
    """What a batch of records comes to."""

    entries: list[Entry]
    """Attempts that are whole now, in the order of their settlements."""
    opened: dict[AttemptKey, Intent]
    """Intents of this batch that it does not settle."""
    closed: set[AttemptKey]
    """Intents of earlier batches that it settles."""
    late: list[Settlement]
    """Settlements without an open intent: their attempts are booked already, or unheard of."""
    doubled: list[AttemptKey]
    """Attempts with more than one intent; the first one counts."""


def join(
    records: Iterable[Intent | Settlement],
    before: Mapping[AttemptKey, Intent],
    booked_at_ns: int,
) -> Joined:
    """Entries from a batch of one journal's records.

    Args:
        records: The batch, in the journal's order.
        before: Intents of earlier batches that were still open.
        booked_at_ns: UTC instant that the entries get.
    """
    joined = Joined([], {}, set(), [], [])
    settled: set[AttemptKey] = set()
    opened, closed = joined.opened, joined.closed
    for record in records:
        key = record[:3]
        if isinstance(record, Intent):
            if key in opened or key in before or key in settled:
                joined.doubled.append(key)
            else:
                opened[key] = record
            continue
        intent = opened.pop(key, None)
        if intent is None and key not in settled:
            intent = before.get(key)
            if intent is not None:
                closed.add(key)
        if intent is None:
            joined.late.append(record)
            continue
        settled.add(key)
        joined.entries.append(Entry(intent, record, booked_at_ns, ATTEMPT))
    return joined


def pack(intent: Intent) -> bytes:
    """An intent as SQL keeps it while it is open: version and fields of its journal frame."""
    return bytes((VERSION,)) + encode_intent(intent)[HEAD_BYTES:]


def unpack(record: bytes) -> Intent:
    """The intent that ``pack`` was given.

    Raises:
        JournalCorrupt: it is none.
    """
    intent = decode(INTENT, record[0], memoryview(record)[1:])
    if not isinstance(intent, Intent):
        raise JournalCorrupt()
    return intent
