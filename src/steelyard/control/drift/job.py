"""Watches proven offers: a few items again and again, and an alarm when they became worse.

A look is booked to the account ``weighing`` like any call. Offers of this machine are looked at
while nobody calls and give way to whoever does; offers that cost money only within
``weighing.drift.money_per_day``. What a look says is appended as a measurement of the kind
``drift``; whoever judges verdicts reads the state ``drifted`` there. An alarm rests until there is
a new verdict, or somebody accepts what is as the new reference.

Times are UTC instants, so no change of a zone moves a look; a clock that was set back makes a look
due at once instead of putting it off until the clock has caught up.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from steelyard.config.amounts import read_money
from steelyard.config.weighing import Drift
from steelyard.control.begun import Begun
from steelyard.control.control import Control
from steelyard.control.drift.look import Look, Looker, Subject
from steelyard.control.drift.money import DayPurse
from steelyard.control.drift.told import body_of, event_of, row_of, text_of
from steelyard.control.drift.watched import KIND, NO_MONEY, Watched, watched
from steelyard.control.news import tell_news, untold
from steelyard.control.own_calls.askers import Asker, MakeAsker, gateway_asker
from steelyard.control.own_calls.keys import KNOWN_WITHIN_S, weighing_key
from steelyard.domain.errors import (
    ConfigError,
    RequestError,
    SteelyardError,
    StoreUnavailable,
)
from steelyard.domain.instants import NS, instant_of
from steelyard.store import measurements
from steelyard.store.measurements import Measurement
from steelyard.weigh.asking import AskError
from steelyard.weigh.drift import State

log = logging.getLogger(__name__)

TOLD = "drift.told"
"""Setting: number of the last alarm that the webhook was told of."""
PUT_OFF_NS = 900 * NS
"""Until a look that could not be taken, or was cut off, is tried again."""
_NAMED_MAX = 3
"""Offers that a refusal names."""


class NotWatched(RequestError):
    """No watch of this offer on this task has alarmed."""

    code = "drift_not_found"
    status = 404


@dataclass
class DriftWatch:
    """The job; control owns one and runs it."""

    control: Control
    make_asker: MakeAsker | None = None
    clock: Callable[[], int] = time.time_ns
    """UTC nanoseconds."""

    def __post_init__(self) -> None:
        self._turn = asyncio.Lock()
        self._busy = asyncio.Event()
        self.control.on_busy.append(self._busy)
        self._asked = Begun("a look")
        self._put_off: dict[str, int] = {}
        self._looking: set[tuple[str, str]] = set()
        self._waiting: set[tuple[str, str]] = set()
        self._problems: dict[tuple[str, str], str] = {}

    async def look_once(self) -> bool:
        """Takes the look that is most overdue, if one is; whether one was."""
        rules = self._rules()
        if self.control.config is None or not rules.enabled or self._asked:
            return False
        now_ns = self.clock()
        found = await self.control.read(lambda c: self._watched(c, now_ns))
        due = [
            each
            for each in found
            if not each.refusal
            and each.due_ns is not None
            and each.due_ns <= now_ns
            and not 0 < self._put_off.get(each.subject.mark, 0) - now_ns <= PUT_OFF_NS
        ]
        if not due:
            return False
        await self._look(min(due, key=lambda each: each.due_ns or 0))
        return True

    async def look(self, task: str, offer: str) -> list[dict[str, str]]:
        """Begins looks now, due or not, and says at what; they go on by themselves.

        Args:
            task: only on this task; empty for all.
            offer: only at this one; empty for all.

        Raises:
            ConfigError: nothing of the kind is watched, or it must not cost what it would.
        """
        now_ns = self.clock()
        found = await self.control.read(lambda c: self._watched(c, now_ns))
        named = [
            each
            for each in found
            if task in ("", each.subject.task.name) and offer in ("", each.subject.offer)
        ]
        if not named:
            raise ConfigError("Nothing proven of that name is watched; see steelyard verdicts.")
        able = [each for each in named if each.due_ns is not None and each.refusal != NO_MONEY]
        if not able:
            raise ConfigError(_why_not(named))
        # Before anything runs, so that whoever asked sees it wait from the first moment.
        self._waiting.update((each.subject.task.name, each.subject.offer) for each in able)
        self._asked.begin(self._look_at_all(able))
        return [{"task": each.subject.task.name, "offer": each.subject.offer} for each in able]

    async def acknowledge(self, task: str, offer: str, actor: str) -> dict[str, Any]:
        """Takes what an offer is now for the reference of its watch from here on.

        Raises:
            NotWatched: no alarm of it stands.
        """
        now_ns = self.clock()

        def work(connection: Connection, _change: Any) -> dict[str, Any]:
            for each in self._watched(connection, now_ns):
                known = each.known
                if (each.subject.task.name, each.subject.offer) != (task, offer):
                    continue
                if known is None or known.state != State.DRIFTED:
                    continue
                body = {**known.body, "anew": [*known.body["anew"], known.body["pass"]]}
                body |= {"causes": [], "since": None, "acknowledged_by": actor}
                thin = Measurement(KIND, offer, now_ns, State.THIN.value, body, task)
                thin = thin._replace(number=measurements.add(connection, thin))
                return row_of(each._replace(known=thin))
            raise NotWatched(f"No drift alarm of {offer} on {task} stands.")

        done: dict[str, Any] = await self.control.write(actor, f"drift of {offer} accepted", work)
        self.control.publisher.core.want()
        return done

    async def rows(self) -> list[dict[str, Any]]:
        """All watches, for people and programs."""
        now_ns = self.clock()
        found = await self.control.read(lambda c: self._watched(c, now_ns))
        rows = []
        for each in found:
            name = (each.subject.task.name, each.subject.offer)
            more = {
                "is_asked": name in self._waiting,
                "is_looking": name in self._looking,
                "problem": self._problems.get(name, ""),
            }
            rows.append({**row_of(each), **more})
        return rows

    async def tell_once(self) -> None:
        """Tells the webhook of the alarms that it was not told of yet, oldest first."""
        await tell_news(self.control, TOLD, untold(TOLD, KIND, State.DRIFTED), event_of)

    async def close(self) -> None:
        """Stops looks that were asked for; what is done of them stays in their files."""
        await self._asked.close()

    def _rules(self) -> Drift:
        config = self.control.config
        return config.weighing.drift if config is not None else Drift()

    def _watched(self, connection: Connection, now_ns: int) -> list[Watched]:
        config = self.control.config
        if config is None:
            return []
        down = self.control.engines.channel_states()
        return watched(connection, config, down, now_ns)

    async def _look_at_all(self, found: Sequence[Watched]) -> None:
        names = [(each.subject.task.name, each.subject.offer) for each in found]
        try:
            for each, name in zip(found, names, strict=True):
                await self._look(each)
                self._waiting.discard(name)
        finally:
            self._waiting.difference_update(names)

    async def _look(self, watched: Watched) -> None:
        """One look, and what it says written down; what fails puts it off."""
        subject = watched.subject
        name = (subject.task.name, subject.offer)
        async with self._turn:
            self._looking.add(name)
            problem = ""
            try:
                look = await self._taken(watched)
                problem = look.detail
                if not look.is_cut:
                    await self._keep(watched, look)
            except (SteelyardError, AskError, OSError) as error:
                problem = str(error)
                log.warning("a look at %s on %s was put off: %s", name[1], name[0], error)
                self._put_off[subject.mark] = self.clock() + PUT_OFF_NS
            else:
                if look.is_cut:
                    self._put_off[subject.mark] = self.clock() + PUT_OFF_NS
            finally:
                self._looking.discard(name)
                self._problems[name] = problem

    async def _taken(self, watched: Watched) -> Look:
        subject, rules = watched.subject, self._rules()
        body: Mapping[str, Any] = watched.known.body if watched.known is not None else {}
        purse = None
        if not subject.is_embedded:
            if rules.money_per_day is None:
                raise ConfigError(NO_MONEY)
            purse = DayPurse(self.control.database, read_money(rules.money_per_day), self.clock)
        key = await weighing_key(self.control)
        ask = self._asker(key, is_background=subject.is_embedded)
        goal = int(body.get("items", 0)) + min(rules.items, subject.pool)
        looker = Looker(self.control.places.home, ask, purse, lambda: instant_of(self.clock()))
        try:
            with self._background(subject):
                if not await ask.wait_until_known(KNOWN_WITHIN_S):
                    raise StoreUnavailable("The gateway does not answer weighing's key yet.")
                return await looker.look(subject, goal, body.get("anew", ()))
        finally:
            await ask.close()

    def _asker(self, key: str, *, is_background: bool) -> Asker:
        make = self.make_asker or partial(gateway_asker, self.control)
        return make(self.control.places.gateway_url, key, self._busy if is_background else None)

    @contextmanager
    def _background(self, subject: Subject) -> Iterator[None]:
        """Has workers say when somebody calls, while an engine of this machine is asked."""
        if not subject.is_embedded:
            yield
            return
        self.control.set_background(True)
        try:
            yield
        finally:
            self.control.set_background(False)

    async def _keep(self, watched: Watched, look: Look) -> None:
        """Appends what a look says."""
        subject, known = watched.subject, watched.known
        body = body_of(subject, look)
        before: Mapping[str, Any] = known.body if known is not None else {}
        body["looks"] = int(before.get("looks", 0)) + 1
        body["anew"] = list(before.get("anew", ()))
        now_ns = self.clock()
        state = str(body.pop("state"))
        kept = Measurement(KIND, subject.offer, now_ns, state, body, subject.task.name)

        def work(connection: Connection, _change: Any) -> None:
            measurements.add(connection, kept)

        await self.control.write("weighing", f"a look at {subject.offer}", work)
        if state == State.DRIFTED:
            log.warning("%s", text_of(kept))
            self.control.publisher.core.want()


def _why_not(named: Sequence[Watched]) -> str:
    """Why none of these can be looked at, with their names: those the first one's reason is of."""
    reason = named[0].refusal
    same = [each.subject for each in named if each.refusal == reason]
    told = ", ".join(f"{subject.offer} on {subject.task.name}" for subject in same[:_NAMED_MAX])
    more = f" and {len(same) - _NAMED_MAX} more" if len(same) > _NAMED_MAX else ""
    why = reason or "It has alarmed: acknowledge it, or weigh again."
    return f"{told}{more}: {why[0].lower()}{why[1:]}"
