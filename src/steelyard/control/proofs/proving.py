"""What is proven: verdicts with what became of them since, as compiled, served and shown.

The rule is ``domain.verdict_life``; here its facts are gathered. Whoever needs to know whether an
offer is good enough for a task asks here, so that the snapshot, the API, the status page and the
background never tell different stories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.domain import verdict_life
from steelyard.domain.answering import Sighting
from steelyard.domain.instants import instant_ns, instant_of
from steelyard.domain.tasks import Status, Verdict
from steelyard.domain.verdict_life import (
    Answering,
    Demand,
    Facts,
    Oddity,
    Place,
    Rules,
    Standing,
    Supply,
)
from steelyard.gateway.snapshot import VerdictEntry
from steelyard.store import answered, measurements, objects, proofs, revisions
from steelyard.store.measurements import Measurement
from steelyard.store.objects import Past, Stored

SUPPLY, DRIFT, AUTHENTICITY = "supply", "drift", "authenticity"
"""Kinds of measurements that are read here; whoever measures writes them."""
DRIFTED = "drifted"


class Proof(NamedTuple):
    """A verdict and what it is worth now."""

    verdict: Verdict
    standing: Standing
    supply: Measurement | None = None
    """The newest measurement of the offer's supply, where it is bought today."""
    authenticity: Measurement | None = None


Proofs = Mapping[str, Mapping[str, Proof]]
"""Task -> offer -> its verdict in force. Tasks that nobody weighed are not in it."""


def load(
    connection: Connection,
    tasks: Mapping[str, Stored],
    now_ns: int,
    *,
    has_used: bool = False,
) -> Proofs:
    """The verdict in force of every offer on each of ``tasks``, as of ``now_ns`` (UTC).

    ``has_used``: with what its calls used, for who prices it anew.
    """
    found: dict[str, dict[str, Proof]] = {}
    latest = proofs.latest_verdicts(connection, has_used=has_used)
    verdicts = [v for v in latest if v.task in tasks]
    if not verdicts:
        return found
    known = _Known(connection, {verdict.offer for verdict in verdicts})
    for (task, offer), group in groupby(verdicts, key=lambda v: (v.task, v.offer)):
        rules = rules_of(tasks[task].body)
        verdict = verdict_life.in_force(group, rules.digests)
        if verdict is not None:
            found.setdefault(task, {})[offer] = known.proof(verdict, rules, now_ns)
    return found


def past(
    connection: Connection, task: str | None = None, offer: str | None = None
) -> Sequence[Verdict]:
    """All verdicts that there ever were, the newest first, with what their calls used."""
    return proofs.past_verdicts(connection, task, offer, has_used=True)


def fresh(found: Proofs) -> list[Verdict]:
    """The verdicts that are not stale: what they decided need not be weighed again."""
    return [
        proof.verdict
        for offers in found.values()
        for proof in offers.values()
        if proof.standing.status is not Status.STALE
    ]


def entries(found: Mapping[str, Proof]) -> tuple[VerdictEntry, ...]:
    """A task's proofs as workers need them, by name of the offer."""
    return tuple(
        VerdictEntry(
            offer=offer,
            status=proof.standing.status.value,
            lower=float(proof.verdict.lower),
            upper=float(proof.verdict.upper),
            samples=proof.verdict.n,
            reason=proof.standing.reason,
        )
        for offer, proof in sorted(found.items())
    )


def next_change_ns(found: Proofs) -> int | None:
    """When time alone ends the next proof (UTC, nanoseconds); None: never."""
    instants = [
        instant_ns(proof.standing.until)
        for offers in found.values()
        for proof in offers.values()
        if proof.standing.until is not None
    ]
    return min(instants, default=None)


