"""A worker's journal: preallocated segments, one write per record, no locks.

Two threads use it. The worker's loop appends; a helper thread calls ``sync()`` every 50 ms and
``prepare()`` whenever ``needs_prepare``. They meet in two deques, whose ``append`` and ``popleft``
are atomic, and nowhere else. A segment is prepared under a spare name and gets its number by a
rename when the loop takes it into use, so that both may make one at the same time.

Room: the segment in use always has room for the settlement of every outstanding intent, also of
those whose intent stands in an earlier segment, and for its own end mark. So a full disk, or the
cap, refuses new calls and never a settlement.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from steelyard.domain.entries import Intent, Settlement
from steelyard.domain.errors import JournalCorrupt, JournalFull
from steelyard.journal.format import (
    END_FRAME,
    INTENT_BYTES_MAX,
    SETTLEMENT_BYTES_MAX,
    encode_intent,
    encode_settlement,
)

SEGMENT_BYTES = 16 * 2**20
SEGMENT_BYTES_MIN = INTENT_BYTES_MAX + SETTLEMENT_BYTES_MAX + len(END_FRAME)
JOURNALS_BYTES_MAX = 16 * 2**30
"""Cap on all journals under one root, the kept ones included."""

LOCK_NAME = "lock"
SEALED_NAME = "sealed"
SEGMENT_SUFFIX = ".segment"
SPARE_SUFFIX = ".spare"


def journal_folder(root: Path, incarnation: int) -> Path:
    """The folder of one worker incarnation's journal."""
    return root / f"{incarnation:08x}"


def segment_path(folder: Path, number: int) -> Path:
    """The file of one segment; numbers count from 1."""
    return folder / f"{number:06d}{SEGMENT_SUFFIX}"


