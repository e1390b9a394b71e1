"""The scribe: what the workers' journals say becomes the ledger, each record exactly once.

Two stores take part, files and SQL, and only SQL decides. A batch of records becomes a Parquet
part, whose name says which records it holds; then one SQL write moves the journal's cursor, open
intents, balances and leases and names the part. A crash before that write leaves a file that
nobody reads, and the batch is done again.

Called by the control process in a thread of its own; everything here blocks. One scribe at a time
runs over a ledger, held by a lock file, and the cursor moves only from where it was, so that even
without the lock nothing would be booked twice.
"""

from __future__ import annotations

import fcntl
import gc
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa

from steelyard.domain.entries import Entry, Intent
from steelyard.domain.errors import StoreUnavailable
from steelyard.journal import reader
from steelyard.journal.reader import START, Cursor, Reader
from steelyard.ledger import parts, reconcile
from steelyard.ledger.balances import ADJUSTMENT, lease_use, roll_up
from steelyard.ledger.join import join, pack, unpack
from steelyard.ledger.lines import clamp, to_table
from steelyard.store import books
from steelyard.store.books import NS_PER_DAY, AttemptKey, JournalState
from steelyard.store.database import Database

BATCH_BYTES = 4 * 2**20
"""Journal bytes that become one part at most, about 13,000 attempts."""
KEEP_JOURNAL_NS = 7 * NS_PER_DAY
"""How long a journal is kept after its last record was booked."""

_log = logging.getLogger(__name__)


class ScribeReport(NamedTuple):
    """What one ``run_once`` did."""

    booked: int = 0
    """Lines that entered the ledger."""
    orphans: int = 0
    """Those of them that closed an intent of a dead worker."""
    adjustments: int = 0
    """Those of them that corrected an earlier line."""
    sealed: int = 0
    """Journals whose writer was found dead."""
    days_closed: int = 0
    findings: int = 0
    """Things written down that should not have happened."""
    is_behind: bool = False
    """Whether a journal held more than this run would read."""

    def plus(self, other: ScribeReport) -> ScribeReport:
        """Both together."""
        return ScribeReport(
            booked=self.booked + other.booked,
            orphans=self.orphans + other.orphans,
            adjustments=self.adjustments + other.adjustments,
            sealed=self.sealed + other.sealed,
            days_closed=self.days_closed + other.days_closed,
            findings=self.findings + other.findings,
            is_behind=self.is_behind or other.is_behind,
        )


class _Work(NamedTuple):
    """What one batch adds to the books."""

    entries: list[Entry]
    opened: dict[AttemptKey, Intent]
    closed: set[AttemptKey]
    findings: list[tuple[str, str]]
    orphans: int = 0


