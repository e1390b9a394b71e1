"""Weighings as control runs them: on demand, and in the background while nobody calls.

A weighing is booked like any other traffic, to the account ``weighing``. What it finds goes into
the database as verdicts and from there into the next snapshot: that is how traffic comes to flow.

One weighing runs at a time. Whoever asks for one waits for others that were asked for, never for
the background: that one stops in the middle of its item and goes on later from its run file.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection

from steelyard.control import contenders, proving, taskbook
from steelyard.control.control import Control
from steelyard.control.proving import Proofs
from steelyard.control.weighing_key import weighing_key
from steelyard.domain.errors import ConfigError, SteelyardError, StoreUnavailable
from steelyard.domain.tasks import Task, form_digest
from steelyard.store import objects, proofs
from steelyard.store.revisions import Change
from steelyard.weigh.asking import Ask, AskError, Contender
from steelyard.weigh.catalog import find_task
from steelyard.weigh.datasets import Dataset, load_set
from steelyard.weigh.runner import Options, Progress, Result, run
from steelyard.weigh.stats import Interval

log = logging.getLogger(__name__)

IDLE_LOOK_S = 3.0
KNOWN_WITHIN_S = 15.0
_PAUSE_MIN_S, _PAUSE_MAX_S = 30.0, 600.0
"""How long the background rests after a weighing that proved nothing; doubles each time."""
_NOTE_EVERY_S = 1.0
_GAVE_WAY = "stopped to let another go first, or because control ended"


class Asker(Ask, Protocol):
    """An ``Ask`` that must be closed; ``control.asking.GatewayAsk`` is the real one."""

    async def wait_until_known(self, timeout_s: float) -> bool:
        """Whether the gateway knows the key by now."""

    async def close(self) -> None:
        """Lets go of connections."""


MakeAsker = Callable[[str, str, asyncio.Event | None], Asker]
"""From address, key and the event that a foreground call sets; None for who gives way to nobody."""


@dataclass
class Standing:
    """How far one offer's weighing is."""

    number: int
    task: str
    offer: str
    done: int = 0
    total: int = 0
    noted: int = 0
    """How many of ``done`` the database knows of."""
    bounds: Callable[[], Interval] | None = None


@dataclass(frozen=True)
class _Job:
    """One weighing to run."""

    task: Task
    dataset: Dataset
    contenders: Sequence[Contender]
    standings: Sequence[Standing]
    path: Path
    limit: int = 0
    is_background: bool = False


