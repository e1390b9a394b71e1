"""The run file: every finished item of a weighing, append-only, so that nothing is paid twice.

One JSON object a line, one line an item and offer, in the order in which they were finished. A
process that dies loses at most the item in flight; a line torn by a crash is cut off when the file
is opened again. Only items that are finished for good are written: one that was pushed aside or
cancelled is asked again by the next run. The file holds answers, so it has mode 0600.

Used by the runner only. It is a cache of work done, not the books: cost here is a copy of what the
ledger has.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from steelyard.domain.errors import ConfigError, StoreUnavailable
from steelyard.domain.tasks import Grade

ANSWER_CHARS_KEPT = 16_384
"""Of a longer answer only so much is kept, enough for reading and for most regrading."""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One finished item of one offer."""

    offer: str
    form_digest: str
    sample: str
    grade: Grade
    finished_at: datetime
    """Aware, UTC."""
    is_answered: bool = True
    """False when every attempt failed; such an item is asked again by the next run."""
    answer: str = ""
    finish_reason: str = ""
    input_tokens: int = 0
    """Total, cached ones included."""
    output_tokens: int = 0
    """Total, reasoning included."""
    cost_pico: int = 0
    """Of all attempts at this item, in 10^-12 of ``currency``."""
    currency: str = ""
    time_s: float = 0.0
    """Wall time of the answer that counted, seconds."""
    call_id: str = ""
    model_answered: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes an item one and the same: offer, form and sample."""
        return (self.offer, self.form_digest, self.sample)


class RunFile:
    """An open run file; one process at a time.

    Use as a context manager: entering opens, locks, mends and reads it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self.records: dict[tuple[str, str, str], Record] = {}

    def __enter__(self) -> RunFile:
        """Opens the file, making it and its folder when they are missing.

        Raises:
            ConfigError: another process has it open.
            StoreUnavailable: it cannot be opened, or holds something else.
        """
        with ExitStack() as undo:
            undo.callback(self.close)
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._recover()
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
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def append(self, record: Record) -> None:
        """Writes one finished item; it survives the death of this process from here on.

        Raises:
            StoreUnavailable: the disk is full or gone.
        """
        data = _encode(record)
        try:
            written = os.write(self._fd, data)
            if written < len(data):
                # Cut at once: items of other offers may still be written behind it.
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
                raise StoreUnavailable(f"run file {self._path.name}: no room for a whole line")
        except OSError as error:
            raise StoreUnavailable(f"run file {self._path.name}: {error.strerror}") from error
        self.records[record.key] = record

    def _recover(self) -> None:
        with os.fdopen(os.dup(self._fd), "rb") as file:
            file.seek(0)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        for record in _decode_all(data[:whole], self._path.name):
            self.records[record.key] = record
        if whole < len(data):
            os.ftruncate(self._fd, whole)


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


def _encode(record: Record) -> bytes:
    value = record.grade.value
    row = {
        "v": _VERSION,
        "offer": record.offer,
        "form": record.form_digest,
        "sample": record.sample,
        # Exact: a float would not give the same verdict after a resume.
        "grade": None if value is None else f"{value.numerator}/{value.denominator}",
        "reason": record.grade.reason,
        "extracted": record.grade.extracted,
        "is_answered": record.is_answered,
        "answer": record.answer[:ANSWER_CHARS_KEPT],
        "finish_reason": record.finish_reason,
        "input_tokens": record.input_tokens,
        "output_tokens": record.output_tokens,
        "cost_pico": str(record.cost_pico),
        "currency": record.currency,
        "time_s": round(record.time_s, 6),
        "call_id": record.call_id,
        "model_answered": record.model_answered,
        "finished_at": record.finished_at.isoformat(),
    }
    # ASCII only: an answer may hold a lone surrogate, which UTF-8 cannot.
    return json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _decode_all(data: bytes, name: str) -> Iterator[Record]:
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            yield _decode(json.loads(line))
        except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise StoreUnavailable(
                f"run file {name}, line {number} cannot be read ({error}); "
                "move the file away to weigh from the start"
            ) from error


def _decode(row: dict[str, object]) -> Record:
    if row["v"] != _VERSION:
        raise ValueError(f"version {row['v']}, this steelyard writes {_VERSION}")
    value = None if row["grade"] is None else Fraction(str(row["grade"]))
    return Record(
        offer=str(row["offer"]),
        form_digest=str(row["form"]),
        sample=str(row["sample"]),
        grade=Grade(value, str(row["reason"]), str(row["extracted"])),
        finished_at=_instant(str(row["finished_at"])),
        is_answered=row["is_answered"] is True,
        answer=str(row["answer"]),
        finish_reason=str(row["finish_reason"]),
        input_tokens=int(str(row["input_tokens"])),
        output_tokens=int(str(row["output_tokens"])),
        cost_pico=int(str(row["cost_pico"])),
        currency=str(row["currency"]),
        time_s=float(str(row["time_s"])),
        call_id=str(row["call_id"]),
        model_answered=str(row["model_answered"]),
    )


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.utcoffset() is None:
        raise ValueError(f"{text} has no zone")
    return instant