def rules_of(body: Mapping[str, Any]) -> Rules:
    """What a stored task asks of proof."""
    # A task stored by an earlier version says nothing of it until the file is applied again.
    wanted = body.get("proof", {})
    supply = wanted.get("supply", {})
    return Rules(
        floor=Decimal(body["floor"]),
        digests=frozenset(body["digests"]),
        stale_after=timedelta(days=wanted.get("stale_after_days", verdict_life.STALE_AFTER_DAYS)),
        demand=Demand(
            supply.get("requests_per_minute"),
            supply.get("tokens_per_s"),
            bool(wanted.get("supply_required", False)),
        ),
    )


def supply_of(measured: Measurement) -> Supply:
    """A measurement of supply as the rule reads it."""
    names = ("requests_per_minute", "tokens_per_minute", "tokens_per_s")
    numbers = (_number(measured.body.get(name)) for name in names)
    return Supply(measured.state, instant_of(measured.at_ns), *numbers)


class _Known:
    """What is known of some offers, read once."""

    def __init__(self, connection: Connection, offers: set[str]) -> None:
        self._offers = objects.history(connection, "offer", offers)
        bought = {p.body["channel"] for rows in self._offers.values() for p in rows}
        self._channels = objects.history(connection, "channel", bought)
        rows = [p for some in (self._offers, self._channels) for ps in some.values() for p in ps]
        self._times = revisions.times(connection, {p.revision_from for p in rows})
        self._flags: dict[str, list[Oddity]] = {}
        for flag in answered.flags(connection):
            odd = Oddity(flag.oddity.kind, flag.oddity.name, instant_of(flag.at_ns))
            self._flags.setdefault(flag.offer, []).append(odd)
        self._names = answered.names(connection)
        self._supply = measurements.latest(connection, SUPPLY)
        self._drift = measurements.latest(connection, DRIFT)
        self._authenticity = measurements.latest(connection, AUTHENTICITY)

    def proof(self, verdict: Verdict, rules: Rules, now_ns: int) -> Proof:
        """The verdict, judged as of an instant (UTC)."""
        offer = verdict.offer
        place = self._place(offer)
        supply = self._supply.get((offer, ""))
        if supply is not None and self._place(offer, supply.at_ns) not in (None, place):
            supply = None  # it was bought elsewhere when its supply was measured
        facts = Facts(
            place=place,
            place_then=self._place(offer, instant_ns(verdict.decided_at)),
            oddities=tuple(self._flags.get(offer, ())),
            answering=_newest(self._names.get((offer, place.upstream_model)) if place else None),
            drifted_at=self._drifted_at(offer, verdict.task),
            supply=supply_of(supply) if supply is not None else None,
        )
        now = instant_of(now_ns)
        standing = verdict_life.standing(verdict, rules, facts, now)
        return Proof(verdict, standing, supply, self._authenticity.get((offer, "")))

    def _place(self, offer: str, at_ns: int | None = None) -> Place | None:
        """Where an offer is bought now, or was at an instant; None where nobody knows."""
        held = self._held(self._offers.get(offer, ()), at_ns)
        if held is None:
            return None
        body = held.body
        channel = self._held(self._channels.get(body["channel"], ()), at_ns)
        base_url = channel.body["base_url"] if channel is not None else ""
        return Place(body["channel"], body["upstream_model"], base_url)

    def _held(self, rows: Iterable[Past], at_ns: int | None) -> Past | None:
        if at_ns is None:
            return next((row for row in rows if row.revision_to is None), None)
        begun = [row for row in rows if self._times.get(row.revision_from, 0) <= at_ns]
        return begun[-1] if begun else None

    def _drifted_at(self, offer: str, task: str) -> datetime | None:
        newest = self._drift.get((offer, task))
        if newest is None or newest.state != DRIFTED:
            return None
        return instant_of(newest.at_ns)


def _newest(sightings: Iterable[Sighting] | None) -> Answering | None:
    last = max(sightings or (), key=lambda seen: (seen.last_ns, seen.first_ns), default=None)
    return None if last is None else Answering(last.name, instant_of(last.last_ns))


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]
