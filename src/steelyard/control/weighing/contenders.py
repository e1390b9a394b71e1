"""Who is to be weighed: offers by name, those for sale, those that the background may take up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from steelyard.config.check import nearest
from steelyard.control.prices import book as price_book
from steelyard.control.proofs import measured
from steelyard.control.proofs.proving import Proof
from steelyard.domain.errors import ConfigError
from steelyard.domain.instants import instant_ns
from steelyard.domain.offers import ChannelKind
from steelyard.domain.tasks import Constraint, Status, Task, Verdict, decide
from steelyard.domain.verdict_life import Cause
from steelyard.store import objects
from steelyard.weigh.asking import Contender


def named(connection: Connection, names: Sequence[str]) -> list[Contender]:
    """The offers named, or without names all that are enabled and have a price.

    Raises:
        ConfigError: there is no offer of that name.
    """
    stored = measured.offers(connection)
    unknown = [name for name in names if name not in stored]
    if unknown:
        hint = nearest(unknown[0], stored) or "; steelyard offers lists them"
        raise ConfigError(f"No offer {unknown[0]!r}{hint}")
    if names:
        return [_contender(stored[name].body) for name in dict.fromkeys(names)]
    return [_contender(body) for body in _for_sale(connection)]


def within_policy(
    connection: Connection, task: Task, found: Iterable[Contender]
) -> list[Contender]:
    """The contenders; who may not see the task's items by its policy is refused with the reason.

    Workers hold calls to the policy, too: this says so before anybody is asked.
    """
    stored = objects.current(connection, "task").get(task.name)
    name = stored.body["policy"] if stored is not None else ""
    policy = objects.current(connection, "policy").get(name)
    if policy is None:
        return list(found)
    offers, channels = measured.offers(connection), objects.current(connection, "channel")
    allowed, places = policy.body["channels"], policy.body["residency"]
    ready = []
    for one in found:
        channel = offers[one.offer].body["channel"]
        place = channels[channel].body["residency"]
        is_out = (allowed and channel not in allowed) or (places and place not in places)
        reason = f"the task's policy {name} does not allow its channel" if is_out else one.refusal
        ready.append(replace(one, refusal=reason))
    return ready


def embedded(connection: Connection, down: Collection[str]) -> list[Contender]:
    """Offers of this machine's engines whose channel is not in ``down``: they cost nobody else."""
    channels = objects.current(connection, "channel")
    return [
        _contender(offer)
        for offer in _for_sale(connection)
        if (channel := channels.get(offer["channel"])) is not None
        and channel.body["kind"] == ChannelKind.EMBEDDED.value
        and offer["channel"] not in down
    ]


def weighed(task: Task, digests: Iterable[str], verdicts: Iterable[Verdict]) -> set[str]:
    """Offers that need no further weighing: decided at today's floor, or weighed to the end at it.

    A verdict that another floor cut short, and that today's leaves open, is taken up again; what is
    in the run file is not asked twice. Stale verdicts are none of these: leave them out.
    """
    wanted = set(digests)
    return {
        verdict.offer
        for verdict in verdicts
        if verdict.task == task.name
        and verdict.form_digest in wanted
        and (verdict.floor == task.floor or _is_decided(verdict, task.floor))
    }


def mark(found: Iterable[Contender], proofs: Mapping[str, Proof]) -> str:
    """What tells the run file of this background weighing from earlier ones of the same form.

    Answers of before an offer's verdict went stale must not count again, so the instant of the
    newest stale one is in the file's name; it stays while the weighing gives way and goes on. Of
    another form the file is another one anyway.
    """
    stale = [
        instant_ns(proof.verdict.decided_at)
        for proof in (proofs.get(one.offer) for one in found)
        if proof is not None
        and proof.standing.status is Status.STALE
        and proof.standing.cause is not Cause.FORM
    ]
    return f"-{max(stale):x}" if stale else ""


def _is_decided(verdict: Verdict, floor: Decimal) -> bool:
    status = decide(verdict.lower, verdict.upper, floor, verdict.unscored_share)
    return status is not Status.NOT_PROVEN


def _for_sale(connection: Connection) -> list[Mapping[str, Any]]:
    """Enabled offers that have a price, by name."""
    stored = measured.offers(connection)
    priced = price_book.offer_rates(connection, stored)
    return [stored[n].body for n in sorted(stored) if priced.get(n) and stored[n].body["enabled"]]


def _contender(body: Mapping[str, Any]) -> Contender:
    features = set(body["features"])
    known = (c for c in (Constraint.GRAMMAR, Constraint.JSON_SCHEMA) if c.value in features)
    return Contender(str(body["name"]), frozenset(known))
