"""Ranking: the cheapest offer that is good enough, every other one with its reason.

Pure: equal input gives equal output, and what a policy forbids is never offered. Costs here are
expectations in the home currency, as floats: they order candidates and never touch the books.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from steelyard.dialects.base import Call
from steelyard.domain.errors import NoOffer, SteelyardError, UnknownModel, Unsupported
from steelyard.domain.offers import WORKS
from steelyard.gateway.health import Health
from steelyard.gateway.snapshot import PolicyEntry, TaskEntry, VerdictEntry
from steelyard.gateway.view import Candidate, Lineup, Principal, View

OUTPUT_EXPECTED = 256
"""Tokens expected in an answer where the client sets no smaller bound."""

OFFER = "offer:"
_NOT_PROVEN = "not proven for this task"
_TASK = "task:"
_NOWHERE = frozenset({"no place that both policies allow"})
"""Stands for an empty intersection, since an empty set in a policy allows all."""


class Wanted(NamedTuple):
    """What the call asks to be chosen from."""

    lineup: Lineup
    task: TaskEntry | None
    """Task whose proof is demanded; None when the client named a model or an offer."""
    task_name: str
    """Task the call is booked under, or empty."""


class Dropped(NamedTuple):
    """An offer that cannot take the call, and why."""

    offer: str
    reason: str


class Ranking(NamedTuple):
    """Offers to try, best first, and those that were dropped."""

    kept: list[Candidate]
    dropped: list[Dropped]


def resolve(asked: str, task_header: str, task_default: str, view: View) -> Wanted:
    """What ``model`` stands for: a model, an alias, ``offer:NAME``, ``task:NAME`` or ``auto``.

    Raises:
        UnknownModel: there is no such model, offer or task; names the nearest.
        NoOffer: ``auto`` without a task.
    """
    task_name = task_header or task_default
    lineup = view.lineup(asked)
    if lineup is not None:
        return Wanted(lineup, None, task_name)
    if asked == "auto" or asked.startswith(_TASK):
        name = asked[len(_TASK) :] if asked != "auto" else task_name
        if not name:
            raise NoOffer(
                "model 'auto' needs a task: send the header x-steelyard-task, or give the key a"
                " default task.",
                code="task_missing",
            )
        task = view.task(name)
        if task is None:
            raise _unknown_task(name, view)
        return Wanted(view.weighed(task), task, name)
    if asked.startswith(OFFER):
        candidate = view.candidate(asked[len(OFFER) :])
        if candidate is None:
            raise view.unknown_model(asked)
        return Wanted(Lineup((candidate,)), None, task_name)
    raise view.unknown_model(asked)


def policy_of(wanted: Wanted, principal: Principal, view: View) -> PolicyEntry:
    """The policy that a call goes by: its account's, or its task's where that demands proof.

    Our own calls bring a task's items to an offer by name. The task's policy says where its items
    may go at all, so it holds beside the account's then.

    Raises:
        NoOffer: an own call is for a task that is not known here, or not yet.
    """
    policy, task = principal.policy, wanted.task
    if task is not None:
        return view.policy(task.policy) if task.policy else policy
    if not (principal.is_ours and wanted.task_name):
        return policy
    task = view.task(wanted.task_name)
    if task is None:
        raise NoOffer("The task of this call is not known here yet.", code="task_not_found")
    if not task.policy:
        return policy
    bound = view.policy(task.policy)
    return replace(
        policy,
        name=bound.name,
        channels=_both(policy.channels, bound.channels),
        residency=_both(policy.residency, bound.residency),
    )


def pick(
    call: Call, wanted: Wanted, policy: PolicyEntry, health: Health, now: tuple[int, float]
) -> Sequence[Candidate]:
    """The offers to try, best first: ``rank(...).kept``, by a short cut where one is safe.

    A call that demands nothing of an offer but a price and room, in a lineup whose order is the
    same for every mix of tokens, needs no comparing.

    Raises:
        ChoiceError, RequestError: nobody can take the call; says why, and what to do.
    """
    lineup = wanted.lineup
    if (
        wanted.task is None
        and lineup.is_ordered
        and call.body_bytes <= lineup.body_bytes_max
        and not (call.needs or health.troubled or policy.channels or policy.residency)
        and lineup.is_priced(now[0])
    ):
        return lineup.candidates
    ranking = rank(call, wanted, policy, health, now)
    if not ranking.kept:
        error = explain(call, wanted, ranking)
        rests = [health.rests_s(c.channel.name, now[1]) for c in lineup.candidates]
        if rests and min(rests) > 0:
            # Everybody rests: whoever comes again before the first is back asks in vain.
            error.retry_after_s = min(rests)
        raise error
    return ranking.kept


def rank(
    call: Call, wanted: Wanted, policy: PolicyEntry, health: Health, now: tuple[int, float]
) -> Ranking:
    """Candidates by expected total cost, cheapest first, and the others with their reasons.

    ``now`` is (UTC nanoseconds, monotonic seconds).
    """
    at_ns, now_s = now
    proven = _proven(wanted.task)
    expected_output = OUTPUT_EXPECTED
    if call.output_max is not None and call.output_max < expected_output:
        expected_output = call.output_max
    expected_output *= call.choices
    priced: list[tuple[float, str, Candidate]] = []
    dropped: list[Dropped] = []
    for candidate in wanted.lineup.candidates:
        reason = health.why_not(candidate.channel.name, now_s)
        reason = reason or _why_not(call, candidate, policy, proven, at_ns)
        if reason:
            dropped.append(Dropped(candidate.name, reason))
            continue
        expected_input = call.body_bytes * candidate.tokens_per_byte
        each_input, each_output = candidate.rank_input, candidate.rank_output
        for tokens, tier_input, tier_output in candidate.entry.rank_tiers:
            if expected_input >= tokens:
                each_input, each_output = tier_input, tier_output
        cost = expected_input * each_input + expected_output * each_output
        for item, count in call.extras:
            cost += count * candidate.entry.rank_extras.get(item, 0.0)
        priced.append((cost, candidate.name, candidate))
    # The name breaks ties, so that equal input gives equal output; no two names are equal.
    priced.sort()
    return Ranking([candidate for _, _, candidate in priced], dropped)


def _why_not(
    call: Call,
    candidate: Candidate,
    policy: PolicyEntry,
    proven: frozenset[str] | None,
    at_ns: int,
) -> str:
    """Why an offer cannot take the call, or empty text."""
    entry, channel = candidate.entry, candidate.channel
    expected_input = call.body_bytes * entry.tokens_per_byte
    if proven is not None and entry.name not in proven:
        return _NOT_PROVEN
    if not (candidate.chats or call.needs & WORKS):
        return "cannot do chats"
    if not call.needs <= entry.features:
        return "cannot do " + ", ".join(sorted(call.needs - entry.features))
    if policy.channels and channel.name not in policy.channels:
        return f"policy {policy.name} does not allow the channel"
    if policy.residency and channel.residency not in policy.residency:
        return f"policy {policy.name} does not allow residency {channel.residency or '?'}"
    if candidate.is_quarantined and not policy.admits_quarantined:
        return "quarantined: found not to be the model it is sold as"
    # What is no chat may be many inputs in one call, each of which may be that long.
    if candidate.chats and expected_input > entry.context_tokens:
        return f"about {expected_input:.0f} tokens do not fit into {entry.context_tokens}"
    if candidate.period_at(at_ns) is None:
        return "unpriced"
    return ""


def explain(call: Call, wanted: Wanted, ranking: Ranking) -> SteelyardError:
    """The error for a ranking that keeps nobody: the reasons, and what to do about them."""
    task = wanted.task
    stale = {v.offer: v.reason for v in task.verdicts if v.status == "stale"} if task else {}
    reasons = "; ".join(
        f"{offer}: proof is stale, {stale[offer]}"
        if offer in stale and reason == _NOT_PROVEN
        else f"{offer}: {reason}"
        for offer, reason in ranking.dropped[:8]
    )
    if task is not None and not any(verdict.status == "proven" for verdict in task.verdicts):
        tried = "; ".join(_tried(verdict, task.floor) for verdict in task.verdicts[:8])
        return NoOffer(
            f"Nothing is proven for task {task.name!r} yet ({tried or 'nothing was weighed'})."
            f" Run: steelyard weigh {task.name} - or name a model instead.",
            code="nothing_proven",
        )
    names = {reason.split(":")[0] for _, reason in ranking.dropped}
    if names and all(name.startswith("cannot do") for name in names):
        return Unsupported(f"No offer of {call.model[:128]!r} can take this call ({reasons}).")
    if names == {"unpriced"}:
        return NoOffer(
            f"No offer of {call.model[:128]!r} has a price now; unpriced calls are refused, never"
            " booked as zero. Add its rates to steelyard.yaml.",
            code="unpriced_offer",
        )
    if names == {"quarantined"}:
        return NoOffer(
            f"Every offer of {call.model[:128]!r} is quarantined: {reasons}. What was found:"
            " steelyard authenticity. A policy with admits_quarantined uses them all the same.",
            code="offer_quarantined",
        )
    return NoOffer(f"No offer can take this call now ({reasons or 'there is none'}).")


def _tried(verdict: VerdictEntry, floor: float) -> str:
    """What a verdict says, and why it proves nothing."""
    told = f"{verdict.offer}: {verdict.status.replace('_', ' ')}"
    if verdict.status != "stale":
        # Bounds of what is no longer sold would only mislead.
        told += f", {verdict.lower:.2f} to {verdict.upper:.2f} against {floor:.2f}"
    return f"{told}, {verdict.reason}" if verdict.reason else told


def _both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """What two policies allow together; empty is all."""
    if not (one and other):
        return one | other
    return one & other or _NOWHERE


def _proven(task: TaskEntry | None) -> frozenset[str] | None:
    if task is None:
        return None
    return frozenset(verdict.offer for verdict in task.verdicts if verdict.status == "proven")


def _unknown_task(name: str, view: View) -> UnknownModel:
    error = view.unknown_model(f"{_TASK}{name}")
    error.code = "task_not_found"
    return error
