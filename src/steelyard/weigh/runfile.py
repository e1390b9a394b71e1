"""The run file: every finished item of a weighing, append-only, so that nothing is paid twice.

One JSON object a line, one line an item and offer, in the order in which they were finished. A
process that dies loses at most the item in flight; a line torn by a crash is cut off when the file
is opened again. Only items that are finished for good are written: one that was pushed aside or
cancelled is asked again by the next run. The file holds answers, so it has mode 0600.

Used by the runner only. It is a cache of work done, not the books: cost here is a copy of what the
ledger has.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import overload

from steelyard.domain.errors import ConfigError, StoreUnavailable
from steelyard.weigh.linefile import LineFile, read_line
from steelyard.weigh.records import (
    ANSWER_CHARS_KEPT,
    BROKEN,
    Key,
    Payment,
    Record,
    decode,
    encode,
    record_of,
)

__all__ = [
    "ANSWER_CHARS_KEPT",
    "Key",
    "Payment",
    "Record",
    "Records",
    "RunFile",
    "Stored",
    "opened",
    "path_of",
    "paths_of",
    "read_at",
    "read_records",
    "readable_records",
    "record_of",
]

_TORN = "of {} cannot be read any more"
_MARK = re.compile(r"(?:idle-)?[0-9a-f]{8,}(?:-[0-9a-f]+)?")
"""What tells a run file of a weighing from the task's others: an instant, or the form's digest."""


class Records(Mapping[Key, Record]):
    """The finished items of a run file; in memory is only where each one lies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Two levels, so that ten thousand items do not hold their offer's name each.
        self._places: dict[tuple[str, str], dict[str, int]] = {}

    def __getitem__(self, key: Key) -> Record:
        return read_at(self._path, self._places[key[:2]][key[2]])

    def __iter__(self) -> Iterator[Key]:
        return ((*lane, sample) for lane, found in self._places.items() for sample in found)

    def __len__(self) -> int:
        return sum(map(len, self._places.values()))

    def place(self, offer: str, form_digest: str, sample: str) -> int | None:
        """Where an item's record lies; None when it is not finished."""
        return self._places.get((offer, form_digest), {}).get(sample)

    def put(self, key: Key, place: int) -> None:
        """Notes where a record lies; a later one takes the place of an earlier."""
        self._places.setdefault(key[:2], {})[key[2]] = place


class Stored(Sequence[Record]):
    """Records of one offer, read from their file whenever one looks."""

    def __init__(self, path: Path, places: Sequence[int]) -> None:
        self._path = path
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> Stored: ...
    def __getitem__(self, at: int | slice) -> Record | Stored:
        if isinstance(at, slice):
            return Stored(self._path, self._places[at])
        return read_at(self._path, self._places[at])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(Record.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Record]:
        with self._path.open("rb") as file:
            for place in self._places:
                yield _read(file.fileno(), place, self._path)


def read_at(path: Path, place: int) -> Record:
    """The record that lies there.

    Raises:
        StoreUnavailable: the file is gone or is another.
    """
    try:
        with path.open("rb") as file:
            return _read(file.fileno(), place, path)
    except OSError as error:
        raise StoreUnavailable(f"run file {path.name}: {error.strerror}") from error


def _read(fd: int, place: int, path: Path) -> Record:
    line = read_line(fd, place)
    try:
        return decode(line)
    except BROKEN as error:
        raise StoreUnavailable(f"a record {_TORN.format(path.name)}") from error


class RunFile:
    """An open run file; one process at a time.

    Use as a context manager: entering opens, locks, mends and reads it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = LineFile(path)
        self.records = Records(path)

    def __enter__(self) -> RunFile:
        """Opens the file, making it and its folder when they are missing.

        Raises:
            ConfigError: another process has it open.
            StoreUnavailable: it cannot be opened, or holds something else.
        """
        with ExitStack() as undo:
            undo.callback(self.close)
            try:
                self._file.open()
                for number, (place, line) in enumerate(self._file.lines(), start=1):
                    self.records.put(_decode_line(line, self._path.name, number).key, place)
            except BlockingIOError as error:
                message = f"{self._path.name}: another weighing is writing it"
                raise ConfigError(message) from error
            except OSError as error:
                raise StoreUnavailable(f"run file {self._path.name}: {error.strerror}") from error
            undo.pop_all()  # all went well: it stays open
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file and gives up the lock; more than once does no harm."""
        self._file.close()

    def append(self, record: Record) -> None:
        """Writes one finished item; it survives the death of this process from here on.

        Raises:
            StoreUnavailable: the disk is full or gone.
        """
        try:
            place = self._file.append(encode(record))
        except OSError as error:
            raise StoreUnavailable(f"run file {self._path.name}: {error.strerror}") from error
        self.records.put(record.key, place)

    def stored(self, places: Sequence[int]) -> Stored:
        """The records that lie there, also after this file is closed."""
        return Stored(self._path, places)


def path_of(folder: Path, task: str, mark: str) -> Path:
    """Where a run file of a task lies; ``mark`` tells it from the task's others."""
    return folder / f"{_plain(task)}-{mark}.jsonl"


def paths_of(folder: Path, task: str) -> list[Path]:
    """The run files of a task's weighings, by name."""
    stem = f"{_plain(task)}-"
    return [
        path
        for path in sorted(folder.glob(f"{stem}*.jsonl"))
        # Another task's name may begin like this one's.
        if _MARK.fullmatch(path.stem.removeprefix(stem))
    ]


def _plain(task: str) -> str:
    return re.sub("[^a-z0-9]+", "-", task)


async def opened(path: Path) -> RunFile:
    """An open run file, read off the loop: a long one takes its time.

    Raises:
        ConfigError: it is in use, or no run file.
        StoreUnavailable: it cannot be opened.
    """
    file = RunFile(path)
    opening = asyncio.get_running_loop().run_in_executor(None, file.__enter__)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await opening
        file.close()
        raise


def read_records(path: Path) -> Iterator[Record]:
    """The records of a run file as it is now, without its lock: another may be writing it.

    Read up to the last whole line; an item that was asked again comes twice, the newer one last.

    Raises:
        StoreUnavailable: it cannot be opened, or holds something else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(f"run file {path.name}: {error.strerror}") from error
    yield from _decode_all(data[: data.rfind(b"\n") + 1], path.name)


def readable_records(path: Path, problems: list[str]) -> Iterator[Record]:
    """As ``read_records``, up to where it cannot be read: that is added to ``problems``."""
    try:
        yield from read_records(path)
    except StoreUnavailable as error:
        problems.append(error.message)


def _decode_all(data: bytes, name: str) -> Iterator[Record]:
    for number, line in enumerate(data.splitlines(), start=1):
        yield _decode_line(line, name, number)


def _decode_line(line: bytes, name: str, number: int) -> Record:
    try:
        return decode(line)
    except BROKEN as error:
        raise StoreUnavailable(
            f"run file {name}, line {number} cannot be read ({error}); "
            "move the file away to weigh from the start"
        ) from error
