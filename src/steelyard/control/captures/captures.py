"""Requests of consenting accounts, kept to draw test items from.

Workers send a share of the chats of accounts whose policy says ``captures``, whichever door they
came by. Here they become chats of one kind (``captured_chats``) and are redacted before they touch
the disk, and lie by account and day in files of mode 0600, for so many days and so many megabytes.
A set that is drawn holds one account's requests only. What cannot be redacted (pictures, files, no
chat) is not kept; answers are never kept. Nothing of a text is ever logged.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.config.weighing import Captures as Rules
from steelyard.control.captures.chats import CHAT, chat_of
from steelyard.domain.errors import ConfigError
from steelyard.domain.instants import DAY_NS, instant_of
from steelyard.weigh.redaction import redact

log = logging.getLogger(__name__)

WAITING_MAX = 256
"""Requests that wait to be redacted; further ones are lost, which the counts tell."""
_FOLDER = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Captured(NamedTuple):
    """One request as a worker sent it."""

    at_ns: int
    account_id: str
    policy: str
    """Name of the policy that consented."""
    task: str
    model: str
    body: bytes
    door: str
    """Dialect that the client spoke."""


class Kept(NamedTuple):
    """How much is kept of one account and task on one day."""

    account: str
    """Its path when the request was captured."""
    task: str
    day: str
    """ISO date, UTC."""
    requests: int


class Captures:
    """Keeps, counts, draws and deletes; one for a control process."""

    def __init__(
        self, folder: Path, rules: Callable[[], Rules], paths: Callable[[], Mapping[str, str]]
    ) -> None:
        """Takes what it stands on.

        Args:
            folder: where requests lie; made when there is something to keep.
            rules: gives the rules in force.
            paths: gives the accounts' paths by their ids; may block.
        """
        self._folder = folder
        self._rules = rules
        self._paths = paths
        self._waiting: deque[Captured] = deque(maxlen=WAITING_MAX)
        self.dropped: Counter[str] = Counter()
        """Requests that were not kept since the start, by reason."""

    def take(self, fields: list[Any], at_ns: int) -> None:
        """Takes in what a worker sent; quick, and never fails because of what is in it."""
        # A worker of the version before takes the chat door alone and does not name it.
        account_id, policy, task, model, body, door = fields if len(fields) > 5 else [*fields, CHAT]
        if not _FOLDER.fullmatch(str(account_id)) or not isinstance(body, bytes):
            raise ValueError("a captured request without an account or a body")
        if len(self._waiting) == WAITING_MAX:
            self.dropped["too many at a time"] += 1
        about = str(account_id), str(policy), str(task), str(model)
        self._waiting.append(Captured(at_ns, *about, body, str(door)))

    async def keep_once(self) -> None:
        """Redacts and writes down what waits, off the loop."""
        waiting: list[Captured] = []
        while self._waiting:
            waiting.append(self._waiting.popleft())
        if waiting:
            await asyncio.to_thread(self._keep, waiting)

    async def tidy_once(self) -> None:
        """Deletes what is too old or too much."""
        await asyncio.to_thread(self._tidy, time.time_ns())

    def kept(self) -> list[Kept]:
        """What there is to draw from, by account, task and day."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for path in self._files():
            for row in _rows(path):
                counts[row["account"], row["task"], path.stem] += 1
        return [Kept(*key, count) for key, count in sorted(counts.items())]

    def draw(self, account: str, task: str, n_max: int, seed: int) -> list[dict[str, Any]]:
        """Test items from one account's requests, the same ones for the same seed.

        Args:
            account: its path; those below it are not part of it.
            task: only calls of this task; empty for all.
            n_max: items at most.
            seed: of the drawing.

        Raises:
            ConfigError: nothing of that account and task is kept.
        """
        found: dict[str, dict[str, Any]] = {}
        for path in self._files():
            for row in _rows(path):
                if row["account"] == account and task in ("", row["task"]):
                    item = _item(row)
                    found.setdefault(item["id"], item)
        if not found:
            of_task = f" for task {task}" if task else ""
            raise ConfigError(
                f"Nothing of account {account}{of_task} is kept; steelyard captures list shows what"
                " is, and requests of an account are where its policy says captures"
            )
        order = sorted(found, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
        return [found[name] for name in order[:n_max]]

    def policy_of(self, account: str) -> str:
        """The policy under which an account's newest request was captured."""
        newest = (0, "")
        for path in self._files():
            for row in _rows(path):
                if row["account"] == account:
                    newest = max(newest, (row["at_ns"], row["policy"]))
        return newest[1]

    def delete(self, account: str) -> int:
        """Deletes all that is kept of an account; how many requests that were."""
        count = 0
        for path in list(self._files()):
            rows = list(_rows(path))
            left = [row for row in rows if row["account"] != account]
            count += len(rows) - len(left)
            if not left:
                path.unlink()
            elif len(left) < len(rows):
                beside = path.with_suffix(".new")
                beside.unlink(missing_ok=True)  # one that a crash left would bring back others
                _append(beside, left)
                beside.replace(path)
        return count

    def _keep(self, waiting: Iterable[Captured]) -> None:
        words = self._rules().words
        paths = self._paths()
        for each in waiting:
            chat = chat_of(each.door, each.body)
            if chat.request is None:
                self.dropped[chat.reason] += 1
                continue
            clean = redact(chat.request, words, chat.called)
            if clean.request is None:
                self.dropped[clean.reason] += 1
                continue
            row = {
                "at_ns": each.at_ns,
                "account": paths.get(each.account_id, each.account_id),
                "policy": each.policy,
                "task": each.task,
                "model": each.model,
                "door": each.door,
                "redacted": dict(clean.counts),
                "request": clean.request,
            }
            path = self._folder / each.account_id / f"{_day(each.at_ns)}.jsonl"
            _append(path, [row])

    def _tidy(self, now_ns: int) -> None:
        rules = self._rules()
        first_day = _day(now_ns - rules.days * DAY_NS)
        room = rules.megabytes_max << 20
        for path in sorted(self._files(), key=lambda each: each.stem, reverse=True):
            room -= path.stat().st_size
            if path.stem < first_day or room < 0:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        yield from sorted(self._folder.glob("*/*.jsonl"))


def _day(at_ns: int) -> str:
    return instant_of(at_ns).date().isoformat()


def _append(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n" for row in rows)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file; one that a crash has torn is passed over."""
    with path.open(encoding="ascii") as file:
        for line in file:
            row = _parsed(line)
            if isinstance(row, dict) and "request" in row:
                yield row


def _parsed(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _item(row: dict[str, Any]) -> dict[str, Any]:
    """A test item: the request as it is, without a reference, for a judge or a person to add."""
    request = row["request"]
    text = json.dumps(request, sort_keys=True, ensure_ascii=True)
    return {
        "id": "captured-" + hashlib.sha256(text.encode()).hexdigest()[:10],
        **request,
        "reference": None,
        "source": "captured",
        "day": _day(row["at_ns"]),
    }
