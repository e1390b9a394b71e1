"""Who is watched: offers proven on a task, when each is due, and why nobody looks by himself."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from sqlalchemy import Connection

from steelyard.config.model import Config
from steelyard.config.weighing import Drift
from steelyard.control.configuration import taskbook
from steelyard.control.drift.look import Subject
from steelyard.control.prices import book as price_book
from steelyard.control.proofs import measured, proving
from steelyard.control.snapshot.offerings import offer_entry
from steelyard.domain.instants import NS, instant_ns
from steelyard.domain.offers import ChannelKind
from steelyard.domain.tasks import Status, Task
from steelyard.domain.verdict_life import Cause
from steelyard.store import measurements, objects
from steelyard.store.measurements import Measurement
from steelyard.weigh.drift import Rules, State
from steelyard.weigh.judged import GRADER

KIND = "drift"
NO_MONEY = "It costs money: name an amount in weighing.drift.money_per_day."
JUDGED = "It is graded by a judge, who compares answers side by side; watching knows grades only."
_HOUR_NS = 3600 * NS


class Watched(NamedTuple):
    """A watch and what is known of it."""

    subject: Subject
    known: Measurement | None
    """Its newest measurement; None before its first look."""
    due_ns: int | None
    """When the next look is due (UTC, nanoseconds); None for a watch that rests, or cannot be."""
    refusal: str
    """Why nobody looks by himself; empty when one does."""


def watched(
    connection: Connection, config: Config, down: Container[str], now_ns: int
) -> list[Watched]:
    """All watches there are as of now (UTC, nanoseconds), by task and offer.

    ``down`` holds the channels of this machine that are not up.
    """
    rules, tasks = config.weighing.drift, taskbook.tasks(config)
    stored = {
        name: task
        for name, task in objects.current(connection, "task").items()
        if name in tasks and (rules.tasks is None or name in rules.tasks)
    }
    known = measurements.latest(connection, KIND)
    make = _Subjects(connection, rules, now_ns)
    found = []
    for name, offers in sorted(proving.load(connection, stored, now_ns).items()):
        for offer, proof in sorted(offers.items()):
            standing = proof.standing
            if standing.status is not Status.PROVEN and standing.cause is not Cause.DRIFT:
                continue
            subject = make.subject(tasks[name], proof)
            if subject is None:
                continue
            mine = known.get((offer, name))
            if mine is not None and mine.body.get("watch") != subject.mark:
                mine = None  # of another verdict, or by other rules
            due_ns = _due_ns(subject, mine, rules, now_ns)
            found.append(Watched(subject, mine, due_ns, _refusal(subject, config, down)))
    return found


def _refusal(subject: Subject, config: Config, down: Container[str]) -> str:
    rules = config.weighing.drift
    if subject.task.grader == GRADER:
        return JUDGED
    if not rules.enabled:
        return "weighing.drift.enabled is off"
    if not subject.is_embedded:
        return "" if rules.money_per_day else NO_MONEY
    if not config.weigh_when_idle:
        return "weigh_when_idle is off"
    return "its engine is not up" if subject.channel in down else ""


class _Subjects:
    """What subjects are made of, read once."""

    def __init__(self, connection: Connection, rules: Drift, now_ns: int) -> None:
        self._offers = measured.offers(connection)
        self._rates = price_book.offer_rates(connection, self._offers)
        self._channels = objects.current(connection, "channel")
        self._rules = rules
        self._now_ns = now_ns

    def subject(self, task: Task, proof: proving.Proof) -> Subject | None:
        """Whom a proof is about; None if it cannot be asked any more."""
        offer = proof.verdict.offer
        stored, rates = self._offers.get(offer), self._rates.get(offer)
        if stored is None or not rates or not stored.body["enabled"]:
            return None
        channel = self._channels.get(stored.body["channel"])
        if channel is None:
            return None
        rules = self._rules
        entry = offer_entry(offer, stored.body, rates, self._now_ns)
        return Subject(
            task=task,
            verdict=proof.verdict,
            rules=Rules(rules.alpha, rules.tolerance, rules.longer),
            pool=rules.pool,
            is_embedded=channel.body["kind"] == ChannelKind.EMBEDDED.value,
            currency=entry.currency,
            channel=stored.body["channel"],
            periods=entry.periods,
        )


def _due_ns(subject: Subject, known: Measurement | None, rules: Drift, now_ns: int) -> int | None:
    """When the next look is due; None when it has alarmed, and for a task that has a judge."""
    if known is not None and known.state == State.DRIFTED:
        return None
    if subject.task.grader == GRADER:
        return None
    last_ns = known.at_ns if known is not None else instant_ns(subject.verdict.decided_at)
    if last_ns > now_ns + _HOUR_NS:
        return now_ns  # the clock was set back; the last look lies in the future
    return last_ns + round(rules.every_hours * _HOUR_NS)
