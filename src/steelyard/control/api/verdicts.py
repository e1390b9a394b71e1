"""Verdicts: what weighing says of offers, what that is worth today, and what supply stands beside.

``GET /api/verdicts`` has the verdict in force of every offer on every task; with ``all=1`` every
one there ever was, too, of which only those in force are ``is_current``. ``cost_now`` of one in
force is what the same calls cost at today's prices; a task or offer that nobody knows is an error.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.known import demand_known
from steelyard.control.api.web import admin, control_of, listed
from steelyard.control.prices import book as price_book
from steelyard.control.proofs import measured, proving
from steelyard.control.proofs.costs import Priced, Prices, per_accepted
from steelyard.control.proofs.proving import Proof
from steelyard.domain.instants import instant_of
from steelyard.domain.tallies import Tally
from steelyard.domain.tasks import Verdict, decide
from steelyard.domain.verdict_life import Rules
from steelyard.store import objects
from steelyard.store.measurements import Measurement


@admin
async def list_verdicts(request: Request) -> Response:
    """The verdicts in force, with what they are worth today; ``all=1``: past ones, too."""
    query = request.query_params
    task, offer = query.get("task"), query.get("offer")
    is_all = query.get("all") == "1"

    def work(connection: Connection) -> list[dict[str, Any]]:
        tasks, now_ns = objects.current(connection, "task"), time.time_ns()
        found = proving.load(connection, tasks, now_ns, has_used=True)
        weighed = {name for offers in found.values() for name in offers}
        bought = {n: s for n, s in measured.offers(connection).items() if n in weighed}
        prices = Prices(price_book.offer_rates(connection, bought), now_ns)
        rows = [
            verdict_row(proof, proving.rules_of(tasks[name].body), prices.now(proof.verdict))
            for name, offers in found.items()
            for proof in offers.values()
            if task in (None, name) and offer in (None, proof.verdict.offer)
        ]
        if is_all:
            in_force = {id_of(p.verdict) for offers in found.values() for p in offers.values()}
            past = proving.past(connection, task, offer)
            rows += [past_row(each) for each in past if id_of(each) not in in_force]
        if not rows:
            demand_known(connection, task=task or "", offer=offer or "")
        return rows

    return listed(await control_of(request).read(work))


def verdict_row(proof: Proof, rules: Rules, now: Priced | None) -> dict[str, Any]:
    """A verdict in force for people and programs; exact numbers as text.

    ``now``: what its calls cost at today's prices; None where nobody knows.
    """
    standing = proof.standing
    return {
        **figures(proof.verdict),
        "is_current": True,
        "cost_now": cost_row(proof.verdict, now),
        "status": standing.status.value,
        "cause": standing.cause.value,
        "reason": standing.reason,
        "stale_at": standing.until,
        "floor": str(rules.floor),
        "supply": supply_row(proof.supply),
        "supply_demanded": {
            "requests_per_minute": rules.demand.requests_per_minute,
            "tokens_per_s": rules.demand.tokens_per_s,
            "is_required": rules.demand.is_required,
        },
        "authenticity": measured_row(proof.authenticity),
    }


def past_row(verdict: Verdict) -> dict[str, Any]:
    """A verdict that another took the place of: as it was, at the floor of then."""
    share = verdict.unscored_share
    status = decide(verdict.lower, verdict.upper, verdict.floor, share)
    return {
        **figures(verdict),
        "is_current": False,
        "cost_now": None,
        "status": status.value,
        "cause": "",
        "reason": "",
        "stale_at": None,
        "floor": str(verdict.floor),
        "supply": None,
        "supply_demanded": None,
        "authenticity": None,
    }


def figures(verdict: Verdict) -> dict[str, Any]:
    """What was measured."""
    accepted = verdict.cost_per_accepted_pico
    return {
        "task": verdict.task,
        "offer": verdict.offer,
        "form_digest": verdict.form_digest,
        "lower": str(verdict.lower),
        "upper": str(verdict.upper),
        "quality": float(verdict.quality) if verdict.quality is not None else None,
        "n": verdict.n,
        "n_unscored": verdict.n_unscored,
        "confidence": str(verdict.confidence),
        "cost_pico": str(verdict.cost_pico),
        # Rounded half-even to a whole pico-unit: a figure to compare by, nothing is booked by it.
        "cost_per_accepted_pico": None if accepted is None else str(round(accepted)),
        "cost_lower_pico": _text(verdict.cost_lower_pico),
        "cost_upper_pico": _text(verdict.cost_upper_pico),
        "currency": verdict.currency,
        "used": used_row(verdict.used),
        "time_s": verdict.time_s,
        "time_median_s": verdict.time_median_s,
        "decided_at": verdict.decided_at,
        "model_answered": verdict.model_answered,
    }


def cost_row(verdict: Verdict, now: Priced | None) -> dict[str, Any] | None:
    """Cost per accepted answer at today's prices; None where nobody knows."""
    cost = per_accepted(verdict, now)
    if cost is None or now is None:
        return None
    return {
        "cost_per_accepted_pico": str(round(cost.likely)),
        "cost_lower_pico": str(round(cost.lower)),
        "cost_upper_pico": None if cost.upper is None else str(round(cost.upper)),
        "currency": now.currency,
        "is_exact": now.least == now.most,
    }


def used_row(used: Tally | None) -> dict[str, Any] | None:
    """What all calls behind a verdict used, in sums; None where nobody knows."""
    if used is None:
        return None
    total = used.total._asdict()
    return {"calls": used.calls, **total, "extras": dict(total["extras"])}


def supply_row(measured: Measurement | None) -> dict[str, Any] | None:
    """What measured load found; None where nobody measured."""
    if measured is None:
        return None
    names = ("requests_per_minute", "tokens_per_minute", "tokens_per_s", "success_by_hour")
    body: Mapping[str, Any] = measured.body
    return {**(measured_row(measured) or {}), **{name: body.get(name) for name in names}}


def measured_row(measured: Measurement | None) -> dict[str, Any] | None:
    """A measurement by its word, when it ended, and its number."""
    if measured is None:
        return None
    at = instant_of(measured.at_ns)
    return {"state": measured.state, "at": at, "measurement": measured.number}


def id_of(verdict: Verdict) -> tuple[Any, ...]:
    """What tells a verdict from others."""
    return verdict.task, verdict.offer, verdict.form_digest, verdict.decided_at


def _text(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


routes = [Route("/api/verdicts", list_verdicts)]