class Weighings:
    """Runs one weighing at a time; the rest waits its turn."""

    def __init__(self, control: Control, url: str, make_asker: MakeAsker | None = None) -> None:
        """``url`` is the gateway's own address on this machine."""
        self._control = control
        self._url = url
        self._make_asker = make_asker or _gateway_asker
        self._turn = asyncio.Lock()
        self._busy = asyncio.Event()
        self._asked: set[asyncio.Task[bool]] = set()
        self._idle: asyncio.Task[bool] | None = None
        self._standings: dict[int, Standing] = {}

    async def start(self, task_name: str, offers: Sequence[str], limit: int) -> dict[str, Any]:
        """Begins a weighing on demand and returns what was begun; it runs on by itself.

        Args:
            task_name: a task in force.
            offers: offers to weigh; empty for all that are enabled and have a price.
            limit: items at most; 0 for all.

        Raises:
            ConfigError: no such task or offer, or nothing to weigh.
        """
        task = find_task(task_name, self._tasks())
        found = await self._control.read(lambda c: contenders.named(c, offers))
        if not found:
            raise ConfigError("There is no offer to weigh; add one to steelyard.yaml.")
        job = await self._begin(task, found, f"{time.time_ns():x}", limit)
        running = asyncio.get_running_loop().create_task(self._run(job))
        self._asked.add(running)
        running.add_done_callback(self._on_asked_ended)
        if self._idle is not None:
            self._idle.cancel()
        return {"task": task.name, "weighings": [standing.number for standing in job.standings]}

    async def live(self) -> dict[int, dict[str, Any]]:
        """What is running now, by number: how many items are done, and the bounds so far."""
        running = list(self._standings.values())
        # Bounds over a long run take their time, so they are worked out off the loop.
        return await asyncio.to_thread(lambda: {each.number: _live(each) for each in running})

    async def run_when_idle(self) -> None:
        """Weighs in the background what has no verdict yet, for ever."""
        self._control.on_busy.append(self._busy)
        pause_s = _PAUSE_MIN_S
        while True:
            await asyncio.sleep(IDLE_LOOK_S)
            config = self._control.config
            if config is None or not config.weigh_when_idle or self._asked:
                continue
            try:
                found = await self._next_idle()
                if found is None or self._asked:
                    continue
                is_proof = await self._weigh_idle(*found)
            except (SteelyardError, OSError) as error:
                log.warning("background weighing paused: %s", error)
                is_proof = False
            if is_proof:
                pause_s = _PAUSE_MIN_S
            else:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _PAUSE_MAX_S)

    async def close(self) -> None:
        """Stops what was asked for; what is done of it stays in its run file."""
        asked = set(self._asked)
        for running in asked:
            running.cancel()
        if asked:
            await asyncio.wait(asked)

    def _on_asked_ended(self, running: asyncio.Task[bool]) -> None:
        self._asked.discard(running)
        if not running.cancelled() and (error := running.exception()) is not None:
            log.error("a weighing broke off", exc_info=error)

    async def _weigh_idle(self, task: Task, found: Sequence[Contender], mark: str) -> bool:
        """Whether it went well, or gave way and goes on as soon as it may."""
        job = await self._begin(task, found, mark, is_background=True)
        idle = self._idle = asyncio.get_running_loop().create_task(self._run(job))
        try:
            await asyncio.wait({idle})
        finally:
            self._idle = None
            if not idle.done():
                idle.cancel()
                await asyncio.wait({idle})
        return idle.cancelled() or idle.result()

    async def _next_idle(self) -> tuple[Task, list[Contender], str] | None:
        """The first task, in order, with embedded offers that are up and not decided.

        With them comes the mark of their run file, which is a new one for what went stale.
        """
        down = self._control.engines.channel_states()

        def work(connection: Connection) -> tuple[list[Contender], dict[str, Any], Proofs]:
            offers = contenders.embedded(connection, down)
            tasks = objects.current(connection, "task")
            return offers, tasks, proving.load(connection, tasks, time.time_ns())

        offers, stored, found = await self._control.read(work)
        verdicts = proving.fresh(found)
        # The shortest answers first: something is proven sooner.
        cheapest = sorted(self._tasks().items(), key=lambda each: each[1].form.output_tokens_max)
        for name, task in cheapest:
            if not task.is_weighed_when_idle or name not in stored:
                continue
            weighed = contenders.weighed(task, stored[name].body["digests"], verdicts)
            if missing := [one for one in offers if one.offer not in weighed]:
                return task, missing, contenders.mark(missing, found.get(name, {}))
        return None

    async def _begin(
        self,
        task: Task,
        found: Sequence[Contender],
        mark: str,
        limit: int = 0,
        *,
        is_background: bool = False,
    ) -> _Job:
        dataset = await asyncio.to_thread(load_set, task.set_name)
        digest = form_digest(task, task.form, dataset.digest)
        stored = await self._control.read(lambda c: objects.current(c, "task").get(task.name))
        if stored is None or digest not in stored.body["digests"]:
            # The set's file changed since it was applied: verdicts on it must count from now on.
            await self._control.read_config()
        total = min(limit or len(dataset.samples), len(dataset.samples))

        def work(connection: Connection, _change: Change) -> list[Standing]:
            now_ns = time.time_ns()
            return [
                Standing(
                    proofs.begin_weighing(connection, task.name, one.offer, total, now_ns),
                    task.name,
                    one.offer,
                    total=total,
                )
                for one in found
            ]

        standings = await self._control.write("weighing", f"weigh {task.name}", work)
        self._standings.update((standing.number, standing) for standing in standings)
        if is_background:
            # The digest is in the file's name: another form or set is another weighing.
            mark = f"idle-{digest}{mark}"
        path = self._path(task, mark)
        return _Job(task, dataset, found, standings, path, limit, is_background)

    async def _run(self, job: _Job) -> bool:
        """Runs one weighing and writes down what it says, or why it says nothing.

        Returns:
            Whether every offer has a verdict.
        """
        results: dict[str, Result] = {}
        problem = "broke off"
        try:
            async with self._turn:
                results = {result.offer: result for result in await self._weigh(job)}
            problem = ""
        except (SteelyardError, AskError) as error:
            problem = str(error)
            log.warning("weighing of %s ended: %s", job.task.name, error)
        except asyncio.CancelledError:
            problem = _GAVE_WAY
            raise
        finally:
            for standing in job.standings:
                self._standings.pop(standing.number, None)
            n_verdicts = await self._end(job.standings, results, problem)
            self._control.publisher.core.want()
        return n_verdicts == len(job.standings)

    async def _weigh(self, job: _Job) -> list[Result]:
        by_offer = {standing.offer: standing for standing in job.standings}
        options = Options(
            now=lambda: datetime.now(UTC),
            limit=job.limit,
            on_progress=lambda progress: _take(by_offer[progress.offer], progress),
        )
        key = await weighing_key(self._control)
        ask = self._make_asker(self._url, key, self._busy if job.is_background else None)
        ended = asyncio.Event()
        noting = asyncio.get_running_loop().create_task(self._note(job.standings, ended))
        if job.is_background:
            self._control.set_background(True)
        try:
            if not await ask.wait_until_known(KNOWN_WITHIN_S):
                raise StoreUnavailable("The gateway does not answer weighing's key yet.")
            return await run(
                job.task, job.dataset, job.contenders, ask, path=job.path, options=options
            )
        finally:
            if job.is_background:
                self._control.set_background(False)
            ended.set()
            await noting
            await ask.close()

    async def _note(self, standings: Sequence[Standing], ended: asyncio.Event) -> None:
        """Writes now and then how far it is, off the loop; the end is written by ``_end``."""
        while not ended.is_set():
            try:
                async with asyncio.timeout(_NOTE_EVERY_S):
                    await ended.wait()
            except TimeoutError:
                moved = [(s, s.done, s.total) for s in standings if s.done != s.noted]
                if moved:
                    await asyncio.to_thread(self._write_notes, moved)

    def _write_notes(self, moved: Iterable[tuple[Standing, int, int]]) -> None:
        try:
            with self._control.database.write() as connection:
                for standing, done, total in moved:
                    standing.noted = done
                    proofs.update_weighing(
                        connection, standing.number, items_done=done, items_total=total
                    )
        except StoreUnavailable as error:
            log.warning("the progress of a weighing could not be noted: %s", error)

    async def _end(
        self, standings: Sequence[Standing], results: Mapping[str, Result], problem: str
    ) -> int:
        """Writes verdicts down; how many there were."""

        def work(connection: Connection, _change: Change) -> int:
            n_verdicts = 0
            for standing in standings:
                result = results.get(standing.offer)
                detail = problem or (result.stopped if result is not None else "")
                if result is not None and not detail and result.verdict.n:
                    proofs.add_verdict(connection, result.verdict)
                    n_verdicts += 1
                proofs.update_weighing(
                    connection,
                    standing.number,
                    state="stopped" if detail else "done",
                    items_done=standing.done,
                    items_total=standing.total,
                    ended_at_ns=time.time_ns(),
                    detail=detail[:300],
                )
            return n_verdicts

        count: int = await self._control.write("weighing", "a weighing ended", work)
        return count

    def _tasks(self) -> dict[str, Task]:
        if self._control.config is None:
            return {}
        return taskbook.tasks(self._control.config)

    def _path(self, task: Task, mark: str) -> Path:
        folder = self._control.places.home / "weighings"
        return folder / f"{re.sub('[^a-z0-9]+', '-', task.name)}-{mark}.jsonl"


def _take(standing: Standing, progress: Progress) -> None:
    standing.done, standing.total = progress.n_done, progress.n_total
    standing.bounds = progress.bounds


def _live(standing: Standing) -> dict[str, Any]:
    found: dict[str, Any] = {"items_done": standing.done, "items_total": standing.total}
    if standing.bounds is not None:
        found["lower"], found["upper"] = map(str, standing.bounds())
    return found


def _gateway_asker(url: str, key: str, busy: asyncio.Event | None) -> Asker:
    # Imported when first needed: its HTTP client costs a sixth of control's start.
    from steelyard.control.asking import GatewayAsk  # noqa: PLC0415

    return GatewayAsk(url, key, busy)
