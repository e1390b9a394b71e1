"""Weighings as control runs them: on demand, and in the background while nobody calls.

A weighing is booked like any other traffic, to the account ``weighing``. What it finds goes into
the database as verdicts and from there into the next snapshot: that is how traffic comes to flow.

One weighing runs at a time. Whoever asks for one waits for others that were asked for, never for
the background: that one stops in the middle of its item and goes on later from its run file.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from steelyard.control.begun import Begun
from steelyard.control.configuration import taskbook
from steelyard.control.control import Control
from steelyard.control.own_calls.askers import Asker, MakeAsker, gateway_asker
from steelyard.control.own_calls.booked import booked_of
from steelyard.control.own_calls.keys import KNOWN_WITHIN_S, weighing_key
from steelyard.control.prices.wanted import wanted_money
from steelyard.control.proofs import proving
from steelyard.control.proofs.proving import Proofs
from steelyard.control.weighing import contenders, ends, prices
from steelyard.control.weighing.orders import Job, Order, Standing, told
from steelyard.control.weighing.turns import Stop, Turns, refusal
from steelyard.domain.errors import ConfigError, SteelyardError, StoreUnavailable
from steelyard.domain.money import Money
from steelyard.domain.tasks import Task, form_digest
from steelyard.store import objects
from steelyard.store.revisions import Change
from steelyard.weigh import judged
from steelyard.weigh.answers import AnswerStore, Bounds, Kept, StoringAsk, open_all
from steelyard.weigh.asking import AskError, Contender
from steelyard.weigh.catalog import find_task
from steelyard.weigh.datasets import load_set
from steelyard.weigh.graders.registry import find_grader
from steelyard.weigh.runfile import path_of
from steelyard.weigh.runner import Options, Result, run
from steelyard.weigh.sandbox import unsafe_code

log = logging.getLogger(__name__)

IDLE_LOOK_S = 3.0
_PAUSE_MIN_S, _PAUSE_MAX_S = 30.0, 600.0
"""How long the background rests after a weighing that proved nothing; doubles each time."""
_NOTE_EVERY_S = 1.0
_GAVE_WAY = "stopped for another to go first, or because steelyard ended"
_TOLD_MAX = 500
"""Weighings whose ends are remembered in full, for whoever waited for them."""


class Weighings:
    """Runs one weighing at a time; the rest waits its turn."""

    def __init__(self, control: Control, url: str, make_asker: MakeAsker | None = None) -> None:
        """``url`` is the gateway's own address on this machine."""
        self._control = control
        self._url = url
        self._make_asker = make_asker or partial(gateway_asker, control)
        self._turns = Turns()
        self._busy = asyncio.Event()
        self._asked = Begun("a weighing")
        self._idle: asyncio.Task[bool] | None = None
        self._standings: dict[int, Standing] = {}
        self._told: dict[int, dict[str, Any]] = {}
        self._left_alone: set[str] = set()
        """Tasks that somebody stopped in the background: they wait for whoever asks for them."""

    async def start(self, order: Order) -> dict[str, Any]:
        """Begins a weighing on demand and returns what was begun; it runs on by itself.

        Raises:
            ConfigError: no such task or offer, nothing to weigh, an amount that is none, or a
                grader that cannot work here, such as one that runs code without a sandbox.
        """
        task = find_task(order.task, self._tasks())
        money = self._money(order)
        found = await self._control.read(lambda c: contenders.named(c, order.offers))
        if not found:
            raise ConfigError("There is no offer to weigh; add one to steelyard.yaml.")
        with _unsafe(is_allowed=order.is_unsafe_code):
            if task.grader != judged.GRADER:
                await asyncio.to_thread(find_grader, task.grader, task.grader_parameters)
            job = await self._begin(task, found, order, money, f"{time.time_ns():x}")
            # The task takes along what holds here: whether code may run without a sandbox.
            self._asked.begin(self._run(job))
        self._left_alone.discard(task.name)
        if self._idle is not None:
            self._idle.cancel()
        return {"task": task.name, "weighings": [standing.number for standing in job.standings]}

    async def stop(self, wish: Stop) -> list[Job]:
        """Ends weighings that run or wait, and says which; what is known of them is kept.

        Raises:
            WeighingOver: those meant have ended.
            WeighingNotFound: there are none.
        """
        found = self._turns.stop(wish)
        if not found:
            raise await self._control.read(lambda c: refusal(c, wish))
        self._left_alone.update(job.task.name for job in found if job.is_background)
        return found

    def live(self) -> dict[int, dict[str, Any]]:
        """What is running now, by number: how many items are done, and the bounds so far."""
        return {number: each.live() for number, each in self._standings.items()}

    def told(self) -> dict[int, dict[str, Any]]:
        """What the last weighings said beside their verdicts, by number."""
        return self._told

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
        await self._asked.close()

    async def _weigh_idle(
        self, task: Task, found: Sequence[Contender], mark: str, n_decided: int = 0
    ) -> bool:
        """Whether it went well, or gave way and goes on as soon as it may."""
        order = Order(task.name, concurrency=1, n_decided=n_decided)
        job = await self._begin(task, found, order, None, mark, is_background=True)
        idle = self._idle = asyncio.get_running_loop().create_task(self._run(job))
        try:
            await asyncio.wait({idle})
        finally:
            self._idle = None
            if not idle.done():
                idle.cancel()
                await asyncio.wait({idle})
        return idle.cancelled() or idle.result()

    async def _next_idle(self) -> tuple[Task, list[Contender], str, int] | None:
        """The first task, in order, with embedded offers that are up and not decided.

        With them comes the mark of their run file, which is a new one for what went stale, and how
        many others are decided.
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
            if not task.is_weighed_when_idle or name not in stored or name in self._left_alone:
                continue
            weighed = contenders.weighed(task, stored[name].body["digests"], verdicts)
            if missing := [one for one in offers if one.offer not in weighed]:
                mark = contenders.mark(missing, found.get(name, {}))
                return task, missing, mark, len(offers) - len(missing)
        return None

    async def _begin(  # noqa: PLR0913, PLR0917 -- all that tells a weighing from others
        self,
        task: Task,
        found: Sequence[Contender],
        order: Order,
        money: Money | None,
        mark: str,
        *,
        is_background: bool = False,
    ) -> Job:
        dataset = await asyncio.to_thread(load_set, task.set_name)
        digest = form_digest(task, task.form, dataset.digest)
        stored = await self._control.read(lambda c: objects.current(c, "task"))
        if task.name not in stored or digest not in stored[task.name].body["digests"]:
            # The set's file changed since it was applied: verdicts on it must count from now on.
            await self._control.read_config()
        config = self._control.config
        currency = money.currency if money else config.home_currency if config else ""
        of_task = prices.OfTask(task, dataset.samples, currency)
        sizes = await asyncio.to_thread(of_task.sizes)
        known = await self._control.read(
            lambda c: prices.known(c, of_task, found, sizes, time.time_ns())
        )
        if not is_background:
            prices.demand_somebody(of_task, known)
        total = min(order.limit or len(dataset.samples), len(dataset.samples))
        most = (currency, money.amount_pico if money else None)

        def work(connection: Connection, _change: Change) -> list[Standing]:
            return ends.begin(connection, task, found, total, most)

        standings = await self._control.write("weighing", f"weigh {task.name}", work)
        self._standings.update((standing.number, standing) for standing in standings)
        if is_background:
            # The digest is in the file's name: another form or set is another weighing.
            mark = f"idle-{digest}{mark}"
        return Job(
            order=order,
            task=task,
            dataset=dataset,
            contenders=known.contenders,
            others=known.others,
            standings=standings,
            path=path_of(self._control.places.home / "weighings", task.name, mark),
            currency=currency,
            money=money,
            since=known.since,
            is_background=is_background,
        )

    async def _run(self, job: Job) -> bool:
        """Writes down what a weighing says, or why nothing; whether every offer has a verdict."""
        results: dict[str, Result] = {}
        problem = "broke off"
        try:
            async with self._turns.turn(job):
                results = {result.offer: result for result in await self._weigh(job)}
            problem = ""
        except (SteelyardError, AskError) as error:
            problem = str(error)
            log.warning("weighing of %s ended: %s", job.task.name, error)
        except asyncio.CancelledError:
            problem = job.halt.reason or _GAVE_WAY
            raise
        finally:
            for standing in job.standings:
                self._standings.pop(standing.number, None)
                if standing.offer in results:
                    self._told[standing.number] = told(results[standing.offer])
            while len(self._told) > _TOLD_MAX:
                self._told.pop(next(iter(self._told)))
            n_verdicts = await ends.end(self._control, job, results, problem)
            self._control.publisher.core.want()
        return n_verdicts == len(job.standings)

    async def _weigh(self, job: Job) -> list[Result]:
        by_offer = {standing.offer: standing for standing in job.standings}
        order = job.order
        options = Options(
            now=_now,
            limit=order.limit,
            on_progress=lambda progress: by_offer[progress.offer].take(progress),
            concurrency=order.concurrency,
            n_decided=order.n_decided,
            goal=order.goal,
            money_max=job.money,
            currency=job.currency,
            others=tuple(job.others),
            halt=job.halt,
        )
        key = await weighing_key(self._control)
        ask = self._asker(job, key)
        ended = asyncio.Event()
        noting = asyncio.get_running_loop().create_task(self._note(job.standings, ended))
        stores: dict[str, AnswerStore] = {}  # open ones, to be closed whatever comes
        if job.is_background:
            self._control.set_background(True)
        try:
            if not await ask.wait_until_known(KNOWN_WITHIN_S):
                raise StoreUnavailable("The gateway does not answer weighing's key yet.")
            folder = self._control.places.home / "weighings" / "answers"
            await asyncio.to_thread(open_all, folder, self._answered_as(job), stores, _now())
            storing = StoringAsk(ask, stores, _now, job.since, is_fresh=order.is_fresh)
            return await run(
                job.task, job.dataset, job.contenders, storing, path=job.path, options=options
            )
        finally:
            if job.is_background:
                self._control.set_background(False)
            ended.set()
            await noting
            for store in stores.values():
                store.close()
            await ask.close()

    def _asker(self, job: Job, key: str) -> Asker:
        config = self._control.config
        fleet = config.weighing.fleet if config is not None else None
        if fleet is not None and not job.is_background:
            # Imported when first needed: Ray is optional, and takes its time.
            from steelyard.control.own_calls.fleet import FleetAsk, Place  # noqa: PLC0415

            place = Place(fleet.address, fleet.askers, fleet.gateway or self._url)
            return FleetAsk(place, key, partial(booked_of, self._control))
        return self._make_asker(self._url, key, self._busy if job.is_background else None)

    async def _note(self, standings: Sequence[Standing], ended: asyncio.Event) -> None:
        """Writes now and then how far it is, off the loop; the end is written by ``_run``."""
        running = {"state": ends.RUNNING}
        await asyncio.to_thread(partial(ends.note, self._control, standings, **running))
        while not ended.is_set():
            try:
                async with asyncio.timeout(_NOTE_EVERY_S):
                    await ended.wait()
            except TimeoutError:
                moved = [each for each in standings if (each.done, each.paid_pico) != each.noted]
                if moved:
                    await asyncio.to_thread(ends.note, self._control, moved)

    def _answered_as(self, job: Job) -> Kept:
        """Whose answers are kept, and for how long."""
        config = self._control.config
        days = config.weighing.answers_days if config is not None else 0
        asked = (*job.contenders, *job.others)
        names = {one.offer: one.model for one in asked if not one.refusal}
        return Kept(names if days else {}, Bounds(days))

    def _money(self, order: Order) -> Money | None:
        config = self._control.config
        usual = config.weighing.money if config is not None else None
        text = order.money if order.money is not None else usual
        return None if text is None else wanted_money(text)

    def _tasks(self) -> dict[str, Task]:
        if self._control.config is None:
            return {}
        return taskbook.tasks(self._control.config)


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _unsafe(*, is_allowed: bool) -> Iterator[None]:
    """Lets graders begun inside run code without a sandbox where there is none."""
    token = unsafe_code.set(is_allowed)
    try:
        yield
    finally:
        unsafe_code.reset(token)
