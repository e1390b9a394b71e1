"""Children's log files: bounded, and watched for lines a person should see at once.

A child writes straight into its file, never into a pipe of ours: a pipe fills when its reader
stands still, and then the data plane would stand still with it.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

LOG_BYTES_MAX = 8 << 20
"""Size at which a log is set aside; one older one is kept."""
LINES_SHOWN_MAX = 5
"""Most lines of one child that are shown per look."""
LOOKS_SILENT = 60
"""Looks, one a second, for which a line like one already shown is kept back."""
_LIKENESSES_MAX = 200
_DIGITS = re.compile(rb"[0-9]+")
_TAIL_BYTES = 1 << 16
_LETTERS = re.compile(rb"[A-Za-z]{2}")
_IMPORTANT = re.compile(rb"\b(WARNING|ERROR|CRITICAL|FATAL)\b|^\w*(Error|Exception)\b")


class Log:
    """One child's log file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._seen = path.stat().st_size if path.exists() else 0
        self._looks = 0
        self._shown: dict[bytes, int] = {}

    def open(self) -> int:
        """A file descriptor that a child can append to; the caller closes it."""
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def look(self) -> list[str]:
        """Important lines written since the last look, the latest few; keeps the file bounded.

        A line that differs from an earlier one in its digits only is not shown again for the next
        ``LOOKS_SILENT`` looks: a fault that comes with every call must not bury everything else.
        """
        self._looks += 1
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            self._seen = 0
            return []
        begin, self._seen = max(min(self._seen, size), size - _TAIL_BYTES), size
        try:
            fresh = _read(self.path, begin, size - begin)
        except OSError:
            return []  # nobody's calls hang on what is shown of a log
        lines = [line for line in fresh.splitlines() if _IMPORTANT.search(line)]
        lines = [line for line in lines if self._is_news(line)]
        if size > LOG_BYTES_MAX:
            self._set_aside()
        return [line.decode("utf-8", "replace")[:400] for line in lines[-LINES_SHOWN_MAX:]]

    def _is_news(self, line: bytes) -> bool:
        likeness = _DIGITS.sub(b"0", line)
        is_news = self._looks - self._shown.get(likeness, -LOOKS_SILENT) >= LOOKS_SILENT
        if is_news:
            if len(self._shown) >= _LIKENESSES_MAX:
                self._shown.clear()
            self._shown[likeness] = self._looks
        return is_news

    def last_line(self) -> str:
        """The last line that is not empty: where a child that died says why."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return ""
        begin = max(0, size - 4096)
        try:
            lines = _read(self.path, begin, size - begin).split(b"\n")
        except OSError:
            return ""
        # A group of exceptions ends with a rule of dashes.
        last = next((line for line in reversed(lines) if _LETTERS.search(line)), b"")
        return last.decode("utf-8", "replace").strip(" |")[:400]

    def _set_aside(self) -> None:
        # Copied and cut, not renamed: the child's descriptor stays with this inode, and because it
        # appends, its next line begins at the new end.
        old = self.path.with_suffix(".log.1")
        with suppress(OSError):  # a full disk is the last one that a growing log does any good
            old.write_bytes(_read(self.path, 0, 2 * LOG_BYTES_MAX))
        os.truncate(self.path, 0)
        self._seen = 0


def _read(path: Path, begin: int, count: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(count)
