"""A test as control runs it: who is asked, in which order, whose key and money, and the verdict.

One test runs at a time. Whoever asks for the same test again within a day goes on where it broke
off: what was answered is neither asked nor paid again.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.control.authenticity import beside, calling, keeping, schedule, targets
from steelyard.control.authenticity.asking import Asking, Told
from steelyard.control.authenticity.record import Record, unfinished
from steelyard.control.authenticity.reference import Kept, keep_pool
from steelyard.control.authenticity.schedule import Side
from steelyard.control.authenticity.targets import Wish
from steelyard.control.authenticity.till import Till
from steelyard.control.begun import alone
from steelyard.control.control import Control
from steelyard.control.own_calls.askable import Askable, askable
from steelyard.control.own_calls.booked import cost_of
from steelyard.control.own_calls.keys import KNOWN_WITHIN_S, own_key
from steelyard.domain.errors import ConfigError, StoreUnavailable
from steelyard.domain.instants import DAY_NS, instant_of
from steelyard.domain.money import format_pico
from steelyard.weigh.authenticity.evidence import answer_row
from steelyard.weigh.authenticity.probes import Probe, probes
from steelyard.weigh.authenticity.verdict import judge

ACCOUNT = "verifying"
KEY_FILE = "verify.key"
_RESUMED_WITHIN_NS = DAY_NS
_running = threading.Lock()
_ANOTHER = "Another test of authenticity runs; try again when it is done."
Tell = Callable[[dict[str, Any]], None]


class Ready(NamedTuple):
    """A test that may begin."""

    sides: Mapping[str, Askable]
    till: Till
    pool: Kept | None
    """What was recorded before; None where the reference is asked now."""
    head: dict[str, Any]
    """What makes it the same test as another one, for its record."""
    probes: tuple[Probe, ...]


async def verify(control: Control, wish: Wish, tell: Tell) -> dict[str, Any]:
    """Tests an offer, keeps the verdict and what follows from it, and returns it.

    ``tell`` is told how far it is.

    Raises:
        ConfigError: there is no such offer or reference, or no price.
        Overloaded: another test runs.
        LimitError, AccessError: the account ``verifying`` has no money or access.
        StoreError: the database or a file cannot be used, or a side does not answer.
    """
    targets.check_calls(wish.calls)
    ready = await prepare(control, wish)
    with alone(_running, _ANOTHER):
        record, stopped, till = await _ask(control, ready, wish, tell)
        tell({"state": "judging"})
        found = await asyncio.to_thread(_judge, record, ready.pool)
        done = keeping.Done(record, found, till, stopped, ready.sides[Side.SUSPECT])
        return await keeping.keep(control, done)


async def record_offer(control: Control, wish: Wish, tell: Tell) -> dict[str, Any]:
    """Asks an offer alone, and returns its answers to be kept as a reference.

    ``wish.calls`` may pass what a suspect is asked: the questions are asked in rounds.

    Raises:
        As ``verify``.
    """
    now_ns = time.time_ns()

    def work(connection: Connection) -> tuple[dict[str, Askable], Till]:
        sides = {Side.SUSPECT: askable(connection, wish.offer, now_ns)}
        return sides, targets.till(connection, wish.money, sides, now_ns)

    sides, till = await control.read(work)
    rounds = max(1, -(-wish.calls // schedule.CALLS_MAX))
    asked = tuple(replace(p, samples=p.samples * rounds) for p in probes())
    bought = sides[Side.SUSPECT].bought()
    head = {
        "recorded": bought,
        "probes": schedule.digest(asked),
        "calls": wish.calls,
        "sampling": dict(calling.SAMPLING),
    }
    with alone(_running, _ANOTHER):
        ready = Ready(sides, till, None, head, asked)
        record, stopped, _ = await _ask(control, ready, wish, tell)
    with Record(record.path) as again:
        again.end(-1)  # asked anew the next time: a reference is as old as its answers
    answers = beside.suspect_answers(record)
    return {
        "object": "recorded_answers",
        "bought": bought,
        "began": instant_of(record.head["began_ns"]).isoformat(),
        "sampling": head["sampling"],
        "stopped": stopped,
        "lost": len(record.sent) - len(answers),
        "cost": format_pico(till.paid_pico),
        "currency": till.currency,
        "answers": [answer_row(each) for each in answers],
    }


async def prepare(control: Control, wish: Wish) -> Ready:
    """What a wish comes to.

    Raises:
        ConfigError: there is no such offer or reference, or no price.
    """
    now_ns = time.time_ns()
    asked = probes()

    def work(connection: Connection) -> tuple[dict[str, Askable], Till]:
        sides = {Side.SUSPECT: askable(connection, wish.offer, now_ns)}
        if targets.is_offer(connection, wish.against):
            if wish.against == wish.offer:
                raise ConfigError("An offer is not compared with itself.")
            sides[Side.REFERENCE] = askable(connection, wish.against, now_ns)
        return sides, targets.till(connection, wish.money, sides, now_ns)

    sides, till = await control.read(work)
    pool = None
    if Side.REFERENCE not in sides:
        pool = await asyncio.to_thread(keep_pool, wish.against, folder_of(control))
    reference = pool.pool.model if pool is not None else sides[Side.REFERENCE].entry.model
    targets.demand_one_model(wish, sides[Side.SUSPECT].entry.model, reference)
    head: dict[str, Any] = {
        "suspect": sides[Side.SUSPECT].bought(),
        "reference": sides[Side.REFERENCE].bought() if pool is None else _about(pool),
        "probes": schedule.digest(asked),
        "calls": wish.calls,
        "error": str(wish.error),
        "sampling": dict(pool.pool.sampling if pool else calling.SAMPLING),
    }
    return Ready(sides, till, pool, head, asked)


def folder_of(control: Control) -> Path:
    """Where records lie."""
    return control.places.home / "authenticity"


async def _ask(control: Control, ready: Ready, wish: Wish, tell: Tell) -> tuple[Record, str, Till]:
    """Asks what is not answered yet; the record, closed, and why not everything was asked."""
    now_ns = time.time_ns()
    folder = folder_of(control)
    path = await asyncio.to_thread(unfinished, folder, ready.head, now_ns - _RESUMED_WITHIN_NS)
    async with AsyncExitStack() as stack:
        record = stack.enter_context(Record(path or folder / f"{now_ns:x}.jsonl"))
        if not record.head:
            record.begin({**ready.head, "began_ns": now_ns, "seed": secrets.randbits(48)})
        till = ready.till
        for slot, bound_pico in record.sent.items():
            heard = record.heard.get(slot)
            till.take(slot.side, bound_pico if heard is None else heard.cost_pico)
        asking = Asking(record, till, await _callers(control, ready, stack), Random())  # noqa: S311
        slots = schedule.plan(
            ready.probes,
            list(ready.sides),
            wish.calls,
            Random(record.head["seed"]),  # noqa: S311 - an order, not a secret
        )
        is_here = all(target.is_here for target in ready.sides.values())
        await asking.run(
            slots,
            {probe.id: probe for probe in ready.probes},
            0.0 if is_here else wish.pause_s,
            lambda told: tell(_progress(told, till)),
        )
    return record, asking.stopped, till


async def _callers(
    control: Control, ready: Ready, stack: AsyncExitStack
) -> dict[str, calling.Caller]:
    key = await own_key(control, ACCOUNT, KEY_FILE)
    url = control.places.gateway_url
    client = await calling.open_client(url, key, KNOWN_WITHIN_S)
    if client is None:
        raise StoreUnavailable("The gateway does not answer the key for tests yet.")
    stack.push_async_callback(client.aclose)

    def manner(target: Askable) -> calling.Manner:
        is_streamed = "stream" in target.entry.features
        return calling.Manner(target.entry.name, is_streamed, ready.head["sampling"])

    return {
        side: calling.Caller(
            client, manner(target), lambda call: cost_of(control, call), asyncio.sleep
        )
        for side, target in ready.sides.items()
    }


def _judge(record: Record, pool: Kept | None) -> keeping.Judged:
    """The verdict over what was answered; blocks for seconds."""
    answers = keeping.answers_of(record)
    reference = answers[Side.REFERENCE] if pool is None else list(pool.pool.genuine)
    verdict = judge(
        reference,
        answers[Side.SUSPECT],
        error=keeping.error_of(record),
        seed=record.head["seed"],
    )
    return keeping.Judged(verdict, reference, answers[Side.SUSPECT])


def _about(pool: Kept) -> dict[str, str]:
    return {"pool": pool.pool.model, "sha256": pool.digest}


def _progress(told: Told, till: Till) -> dict[str, Any]:
    return {
        "state": "asking",
        "done": told.done,
        "total": told.total,
        "lost": told.lost,
        "paid": format_pico(told.paid_pico),
        "paid_pico": str(told.paid_pico),
        "currency": till.currency,
    }
