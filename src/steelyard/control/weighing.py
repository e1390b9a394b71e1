"""Weighings as control runs them: on demand, and in the background while nobody calls.

A weighing is booked like any other traffic, to the account ``weighing``. What it finds goes into
the database as verdicts and from there into the next snapshot: that is how traffic comes to flow.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from steelyard.control import taskbook
from steelyard.control.compile import current_verdicts
from steelyard.control.control import Control
from steelyard.control.secret import hint_of
from steelyard.domain.accounts import KEY_PREFIX, hash_secret
from steelyard.domain.errors import ConfigError, SteelyardError, StoreUnavailable
from steelyard.domain.offers import ChannelKind
from steelyard.domain.tasks import Constraint, Task
from steelyard.store import accounts, keys, objects, proofs
from steelyard.store.revisions import Change
from steelyard.weigh.asking import AskError, Contender
from steelyard.weigh.catalog import find_task
from steelyard.weigh.datasets import Dataset, load_set
from steelyard.weigh.runner import Options, Progress, Result, run

log = logging.getLogger(__name__)

ACCOUNT = "weighing"
IDLE_LOOK_S = 3.0
KNOWN_WITHIN_S = 15.0
_NOTE_EVERY_S = 1.0


@dataclass
class Standing:
    """How far one offer's weighing is."""

    number: int
    task: str
    offer: str
    done: int = 0
    total: int = 0
    noted_at_s: float = field(default=0.0, repr=False)


