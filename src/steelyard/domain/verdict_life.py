"""How long a verdict holds: the one rule by which it is proof today, or proof no more.

A verdict says what was measured, of one model, in one form, at one time. It goes stale, with a
reason, when any of these is no longer what calls would meet: the offer is bought elsewhere, another
model answers, the test set is another one, an alarm was raised, or it is simply old. A stale
verdict proves nothing and denies nothing until the offer is weighed again.

Proof has two halves. Where a task demands supply, an offer of proven quality that was measured to
be slower than that is not proven for the task.

Pure: whoever compiles, serves or shows verdicts gathers ``Facts`` and asks ``standing``; nobody
decides for himself. Instants are aware.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from steelyard.domain.answering import Kind, normal, shown
from steelyard.domain.tasks import UNSCORED_SHARE_MAX, Status, Verdict, decide

_GRADES_MIN = 10
"""So many grades always bound the mean somewhere, if they are taken to say anything."""
STALE_AFTER_DAYS = 90
"""Age at which a verdict proves nothing any more, where nobody says otherwise."""


class Cause(StrEnum):
    """What makes a verdict stale, or quality that is proven no proof; for programs."""

    NONE = ""
    GONE = "offer_gone"
    """There is no such offer any more."""
    FORM = "form"
    """The test set, the prompt form or the grader is another one now."""
    PLACE = "place"
    """The offer is bought elsewhere, or under another name of the vendor's, since."""
    MODEL = "model"
    """Another model, or another version of it, answers since."""
    DRIFT = "drift"
    """A standing sample says that answers have changed since."""
    AGE = "age"
    SUPPLY = "supply"
    """The quality is proven; the supply that the task demands is not there, or nobody knows."""
    UNSCORED = "unscored"
    """Too many items have no grade."""
    JUDGE = "judge"
    """The judge that graded may as well toss a coin."""


class Place(NamedTuple):
    """Where an offer is bought, and as what."""

    channel: str
    upstream_model: str
    base_url: str


class Oddity(NamedTuple):
    """A flag that an answering name raised."""

    kind: Kind
    name: str
    at: datetime
    """The first call that showed it."""


class Answering(NamedTuple):
    """The name that answered an offer's calls last."""

    name: str
    at: datetime
    """The last call that it answered."""


@dataclass(frozen=True, slots=True)
class Supply:
    """What measured load found out about an offer."""

    state: str
    """``ok``, ``limited``, ``slow`` or ``unknown``."""
    at: datetime
    requests_per_minute: float | None = None
    """Sustained; None where it was not measured, as below."""
    tokens_per_minute: float | None = None
    tokens_per_s: float | None = None
    """Of one answer while it streams."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The supply that a task needs."""

    requests_per_minute: float | None = None
    tokens_per_s: float | None = None
    is_required: bool = False
    """Whether an offer whose supply nobody measured is not proven."""

    def __bool__(self) -> bool:
        return self.is_required or not (self.requests_per_minute is self.tokens_per_s is None)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a task asks of proof, today."""

    floor: Decimal
    digests: Set[str]
    """Of the forms in which a verdict counts."""
    stale_after: timedelta = timedelta(days=STALE_AFTER_DAYS)
    demand: Demand = Demand()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the offer beside the verdict."""

    place: Place | None
    """Today's; None when there is no such offer any more."""
    place_then: Place | None = None
    """When the verdict was won; None where nobody knows, which accuses nobody."""
    oddities: tuple[Oddity, ...] = ()
    answering: Answering | None = None
    drifted_at: datetime | None = None
    """The last drift alarm on this task that still stands."""
    supply: Supply | None = None


class Standing(NamedTuple):
    """What a verdict is worth at an instant."""

    status: Status
    cause: Cause = Cause.NONE
    reason: str = ""
    """For people; empty where bounds and floor say it all."""
    until: datetime | None = None
    """When time alone changes it; None: never."""


def standing(verdict: Verdict, rules: Rules, facts: Facts, now: datetime) -> Standing:
    """What a verdict is worth now.

    A verdict that is stale for several reasons tells the one that weighs most: what was measured
    is not what is sold, before it is merely old.
    """
    for cause, reason in (
        _another_offer(verdict, rules, facts),
        _another_model(verdict, facts),
        _drifted(verdict, facts),
        _aged(verdict, rules, now),
    ):
        if cause is not Cause.NONE:
            return Standing(Status.STALE, cause, reason)
    until = verdict.decided_at + rules.stale_after
    share = verdict.unscored_share
    status = decide(verdict.lower, verdict.upper, rules.floor, share)
    if share > UNSCORED_SHARE_MAX:
        reason = f"{verdict.n_unscored} of {verdict.n + verdict.n_unscored} items have no grade"
        return Standing(status, Cause.UNSCORED, reason, until)
    if verdict.n >= _GRADES_MIN and verdict.lower == 0 and verdict.upper == 1:
        return Standing(status, Cause.JUDGE, "nothing shows that its judge reads", until)
    if status is not Status.PROVEN or not rules.demand:
        return Standing(status, until=until)
    lacking = shortage(rules, facts.supply, now)
    if lacking:
        return Standing(Status.NOT_PROVEN, Cause.SUPPLY, lacking, until)
    if rules.demand.is_required and facts.supply is not None:
        until = min(until, facts.supply.at + rules.stale_after)
    return Standing(status, until=until)


