"""An append-only file of JSON lines that outlives its writer's death: whole lines, or none.

Under run files, stored answers and records of tests; what the lines mean is theirs. A line that a
crash has torn is cut off when the file is opened again, one that finds no room is taken back at
once. Files hold what was asked and answered, so they have mode 0600.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

_LENGTH_BITS = 24
"""Of the number that says where a line lies: offset above, length below."""


def encoded(row: Mapping[str, object]) -> bytes:
    """A row's line."""
    try:
        return msgspec.json.encode(row) + b"\n"
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot carry
        return json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def offset_of(place: int) -> int:
    """Where a line begins, in bytes."""
    return place >> _LENGTH_BITS


def read_line(fd: int, place: int) -> bytes:
    """The line that lies there, in a file that is open.

    Raises:
        OSError: the disk failed.
    """
    return os.pread(fd, place & (1 << _LENGTH_BITS) - 1, offset_of(place))


class LineFile:
    """Such a file, open for reading and appending."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        """Bytes of whole lines."""
        self._fd = -1

    def open(self, *, is_locked: bool = True) -> None:
        """Opens the file, making it and its folder when they are missing.

        Raises:
            BlockingIOError: another process has it open, and has it locked.
            OSError: it cannot be opened.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if is_locked:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines with their places; to be read to the end before anything is appended.

        Raises:
            OSError: the disk failed.
        """
        self.size = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    os.ftruncate(self._fd, self.size)
                    return
                yield self._passed(line), line

    def close(self) -> None:
        """Closes the file and gives up the lock; more than once does no harm."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read(self, place: int) -> bytes:
        """The line that lies there.

        Raises:
            OSError: the disk failed.
        """
        return read_line(self._fd, place)

    def append(self, line: bytes) -> int:
        """Writes a line, which survives the death of this process from here on; its place.

        Raises:
            OSError: the disk is full or gone; nothing of the line is left.
        """
        written = os.write(self._fd, line)
        if written < len(line):
            # Cut at once: others may still be written behind it.
            os.ftruncate(self._fd, self.size)
            raise OSError(errno.ENOSPC, "no room for a whole line")
        return self._passed(line)

    def take_place_of(self, other: LineFile) -> None:
        """Lies where the other one lay, which is closed.

        Raises:
            OSError: the disk failed.
        """
        self.path.rename(other.path)
        self.path = other.path
        other.close()

    def _passed(self, line: bytes) -> int:
        place = self.size << _LENGTH_BITS | len(line)
        self.size += len(line)
        return place