class Weighings:
    """Runs one weighing at a time; the rest waits its turn."""

    def __init__(self, control: Control, url: str) -> None:
        """``url`` is the gateway's own address on this machine."""
        self._control = control
        self._url = url
        self._turn = asyncio.Lock()
        self._busy = asyncio.Event()
        self._asked: set[asyncio.Task[None]] = set()

    async def start(self, task_name: str, offers: Sequence[str], limit: int) -> dict[str, Any]:
        """Begins a weighing on demand and returns what was begun; it runs on by itself.

        Args:
            task_name: a task in force.
            offers: offers to weigh; empty for all that have a price.
            limit: items at most; 0 for all.

        Raises:
            ConfigError: no such task or offer, or nothing to weigh.
        """
        task = find_task(task_name, self._tasks())
        contenders = await self._contenders(offers)
        if not contenders:
            raise ConfigError("There is no offer to weigh; add one to steelyard.yaml.")
        path = self._path(task, f"{time.time_ns():x}")
        standings = await self._begin(task, contenders)
        job = asyncio.get_running_loop().create_task(
            self._run(task, contenders, path, standings, limit=limit)
        )
        self._asked.add(job)
        job.add_done_callback(self._asked.discard)
        return {"task": task.name, "weighings": [standing.number for standing in standings]}

    async def run_when_idle(self) -> None:
        """Weighs in the background what has no verdict yet, for ever."""
        self._control.on_busy.append(self._busy)
        while True:
            await asyncio.sleep(IDLE_LOOK_S)
            config = self._control.config
            if config is None or not config.weigh_when_idle or self._asked:
                continue
            try:
                found = await self._next_idle()
                if found is not None:
                    await self._weigh_idle(*found)
            except (SteelyardError, OSError) as error:
                log.warning("background weighing paused: %s", error)
                await asyncio.sleep(10 * IDLE_LOOK_S)

    async def _weigh_idle(self, task: Task, contenders: list[Contender]) -> None:
        standings = await self._begin(task, contenders)
        self._control.set_background(True)
        try:
            await self._run(task, contenders, self._path(task, "idle"), standings, busy=self._busy)
        finally:
            self._control.set_background(False)

    async def _next_idle(self) -> tuple[Task, list[Contender]] | None:
        """The first task, in order, with embedded offers that are up and have no verdict."""
        down = self._control.engines.channel_states()

        def work(connection: Connection) -> tuple[list[Any], dict[str, set[str]]]:
            channels = objects.current(connection, "channel")
            offers = [
                stored.body
                for stored in objects.current(connection, "offer").values()
                if (channel := channels.get(stored.body["channel"])) is not None
                and channel.body["kind"] == ChannelKind.EMBEDDED.value
                and stored.body["channel"] not in down
            ]
            verdicts = proofs.latest_verdicts(connection)
            weighed = {
                name: {entry.offer for entry in current_verdicts(name, stored.body, verdicts)}
                for name, stored in objects.current(connection, "task").items()
            }
            return offers, weighed

        offers, weighed = await self._control.read(work)
        # The shortest answers first: something is proven sooner.
        cheapest = sorted(self._tasks().items(), key=lambda each: each[1].form.output_tokens_max)
        for name, task in cheapest:
            if not task.is_weighed_when_idle:
                continue
            missing = [o for o in offers if _name(o) not in weighed.get(name, set())]
            if missing:
                return task, [_contender(offer) for offer in missing]
        return None

    async def _contenders(self, names: Sequence[str]) -> list[Contender]:
        stored = await self._control.read(lambda c: objects.current(c, "offer"))
        bodies = {_name(entry.body): entry.body for entry in stored.values()}
        unknown = [name for name in names if name not in bodies]
        if unknown:
            raise ConfigError(f"No offer {unknown[0]!r}; steelyard offers lists them.")
        return [_contender(bodies[name]) for name in names or sorted(bodies)]

    async def _begin(self, task: Task, contenders: Sequence[Contender]) -> list[Standing]:
        total = len((await asyncio.to_thread(self._set, task)).samples)

        def work(connection: Connection, _change: Change) -> list[Standing]:
            now_ns = time.time_ns()
            return [
                Standing(
                    proofs.begin_weighing(connection, task.name, one.offer, total, now_ns),
                    task.name,
                    one.offer,
                    total=total,
                )
                for one in contenders
            ]

        begun: list[Standing] = await self._control.write("weighing", f"weigh {task.name}", work)
        return begun

    async def _run(
        self,
        task: Task,
        contenders: Sequence[Contender],
        path: Path,
        standings: Sequence[Standing],
        *,
        limit: int = 0,
        busy: asyncio.Event | None = None,
    ) -> None:
        """Runs one weighing and writes down what it says, or why it says nothing."""
        by_offer = {standing.offer: standing for standing in standings}
        # Imported when first needed: its HTTP client costs a sixth of control's start.
        from steelyard.control.asking import GatewayAsk  # noqa: PLC0415

        async with self._turn:
            ask = GatewayAsk(self._url, await self._key(), busy)
            options = Options(
                now=lambda: datetime.now(UTC),
                limit=limit,
                on_progress=lambda progress: self._note(by_offer[progress.offer], progress),
            )
            try:
                if not await ask.wait_until_known(KNOWN_WITHIN_S):
                    raise StoreUnavailable("The gateway does not answer weighing's key yet.")
                dataset = await asyncio.to_thread(self._set, task)
                results = await run(task, dataset, contenders, ask, path=path, options=options)
            except (SteelyardError, AskError) as error:
                log.warning("weighing of %s ended: %s", task.name, error)
                await self._end(standings, {}, str(error))
                return
            finally:
                await ask.close()
            await self._end(standings, {result.offer: result for result in results}, "")
        self._control.publisher.core.want()

    def _note(self, standing: Standing, progress: Progress) -> None:
        standing.done, standing.total = progress.n_done, progress.n_total
        now_s = time.monotonic()
        if now_s - standing.noted_at_s < _NOTE_EVERY_S and not progress.is_settled:
            return
        standing.noted_at_s = now_s
        with self._control.database.write() as connection:
            proofs.update_weighing(
                connection, standing.number, items_done=standing.done, items_total=standing.total
            )

    async def _end(
        self, standings: Sequence[Standing], results: Mapping[str, Result], problem: str
    ) -> None:
        def work(connection: Connection, _change: Change) -> None:
            for standing in standings:
                result = results.get(standing.offer)
                detail = problem or (result.stopped if result is not None else "")
                if result is not None and not detail and result.verdict.n:
                    proofs.add_verdict(connection, result.verdict)
                proofs.update_weighing(
                    connection,
                    standing.number,
                    state="stopped" if detail else "done",
                    items_done=standing.done,
                    ended_at_ns=time.time_ns(),
                    detail=detail[:300],
                )

        await self._control.write("weighing", "a weighing ended", work)

    def _tasks(self) -> dict[str, Task]:
        if self._control.config is None:
            return {}
        return taskbook.tasks(self._control.config)

    def _set(self, task: Task) -> Dataset:
        return load_set(task.set_name, self._control.places.config.parent)

    def _path(self, task: Task, mark: str) -> Path:
        folder = self._control.places.home / "weighings"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{re.sub('[^a-z0-9]+', '-', task.name)}-{mark}.jsonl"

    async def _key(self) -> str:
        """The key that weighings are booked under; made once, kept in a file of mode 0600."""
        path = self._control.places.home / "weigh.key"
        secret = path.read_text("ascii").strip() if path.exists() else ""
        secret_hash = hash_secret(secret.encode())
        if secret and await self._control.read(lambda c: keys.find(c, secret_hash=secret_hash)):
            return secret
        secret = KEY_PREFIX + secrets.token_urlsafe(32)

        def work(connection: Connection, change: Change) -> None:
            tree = accounts.tree(connection)
            account_id = tree.id_by_path.get(ACCOUNT)
            if account_id is None:
                account_id = accounts.add(connection, change, None, ACCOUNT, "api")
            new = keys.NewKey(hash_secret(secret.encode()), hint_of(secret), account_id, ACCOUNT)
            keys.add(connection, change, new)

        await self._control.write("weighing", "a key for weighings", work)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret + "\n")
        self._control.publisher.core.want()
        self._control.publisher.keys.want()
        return secret


def _name(body: Mapping[str, Any]) -> str:
    return str(body["name"])


def _contender(body: Mapping[str, Any]) -> Contender:
    features = set(body["features"])
    known = (c for c in (Constraint.GRAMMAR, Constraint.JSON_SCHEMA) if c.value in features)
    return Contender(_name(body), frozenset(known))