def shortage(rules: Rules, supply: Supply | None, now: datetime) -> str:
    """What an offer lacks of the supply that the task demands, for people; empty for nothing.

    A measurement that found enough ages as a verdict does; one that found too little holds until
    there is a newer one, since time alone makes nobody faster.
    """
    demand = rules.demand
    if supply is None or supply.state == "unknown":
        return "its supply was not measured" if demand.is_required else ""
    day = supply.at.date().isoformat()
    pairs = (
        ("requests a minute", supply.requests_per_minute, demand.requests_per_minute),
        ("tokens a second", supply.tokens_per_s, demand.tokens_per_s),
    )
    for what, found, wanted in pairs:
        if wanted is not None and found is not None and found < wanted:
            return f"{found:g} {what} on {day}, {wanted:g} demanded"
    if supply.state == "slow":
        return f"it slowed down under load on {day}"
    if not demand.is_required:
        return ""
    unknown = [what for what, found, wanted in pairs if wanted is not None and found is None]
    if unknown:
        return f"its {' and '.join(unknown)} were not measured"
    if now - supply.at >= rules.stale_after:
        return f"its supply was measured on {day}, which is too long ago"
    return ""


def in_force(verdicts: Iterable[Verdict], digests: Set[str]) -> Verdict | None:
    """The word that counts of several on one task and offer: today's form first, then the newest.

    None when there is none; of two of the same instant, the later one.
    """
    found: Verdict | None = None
    for verdict in verdicts:
        if found is None or _rank(verdict, digests) >= _rank(found, digests):
            found = verdict
    return found


def _rank(verdict: Verdict, digests: Set[str]) -> tuple[bool, datetime]:
    return verdict.form_digest in digests, verdict.decided_at


_Finding = tuple[Cause, str]
_NOTHING: _Finding = (Cause.NONE, "")


def _another_offer(verdict: Verdict, rules: Rules, facts: Facts) -> _Finding:
    if facts.place is None:
        return Cause.GONE, "there is no such offer any more"
    if verdict.form_digest not in rules.digests:
        return Cause.FORM, "the test set, the prompt form or the grader changed"
    then, now = facts.place_then, facts.place
    if then is None or then == now:
        return _NOTHING
    if then.channel != now.channel:
        return Cause.PLACE, f"bought on channel {now.channel} now, {then.channel} then"
    if then.upstream_model != now.upstream_model:
        return Cause.PLACE, f"asks for {now.upstream_model} now, {then.upstream_model} then"
    return Cause.PLACE, f"channel {now.channel} has another address now"


def _another_model(verdict: Verdict, facts: Facts) -> _Finding:
    since = [each for each in facts.oddities if each.at > verdict.decided_at]
    if since:
        first = min(since, key=lambda each: each.at)
        told = {
            Kind.ALIAS_MOVED: "the name stands for {name} since {day}",
            Kind.SWAPPED: "another model, {name}, answered on {day}",
            Kind.MIXED: "two models answer in turns since {day}, one is {name}",
        }[first.kind]
        day = first.at.date().isoformat()
        return Cause.MODEL, told.format(name=shown(first.name), day=day)
    known = {normal(name) for name in verdict.model_answered.split(",") if name}
    newest = facts.answering
    if not known or newest is None or newest.at <= verdict.decided_at:
        return _NOTHING
    if newest.name and normal(newest.name) not in known:
        return (
            Cause.MODEL,
            f"{shown(newest.name)} answers now, {shown(verdict.model_answered)} then",
        )
    return _NOTHING


def _drifted(verdict: Verdict, facts: Facts) -> _Finding:
    if facts.drifted_at is None or facts.drifted_at <= verdict.decided_at:
        return _NOTHING
    return Cause.DRIFT, f"drift alarm of {facts.drifted_at.date().isoformat()}"


def _aged(verdict: Verdict, rules: Rules, now: datetime) -> _Finding:
    if now - verdict.decided_at < rules.stale_after:
        return _NOTHING
    day, age = verdict.decided_at.date().isoformat(), rules.stale_after.days
    return Cause.AGE, f"weighed on {day}, {age} {'days' if age > 1 else 'day'} ago or more"
