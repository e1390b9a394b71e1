"""Reading journals: the scribe's side, and whether a journal's writer is dead.

A live journal is read while its worker appends, so a frame that is not whole is simply not there
yet. In a sealed journal nothing comes any more: there, a torn tail ends its segment.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import NamedTuple

from steelyard.domain.entries import Intent, Settlement
from steelyard.domain.errors import JournalCorrupt
from steelyard.journal.format import END, FRAME_BYTES_MAX, decode, read_frames
from steelyard.journal.segment import (
    LOCK_NAME,
    SEALED_NAME,
    SEGMENT_SUFFIX,
    SPARE_SUFFIX,
    segment_path,
)

READ_BYTES = 2**18
"""Bytes asked of the system at once; a whole frame always fits."""

_FOLDER = re.compile(r"[0-9a-f]{8}")


class Cursor(NamedTuple):
    """A place between two frames of one journal."""

    segment: int
    offset: int


START = Cursor(1, 0)


class Batch(NamedTuple):
    """What one ``Reader.read`` found."""

    records: list[Intent | Settlement]
    cursor: Cursor
    """Behind the last record; where the next read begins."""
    is_tail: bool
    """Whether nothing more is there for now (or, in a sealed journal, ever)."""
    unreadable: int = 0
    """Frames with a sound checksum whose fields could not be read; they were passed over."""


class Reader:
    """Reads one journal from any cursor; keeps nothing open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def incarnation(self) -> int:
        """The worker incarnation that wrote it."""
        return int(self.folder.name, 16)

    def segments(self) -> list[int]:
        """Numbers of the segments that exist, in order."""
        return sorted(
            int(path.stem) for path in self.folder.glob(f"*{SEGMENT_SUFFIX}") if path.stem.isdigit()
        )

    def read(self, cursor: Cursor = START, bytes_max: int = 8 * 2**20) -> Batch:
        """The records from ``cursor`` on, about ``bytes_max`` bytes of them at most.

        ``bytes_max`` only bounds the work: it is rounded up to whole reads.
        """
        # Asked before reading: a journal sealed in between is read to its end by the next call.
        is_dead = is_sealed(self.folder)
        records: list[Intent | Settlement] = []
        unreadable = 0
        while bytes_max > 0:
            chunk = self._chunk(cursor)
            bytes_max -= max(len(chunk), 1)
            before = cursor
            cursor, damaged = _gather(chunk, before, records)
            unreadable += damaged
            if cursor != before:
                continue
            # No progress although a whole frame fits a chunk: unwritten, torn, or not yet there.
            following = Cursor(cursor.segment + 1, 0)
            if not (is_dead and segment_path(self.folder, following.segment).exists()):
                return Batch(records, cursor, True, unreadable)
            cursor = following
        return Batch(records, cursor, False, unreadable)

    def _chunk(self, cursor: Cursor) -> bytes:
        """Bytes of the segment from ``cursor`` on; none if there is no such segment."""
        try:
            fd = os.open(segment_path(self.folder, cursor.segment), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            return os.pread(fd, READ_BYTES, cursor.offset)
        finally:
            os.close(fd)


def _gather(chunk: bytes, cursor: Cursor, records: list[Intent | Settlement]) -> tuple[Cursor, int]:
    """Adds the chunk's records; the cursor behind them, and how many could not be read."""
    damaged = 0
    begin = cursor.offset
    for kind, version, payload, following in read_frames(chunk):
        if kind == END:
            return Cursor(cursor.segment + 1, 0), damaged
        cursor = Cursor(cursor.segment, begin + following)
        try:
            record = decode(kind, version, payload)
        except JournalCorrupt:
            damaged += 1
            continue
        if record is not None:
            records.append(record)
    return cursor, damaged


def journals(root: Path) -> list[Path]:
    """Folders of all journals under ``root``, in order of their incarnations."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if _FOLDER.fullmatch(path.name))


def is_sealed(folder: Path) -> bool:
    """Whether the journal's writer is known to be dead."""
    return (folder / SEALED_NAME).exists()


def try_seal(folder: Path) -> bool:
    """Seals the journal if its writer is dead; whether it is sealed now.

    The kernel answers, not a clock: a live worker holds the lock of its journal, however long it
    is paused, and loses it only by dying.
    """
    if is_sealed(folder):
        return True
    try:
        fd = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (folder / SEALED_NAME).touch(mode=0o600)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    _sync_folder(folder)
    return True


def trim(folder: Path, cursor: Cursor) -> None:
    """Gives back the room that a sealed journal, read to ``cursor``, had reserved and never used.

    What may be a torn frame behind the cursor is kept, for people.
    """
    for path in folder.glob(f"*{SPARE_SUFFIX}"):
        path.unlink()
    path = segment_path(folder, cursor.segment)
    size_kept = cursor.offset + FRAME_BYTES_MAX
    if path.exists() and path.stat().st_size > size_kept:
        os.truncate(path, size_kept)


def remove(folder: Path) -> None:
    """Deletes a journal; the seal goes last, so that a half-deleted one never looks alive."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == SEALED_NAME):
        path.unlink()
    folder.rmdir()


def remove_segments(folder: Path, before: int, unchanged_since_ns: int) -> int:
    """Deletes a journal's segments below number ``before``, last written before an instant.

    Returns how many; ``unchanged_since_ns`` is in UTC nanoseconds.
    """
    old = [
        path
        for path in folder.glob(f"*{SEGMENT_SUFFIX}")
        if int(path.stem) < before and path.stat().st_mtime_ns < unchanged_since_ns
    ]
    for path in old:
        path.unlink()
    return len(old)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