class Scribe:
    """Books journals into the ledger; holds the ledger's lock until closed.

    Args:
        home: The state folder, with ``journal`` and ``ledger`` in it.
        database: The control database, migrated.
        batch_bytes: Journal bytes that one part takes at most.

    Raises:
        StoreUnavailable: another scribe holds the lock.
    """

    def __init__(self, home: Path, database: Database, batch_bytes: int = BATCH_BYTES) -> None:
        self.journals_folder = home / "journal"
        self.folder = home / "ledger"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._database = database
        self._batch_bytes = batch_bytes
        self._lock_fd = _lock(self.folder / "scribe.lock")
        self._open: dict[int, dict[AttemptKey, Intent]] = {}
        """Open intents per journal as SQL has them; dropped whenever a write fails."""

    def run_once(self, now_ns: int, batches_max: int = 64) -> ScribeReport:
        """Books what the journals hold by now, seals those of dead workers, closes their orphans.

        Args:
            now_ns: UTC, nanoseconds; decides the ledger's day.
            batches_max: Batches read from one journal at most.

        Raises:
            StoreUnavailable: the database failed; nothing of the batch in work was booked.
            OSError: the disk failed; the same.
        """
        with self._database.read() as connection:
            states = books.journal_states(connection)
            closed = books.closed_days(connection)
        booked_at_ns = books.open_instant(closed, now_ns)
        report = ScribeReport()
        with _uncollected():
            for folder in reader.journals(self.journals_folder):
                state = states.get(int(folder.name, 16))
                report = report.plus(self._book_journal(folder, state, booked_at_ns, batches_max))
        if not report.is_behind:
            report = report.plus(self._close_days(closed, booked_at_ns))
        return report

    def tend(self, now_ns: int) -> None:
        """Merges small parts, and deletes parts and journals whose time is over.

        Raises:
            StoreUnavailable: the database failed.
            OSError: the disk failed.
        """
        parts.compact(self._database, self.folder, now_ns)
        parts.clean(self._database, self.folder, now_ns)
        with self._database.read() as connection:
            states = books.journal_states(connection)
        for folder in reader.journals(self.journals_folder):
            state = states.get(int(folder.name, 16))
            if state is None:
                continue
            if state.finished_at_ns is None:
                reader.remove_segments(folder, state.segment, now_ns - KEEP_JOURNAL_NS)
            elif state.finished_at_ns < now_ns - KEEP_JOURNAL_NS:
                reader.remove(folder)
            else:
                reader.trim(folder, Cursor(state.segment, state.offset))

    def close(self) -> None:
        """Lets another scribe at the ledger."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _book_journal(
        self, folder: Path, state: JournalState | None, now_ns: int, batches_max: int
    ) -> ScribeReport:
        """Books one journal up to its tail."""
        source = Reader(folder)
        was_sealed = reader.is_sealed(folder)
        is_sealed = reader.try_seal(folder)
        report = ScribeReport(sealed=is_sealed and not was_sealed)
        for _ in range(batches_max):
            cursor = Cursor(state.segment, state.offset) if state else START
            batch = source.read(cursor, self._batch_bytes)
            is_over = batch.is_tail and is_sealed
            is_finishing = is_over and (state is None or state.finished_at_ns is None)
            if batch.cursor != cursor or is_finishing:
                work = self._work(source.incarnation, batch, now_ns)
                if is_over:
                    work = self._close_orphans(source.incarnation, work, now_ns)
                after = JournalState(
                    source.incarnation, *batch.cursor, finished_at_ns=now_ns if is_over else None
                )
                state = self._book(state, after, work, now_ns)
                report = report.plus(_count(work))
            if batch.is_tail:
                return report
        return report._replace(is_behind=True)

    def _work(self, incarnation: int, batch: reader.Batch, now_ns: int) -> _Work:
        """What a batch of records, and those before it, come to."""
        joined = join(batch.records, self._open_intents(incarnation), now_ns)
        entries = joined.entries
        findings = [("intent_doubled", str(key)) for key in joined.doubled]
        for settlement in joined.late:
            key = settlement[:3]
            booked = [entry for entry in entries if entry.settlement[:3] == key]
            booked += parts.lines_of(self._database, self.folder, key)
            if booked:
                entries.extend(reconcile.adjust(booked, settlement, now_ns))
                findings.append(("settlement_late", str(key)))
            else:
                findings.append(("settlement_without_intent", str(key)))
        if batch.unreadable:
            findings.append(("record_unreadable", f"{batch.unreadable} records"))
        return _Work(entries, joined.opened, joined.closed, findings)

    def _close_orphans(self, incarnation: int, work: _Work, now_ns: int) -> _Work:
        """Adds a line for every intent that stays without settlement for good."""
        before = self._open_intents(incarnation)
        old = {key: intent for key, intent in before.items() if key not in work.closed}
        orphans = [*old.values(), *work.opened.values()]
        entries = [reconcile.close_orphan(intent, now_ns) for intent in orphans]
        return work._replace(
            entries=work.entries + entries,
            opened={},
            closed=work.closed | old.keys(),
            orphans=len(orphans),
        )

    def _book(
        self, before: JournalState | None, after: JournalState, work: _Work, now_ns: int
    ) -> JournalState:
        """Writes the part, then all of the rest in one SQL write."""
        entries, part = work.entries, None
        findings = list(work.findings)
        if entries:
            table, entries, clamped = _to_table(entries)
            findings += [("line_clamped", key) for key in clamped]
            name = _part_name(before, after)
            parts.write_part(self.folder, name, [table])
            part = parts.describe(self.folder, name, table, now_ns)
        # Out of the cache until SQL has it: after a failure it is read again.
        known = self._open.pop(after.incarnation, {})
        with self._database.write() as connection:
            books.advance(connection, before, after)
            books.drop_intents(connection, work.closed)
            books.add_intents(connection, {k: pack(i) for k, i in work.opened.items()})
            if part is not None:
                books.add_part(connection, part)
                books.add_balances(connection, roll_up(entries))
                unknown = books.consume(connection, lease_use(entries))
                findings += [("lease_unknown", str(lease_id)) for lease_id in unknown]
            for kind, detail in findings:
                books.add_finding(connection, now_ns, after.incarnation, kind, detail)
        for kind, detail in findings:
            _log.warning("journal %08x: %s %s", after.incarnation, kind, detail)
        kept = {key: intent for key, intent in known.items() if key not in work.closed}
        self._open[after.incarnation] = kept | work.opened
        return after

    def _open_intents(self, incarnation: int) -> dict[AttemptKey, Intent]:
        """Intents whose settlement has not been read yet."""
        if incarnation not in self._open:
            with self._database.read() as connection:
                rows = list(books.intents(connection, incarnation))
            self._open[incarnation] = {key: unpack(record) for key, record in rows}
        return self._open[incarnation]

    def _close_days(self, closed: set[int], now_ns: int) -> ScribeReport:
        """Closes the days before today: every journal has just been read past their end."""
        today = now_ns // NS_PER_DAY
        with self._database.read() as connection:
            booked = {part.day for part in books.manifest(connection)}
        closing = sorted(day for day in booked if day < today and day not in closed)
        if closing:
            with self._database.write() as connection:
                books.close_days(connection, closing, now_ns)
        return ScribeReport(days_closed=len(closing))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keeps the cyclic garbage collector out of a batch.

    A batch makes a hundred thousand tuples and not one cycle; looking for cycles among them took
    half of the scribe's time (measured).
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _to_table(entries: list[Entry]) -> tuple[pa.Table, list[Entry], list[str]]:
    """The entries' table, the entries as it holds them, and the attempts that were clamped."""
    try:
        return to_table(entries), entries, []
    except (OverflowError, pa.ArrowInvalid):
        clamped = [clamp(entry) for entry in entries]
    pairs = zip(entries, clamped, strict=True)
    return to_table(clamped), clamped, [str(new.intent[:3]) for old, new in pairs if old != new]


def _part_name(before: JournalState | None, after: JournalState) -> str:
    """The same for the same records: journal, first place, last place."""
    begin = before[1:3] if before else START
    name = f"{after.incarnation:08x}-{begin[0]:06d}-{begin[1]:08x}"
    ending = "-end" if after.finished_at_ns is not None else ""
    return f"{name}-{after.segment:06d}-{after.offset:08x}{ending}{parts.SUFFIX}"


def _count(work: _Work) -> ScribeReport:
    adjustments = sum(entry.kind == ADJUSTMENT for entry in work.entries)
    return ScribeReport(len(work.entries), work.orphans, adjustments, findings=len(work.findings))


def _lock(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise StoreUnavailable("another process writes the ledger") from error
    return fd
