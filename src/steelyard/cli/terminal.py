"""How the supervisor's news look on a terminal, and in a log file when there is no terminal."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

_PLAIN_STEP = 10
"""Without a terminal, progress is one line per so many percent."""
_STAGES = {"download": "fetching", "copy": "copying", "verify": "checking"}


_GONE = (errno.EPIPE, errno.EIO)
"""What writing meets when the reader, or the terminal, is gone for good."""


class _Console(Console):
    """One that leaves it to us what a reader who is gone means: by itself it ends the process."""

    def on_broken_pipe(self) -> NoReturn:
        """Has the error raised; called where it was caught."""
        raise  # noqa: PLE0704 - rich calls this while it handles the error


class Terminal:
    """Draws on a terminal; a teller for the supervisor.

    It never raises: a gateway goes on when nobody reads what it says, or no disk takes it.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _Console(highlight=False, soft_wrap=True)
        self._progress: Progress | None = None
        self._bars: dict[tuple[str, str], TaskID] = {}
        self._steps: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """News."""
        self._line(text, "")

    def warn(self, text: str) -> None:
        """Trouble."""
        self._line(text, "yellow")

    def show(self, text: str) -> None:
        """Text to copy, unchanged."""
        style = "bold" if self._console.is_terminal else ""
        with self._unheard():
            self._console.print(text, markup=False, style=style)

    def progress(self, what: str, done: int, total: int, stage: str) -> None:
        """A bar on a terminal, a line per ten percent elsewhere."""
        with self._lock, self._unheard():
            if self._console.is_terminal:
                self._draw(what, done, total, stage)
            else:
                self._count(what, done, total, stage)

    def now(self, text: str) -> None:
        """How things stand, on a line that the next one overwrites; on a terminal only."""
        if self._console.is_terminal:
            width = self._console.width - 1
            line = text if len(text) <= width else text[: width - 1] + "…"
            with self._unheard():
                self._console.print(line.ljust(width), markup=False, highlight=False, end="\r")

    def close(self) -> None:
        """Takes the bars away."""
        with self._lock, self._unheard():
            progress, self._progress = self._progress, None
            if progress is not None:
                progress.stop()
            self._console.file.flush()

    def _line(self, text: str, style: str) -> None:
        stamp = time.strftime("%H:%M:%S")
        with self._unheard():
            self._console.print(f"{stamp} {text}", markup=False, style=style)

    @contextmanager
    def _unheard(self) -> Iterator[None]:
        """Drops what cannot be written; what comes later may be, unless the reader is gone."""
        try:
            yield
        except OSError as error:
            self._console.quiet = True
            self._console.print()  # which makes the console forget what it still holds
            self._console.quiet = error.errno in _GONE
            # What Python holds is not to be written at its end either: that would be a failure.
            with suppress(OSError):
                self._drop_held()

    def _drop_held(self) -> None:
        file = self._console.file
        kept = os.dup(file.fileno())
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, file.fileno())
            os.close(nowhere)
            file.flush()
            if not self._console.quiet:
                os.dup2(kept, file.fileno())
        finally:
            os.close(kept)

    def _draw(self, what: str, done: int, total: int, stage: str) -> None:
        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=14),  # all of it has to fit on 80 columns
                DownloadColumn(),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()
            self._bars.clear()
        key = (what, stage)
        if key not in self._bars:
            title = f"{_STAGES.get(stage, stage)} {what}"
            self._bars[key] = self._progress.add_task(title, total=total)
        self._progress.update(self._bars[key], completed=done, total=total)
        if done >= total:
            self._progress.remove_task(self._bars.pop(key))
        if not self._bars:
            self._progress.stop()
            self._progress = None

    def _count(self, what: str, done: int, total: int, stage: str) -> None:
        if stage == "verify":  # takes seconds: one line says enough
            total = 0
        step = 100 * done // total // _PLAIN_STEP if total else 10
        if step != self._steps.get((what, stage)):
            self._steps[what, stage] = step
            far = f": {step * _PLAIN_STEP} % ({done / 1e6:.0f} of {total / 1e6:.0f} MB)"
            self._line(f"{_STAGES.get(stage, stage)} {what}{far if total else ''}", "")


def is_interactive() -> bool:
    """Whether a person sits before standard output."""
    return sys.stdout.isatty()
