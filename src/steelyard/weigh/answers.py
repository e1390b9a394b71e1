"""Answers kept by what was asked, so that nothing is paid for twice over weighings.

The same offer under the same name at its vendor, asked the same bytes, gives the stored answer for
free: in another run file, under another name of the task, at another floor, for another grader. It
keeps its date, its tokens, its cost and the model that gave it, so that nothing old looks new and
an accepted answer costs what it costs. Whoever wants the offer as it is today asks afresh
(``since``).

One append-only file an offer, named by a digest of offer and vendor's name, so that no offer is
ever served another's answers. Files have mode 0600, are bounded in size (the older half goes) and
age, and are read by one process: control's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from steelyard.domain.errors import StoreUnavailable
from steelyard.domain.instants import read_instant
from steelyard.domain.tallies import tally_of
from steelyard.weigh.asking import Answer, Ask
from steelyard.weigh.linefile import LineFile, encoded, offset_of

ANSWER_BYTES_MAX = 256 * 1024
"""A longer answer is asked for anew."""
FILE_BYTES_MAX = 64 << 20
"""Of one offer: some ten thousand answers of ordinary length."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept, and for how long."""

    days_max: int = 30
    file_bytes_max: int = FILE_BYTES_MAX


class AnswerStore:
    """The stored answers of one offer."""

    def __init__(self, folder: Path, offer: str, upstream: str, bounds: Bounds) -> None:
        """``upstream`` is the model's name at the vendor."""
        name = hashlib.sha256(f"{offer}\0{upstream}".encode()).hexdigest()[:24]
        self._file = LineFile(folder / f"{name}.jsonl")
        self._bounds = bounds
        self._places: dict[bytes, int] = {}

    def open(self, now: datetime) -> None:
        """Opens and reads the file; what is too old is forgotten.

        Raises:
            OSError: it cannot be.
        """
        oldest = (now - timedelta(days=self._bounds.days_max)).timestamp()
        self._places.clear()
        self._file.open(is_locked=False)
        for place, line in self._file.lines():
            found = _head(line)
            if found is not None and found[1] >= oldest:
                self._places[found[0]] = place

    def close(self) -> None:
        """Closes the file; more than once does no harm."""
        self._file.close()

    def get(self, key: bytes) -> Answer | None:
        """The stored answer to a request; None when there is none."""
        place = self._places.get(key)
        if place is None:
            return None
        try:
            return _read(json.loads(self._file.read(place)))
        except (ValueError, KeyError, TypeError):
            return None

    def put(self, key: bytes, answer: Answer, now: datetime) -> None:
        """Keeps an answer that says something and is not too long.

        Raises:
            OSError: the disk is full or gone.
        """
        if not answer.text.strip():
            return
        line = _line(key, answer, now)
        if len(line) > ANSWER_BYTES_MAX:
            return
        if self._file.size + len(line) > self._bounds.file_bytes_max:
            self._halve()
        self._places[key] = self._file.append(line)

    def _halve(self) -> None:
        """Drops the older half, through a new file that takes the place of the old one."""
        keep = self._file.size - self._bounds.file_bytes_max // 2
        fresh = LineFile(self._file.path.with_suffix(".new"))
        fresh.path.unlink(missing_ok=True)  # one that a crash left
        with ExitStack() as undo:
            undo.callback(fresh.close)
            fresh.open(is_locked=False)
            places = {
                key: fresh.append(self._file.read(place))
                for key, place in sorted(self._places.items(), key=lambda pair: pair[1])
                if offset_of(place) >= keep
            }
            fresh.take_place_of(self._file)
            undo.pop_all()  # all went well: it stays open
        self._file, self._places = fresh, places