class Journal:
    """The append side of one incarnation's journal; holds its lock until closed.

    Args:
        root: Folder of all journals; this one's own folder is made in it.
        incarnation: Number of this worker's life, never used before.
        segment_bytes: Size of a segment.
        bytes_max: Cap on all journals under ``root`` together.

    A full disk at the start is no error: intents are refused until ``prepare()`` finds room.

    Raises:
        JournalCorrupt: the incarnation was already used.
    """

    def __init__(
        self,
        root: Path,
        incarnation: int,
        segment_bytes: int = SEGMENT_BYTES,
        bytes_max: int = JOURNALS_BYTES_MAX,
    ) -> None:
        if segment_bytes < SEGMENT_BYTES_MIN:
            raise ValueError(f"a segment has at least {SEGMENT_BYTES_MIN} bytes")
        self.folder = journal_folder(root, incarnation)
        self._root = root
        self._segment_bytes = segment_bytes
        self._bytes_max = bytes_max
        self._lock_fd = _make_locked(self.folder)
        self._number = 0
        self._fd = -1
        self._offset = 0
        self._room = 0
        """Bytes of the segment in use that records may fill; 0 while there is none."""
        self._outstanding = 0
        self._held: deque[bytes] = deque()
        """Settlements that the file system refused, in order; tried again before anything else."""
        self._spares: deque[tuple[int, Path]] = deque()
        self._retired: deque[int] = deque()
        self._spare_numbers = itertools.count(1)
        self._is_full = False
        self._synced = (0, 0)
        """Segment number and offset up to which all is durable."""
        if self.prepare():
            self._rotate(INTENT_BYTES_MAX)

    @property
    def outstanding(self) -> int:
        """Intents whose settlement is still due."""
        return self._outstanding

    @property
    def held(self) -> int:
        """Settlements that could not be written yet; above zero the disk is failing."""
        return len(self._held)

    @property
    def needs_prepare(self) -> bool:
        """Whether ``prepare()`` has something to do."""
        return not self._spares

    def append_intent(self, intent: Intent) -> None:
        """Writes the intent and reserves room for its settlement.

        Raises:
            JournalFull: no room; nothing was written and no settlement may follow.
            LeaseConflict: the intent has too many leases.
        """
        frame = encode_intent(intent)
        end = self._offset + len(frame)
        if end + (self._outstanding + 1) * SETTLEMENT_BYTES_MAX > self._room or self._held:
            self._make_room(len(frame))
            end = self._offset + len(frame)
        try:
            written = os.pwrite(self._fd, frame, self._offset)
        except OSError as error:
            raise JournalFull(f"the journal cannot be written: {error.strerror}") from error
        if written != len(frame):
            # The next record overwrites the torn one, which no reader takes for whole.
            raise JournalFull()
        self._offset = end
        self._outstanding += 1

    def append_settlement(self, settlement: Settlement) -> None:
        """Writes the settlement of an intent that was written; there is always room for it.

        If the file system fails nevertheless, the settlement is held in memory and written before
        any later record.
        """
        frame = encode_settlement(settlement)
        if self._outstanding:
            self._outstanding -= 1
        if self._held or not self._write(frame):
            self._held.append(frame)
            self._write_held()

    def sync(self) -> None:
        """Makes durable what was appended before the call; blocks, so not for the loop's thread.

        Raises:
            OSError: the disk failed.
        """
        while True:
            # A finished segment first: what follows it must never outlive it.
            while self._retired:
                os.fdatasync(self._retired[0])
                os.close(self._retired.popleft())
            number, fd, offset = self._number, self._fd, self._offset
            if not self._retired:
                break
        if (number, offset) == self._synced or fd < 0:
            return
        if number != self._synced[0]:
            _sync_folder(self.folder)
        os.fdatasync(fd)
        self._synced = (number, offset)

    def prepare(self) -> bool:
        """Preallocates the next segment; blocks, so not for the loop's thread.

        Returns whether one lies ready; False means that the disk, or the cap, is full.
        """
        if not self._spares:
            try:
                self._spares.append(self._allocate())
            except (OSError, JournalFull):
                self._is_full = True
                return False
        self._is_full = False
        return True

    def close(self) -> None:
        """Makes all durable, gives unused room back and releases the lock.

        Nobody may append, sync or prepare any more.

        Raises:
            OSError: the disk failed; the lock is released all the same.
        """
        if self._lock_fd < 0:
            return
        try:
            self._write_held()
            self.sync()
            if self._fd >= 0:
                os.ftruncate(self._fd, self._offset)
                os.close(self._fd)
            while self._spares:
                fd, path = self._spares.popleft()
                os.close(fd)
                path.unlink()
        finally:
            self._room, self._fd = 0, -1
            self._is_full = True
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

    def _write(self, frame: bytes) -> bool:
        """Appends a frame if the segment in use takes it."""
        end = self._offset + len(frame)
        if end > self._room:
            return False
        try:
            if os.pwrite(self._fd, frame, self._offset) != len(frame):
                return False
        except OSError:
            return False
        self._offset = end
        return True

    def _write_held(self) -> None:
        """Writes the held settlements in order, as far as the file system lets us."""
        while self._held:
            frame = self._held[0]
            # Without room is only a settlement that no intent had reserved for.
            if self._offset + len(frame) > self._room and not self._rotate(
                len(frame) + self._outstanding * SETTLEMENT_BYTES_MAX
            ):
                return
            if not self._write(frame):
                return
            self._held.popleft()

    def _make_room(self, size: int) -> None:
        """Sees to it that an intent of ``size`` bytes and all settlements due after it fit.

        Raises:
            JournalFull: they do not.
        """
        self._write_held()
        if self._held:
            raise JournalFull("settlements wait to be written: the disk is failing")
        need = size + (self._outstanding + 1) * SETTLEMENT_BYTES_MAX
        if self._offset + need <= self._room:
            return
        if not self._rotate(need):
            raise JournalFull()

    def _rotate(self, need: int) -> bool:
        """Takes the next segment into use if it has room for ``need`` bytes.

        The segment left behind is closed by ``sync()``, which must make it durable first.
        """
        room = self._segment_bytes - len(END_FRAME)
        if need > room:
            return False
        try:
            fd, path = self._spares.popleft()
        except IndexError:
            if self._is_full:
                # Asking a full disk again for every call would only slow the refusals.
                return False
            if not self.prepare():
                return False
            fd, path = self._spares.popleft()
        try:
            path.rename(segment_path(self.folder, self._number + 1))
        except OSError:
            self._spares.append((fd, path))
            return False
        if self._fd >= 0:
            # A reader goes on when it sees this mark; so the next file has its name already.
            try:
                os.pwrite(self._fd, END_FRAME, self._offset)
            except OSError:
                # Readers of the sealed journal go on without the mark.
                pass
            self._retired.append(self._fd)
        self._fd, self._offset, self._room = fd, 0, room
        self._number += 1
        return True

    def _allocate(self) -> tuple[int, Path]:
        """A new file with all its room reserved on the disk.

        Raises:
            JournalFull: the cap is reached.
            OSError: the disk is full or failing.
        """
        if _size(self._root) + self._segment_bytes > self._bytes_max:
            raise JournalFull(f"the journals have reached {self._bytes_max} bytes")
        path = self.folder / f"{next(self._spare_numbers):06d}{SPARE_SUFFIX}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, self._segment_bytes)
            os.fsync(fd)
        except OSError:
            os.close(fd)
            path.unlink()
            raise
        return fd, path


def _make_locked(folder: Path) -> int:
    """Makes the journal's folder with its lock held, in one step; the lock's descriptor.

    It is made under another name, so that nobody can find the folder and lack its lock.

    Raises:
        JournalCorrupt: the folder exists and is not empty.
    """
    making = folder.with_name(f".{folder.name}-{os.getpid()}")
    making.mkdir(parents=True, mode=0o700)
    fd = os.open(making / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        making.rename(folder)
        _sync_folder(folder.parent)
    except OSError as error:
        os.close(fd)
        (making / LOCK_NAME).unlink(missing_ok=True)
        making.rmdir()
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        raise JournalCorrupt(f"journal {folder.name} was already used") from error
    return fd


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _size(root: Path) -> int:
    """Bytes of all segments and spares of all journals under ``root``."""
    total = 0
    for path in root.glob("*/*"):
        if path.suffix in (SEGMENT_SUFFIX, SPARE_SUFFIX):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue
    return total
