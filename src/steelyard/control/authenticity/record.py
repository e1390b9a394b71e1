"""The record of a test: every question when it is sent and every answer when it came, append-only.

One JSON object a line. A run that died goes on from it: what was answered is not asked again, and
what was sent without an answer is not either, since it may be booked; it counts as lost, at its
bound. The file holds questions' answers, so it has mode 0600, and its SHA-256 stands with the
verdict: who doubts a verdict can be shown what it rests on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from steelyard.control.authenticity.heard import Heard
from steelyard.control.authenticity.schedule import Slot
from steelyard.domain.errors import Overloaded, StoreUnavailable
from steelyard.weigh.linefile import LineFile

_VERSION = 1
_END = b'\n{"verdict":'
_KEPT = frozenset(field.name for field in fields(Heard)) - {"status", "lost"}


class Record:
    """One test's file, open for one process; use as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head: dict[str, Any] = {}
        """What is tested, as ``begin`` was given it; empty in a new file."""
        self.heard: dict[Slot, Heard] = {}
        self.sent: dict[Slot, int] = {}
        """Bound, in pico-units of its side's currency, of what was sent, answered or not."""
        self.verdict: int = 0
        """Number of the measurement that was made of it; 0 while it is not finished."""
        self._file = LineFile(path)

    def __enter__(self) -> Record:
        """Opens the file, making it when it is missing.

        Raises:
            Overloaded: another run writes it.
            StoreUnavailable: it cannot be opened, or holds something else.
        """
        try:
            self._file.open()
            self._take_all(line for _, line in self._file.lines())
        except BlockingIOError as error:
            self.close()
            raise Overloaded("That test runs already.") from error
        except OSError as error:
            self.close()
            raise StoreUnavailable(f"{self.path.name}: {error.strerror}") from error
        except StoreUnavailable:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file and gives up its lock; more than once does no harm."""
        self._file.close()

    def begin(self, head: Mapping[str, Any]) -> None:
        """Says what is tested; the first line."""
        self._write({"v": _VERSION, "head": dict(head)})
        self.head = dict(head)

    def send(self, slot: Slot, bound_pico: int) -> None:
        """Notes that a question is about to be sent; it may be booked from here on."""
        self._write({"sent": slot, "bound_pico": str(bound_pico)})
        self.sent[slot] = bound_pico

    def hear(self, slot: Slot, heard: Heard) -> None:
        """Notes what came back."""
        told = {name: value for name, value in asdict(heard).items() if name in _KEPT}
        self._write({"heard": slot, **told, "cost_pico": str(heard.cost_pico)})
        self.heard[slot] = heard

    def end(self, number: int) -> None:
        """Notes the measurement that was made of it; nothing is added any more."""
        self._write({"verdict": number})
        self.verdict = number

    def digest(self) -> str:
        """SHA-256 of all lines before the one that names the measurement, hexadecimal."""
        data = self.path.read_bytes()
        end = data.rfind(_END)
        return hashlib.sha256(data if end < 0 else data[: end + 1]).hexdigest()

    def _write(self, line: Mapping[str, Any]) -> None:
        # An answer may hold a lone surrogate, which UTF-8 cannot, and its log-probabilities what is
        # no number: this way both come back as they were.
        data = json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        try:
            self._file.append(data)
        except OSError as error:
            raise StoreUnavailable(f"{self.path.name}: {error.strerror}") from error

    def _take_all(self, lines: Iterable[bytes]) -> None:
        for number, line in enumerate(lines, start=1):
            if self.verdict:
                continue  # nobody judged what stands behind a verdict
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise StoreUnavailable(
                    f"{self.path.name}, line {number} cannot be read; move it away to start anew"
                ) from error

    def _take(self, row: dict[str, Any]) -> None:
        if "head" in row:
            if row["v"] != _VERSION:
                raise ValueError(f"version {row['v']}")
            self.head = row["head"]
        elif "sent" in row:
            self.sent[Slot(*row["sent"])] = int(row["bound_pico"])
        elif "verdict" in row:
            self.verdict = int(row["verdict"])
        else:
            told = {name: row[name] for name in _KEPT if name in row}
            logprobs = told.get("logprobs")
            told["logprobs"] = logprobs and [(str(t), float(p)) for t, p in logprobs]
            self.heard[Slot(*row["heard"])] = Heard(**{**told, "cost_pico": int(row["cost_pico"])})


def read(path: Path) -> Record:
    """A record as it is now, without its lock: another may be writing it.

    Raises:
        StoreUnavailable: it cannot be opened, or holds something else.
    """
    found = Record(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(f"{path.name}: {error.strerror}") from error
    found._take_all(data[: data.rfind(b"\n") + 1].splitlines())
    return found


def unfinished(folder: Path, head: Mapping[str, Any], since_ns: int) -> Path | None:
    """The newest record of the very same test that was begun since then and has no verdict."""
    for path in sorted(folder.glob("*.jsonl"), reverse=True):
        try:
            found = read(path)
        except StoreUnavailable:
            continue  # somebody else's file: a new one is begun
        told = found.head
        is_same = all(told.get(name) == value for name, value in head.items())
        if told and is_same and not found.verdict and told.get("began_ns", 0) >= since_ns:
            return path
    return None