class StoringAsk:
    """Asks only what is not known: an ``Ask`` before another one."""

    def __init__(
        self,
        ask: Ask,
        stores: Mapping[str, AnswerStore],
        now: Callable[[], datetime],
        since: Mapping[str, datetime] | None = None,
        *,
        is_fresh: bool = False,
    ) -> None:
        """Stands before ``ask``.

        Args:
            ask: asks.
            stores: by offer, open; an offer without one is always asked.
            now: aware UTC.
            since: answers of an offer at or before this instant do not count, since it has changed.
            is_fresh: whether all is asked anew; it is kept all the same.
        """
        self._ask = ask
        self._stores = stores
        self._now = now
        self._since = since or {}
        self._is_fresh = is_fresh

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        """The stored answer, or a new one; see ``weigh.asking.Ask``."""
        store = self._stores.get(offer)
        if store is None:
            return await self._ask(offer, request, task=task)
        key = key_of(request)
        known = None if self._is_fresh else store.get(key)
        if known is not None and known.answered_at is not None:
            since = self._since.get(offer)
            if since is None or known.answered_at > since:
                return known
        answer = await self._ask(offer, request, task=task)
        # A disk that fails costs the next weighing money, not this one its answer.
        with suppress(OSError):
            store.put(key, answer, self._now())
        return answer


class Kept(NamedTuple):
    """Whose answers are kept, and how much of them."""

    models: Mapping[str, str]
    """Names at the vendor, by offer."""
    bounds: Bounds


def open_all(folder: Path, kept: Kept, into: dict[str, AnswerStore], now: datetime) -> None:
    """Opens the stores of offers; forgets files that nobody added to for too long.

    Args:
        folder: where they lie.
        kept: whose.
        into: gets each as it is opened, so that the caller can close it whatever comes.
        now: aware UTC.

    Raises:
        StoreUnavailable: the disk is gone.
    """
    try:
        for offer, model in kept.models.items():
            if offer not in into:
                into[offer] = AnswerStore(folder, offer, model, kept.bounds)
                into[offer].open(now)
        if into:
            tidy(folder, now, kept.bounds.days_max)
    except OSError as error:
        raise StoreUnavailable(f"stored answers: {error.strerror}") from error


def key_of(request: Mapping[str, object]) -> bytes:
    """What tells a request from others: 16 bytes over all of it."""
    return hashlib.sha256(msgspec.json.encode(request, order="sorted")).digest()[:16]


def tidy(folder: Path, now: datetime, days_max: int) -> int:
    """Deletes files that nothing was added to for so long; how many."""
    oldest = (now - timedelta(days=days_max)).timestamp()
    found = [path for path in folder.glob("*.jsonl") if path.stat().st_mtime < oldest]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def _line(key: bytes, answer: Answer, now: datetime) -> bytes:
    row = {
        "k": key.hex(),
        "at": round(now.timestamp(), 3),
        "text": answer.text,
        "finish_reason": answer.finish_reason,
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "cost_pico": str(answer.cost_pico),
        "currency": answer.currency,
        "used": None if answer.used is None else answer.used.plain(),
        "time_s": round(answer.time_s, 6),
        "call_id": answer.call_id,
        "model_answered": answer.model_answered,
        "answered_at": now.isoformat(),
    }
    return encoded(row)


def _head(line: bytes) -> tuple[bytes, float] | None:
    """Key and age of a line, without reading the answer in it."""
    try:
        row = json.loads(line)
        return bytes.fromhex(row["k"]), float(row["at"])
    except (ValueError, KeyError, TypeError):
        return None


def _read(row: Mapping[str, object]) -> Answer:
    used = row.get("used")  # earlier versions did not keep it
    return Answer(
        text=str(row["text"]),
        finish_reason=str(row["finish_reason"]),
        input_tokens=int(str(row["input_tokens"])),
        output_tokens=int(str(row["output_tokens"])),
        cost_pico=int(str(row["cost_pico"])),
        currency=str(row["currency"]),
        used=None if used is None else tally_of(used),  # type: ignore[arg-type]
        time_s=float(str(row["time_s"])),
        call_id=str(row["call_id"]),
        model_answered=str(row["model_answered"]),
        answered_at=read_instant(str(row["answered_at"])),
    )
