"""Verdicts on tasks: ready, supervised or not yet; the distance, and what would change it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.known import demand_known
from steelyard.control.api.web import admin, answer, control_of, listed
from steelyard.control.proofs.readiness import TaskVerdict, load
from steelyard.domain.money import format_pico
from steelyard.domain.readiness import Candidate, Change, Cost, Distance, Lever
from steelyard.domain.tasks import Status

_CHANGES_SHOWN = 20
"""Of a task: a book of thousands of offers holds as many that nobody weighed."""


@admin
async def list_readiness(request: Request) -> Response:
    """The verdicts on all tasks; ``reopened=1``: on those only that something opened again.

    ``weighed=1``: on those only that somebody weighed.
    """
    is_reopened, is_weighed = (
        request.query_params.get(name) == "1" for name in ("reopened", "weighed")
    )
    found = await control_of(request).read(
        # What nobody weighed was never decided, so nothing opens it again.
        lambda c: load(c, time.time_ns(), is_weighed=is_weighed or is_reopened)
    )
    return listed([row_of(each) for each in found if each.reopened or not is_reopened])


@admin
async def show_readiness(request: Request) -> Response:
    """The verdict on one task, and every offer that may do its work."""
    name = request.path_params["task"]

    def work(connection: Connection) -> list[TaskVerdict]:
        demand_known(connection, task=name)
        return load(connection, time.time_ns(), name)

    (each,) = await control_of(request).read(work)
    offers = [offer_row(one) for one in each.candidates]
    return answer({**row_of(each), "offers": offers})


def row_of(each: TaskVerdict) -> dict[str, Any]:
    """A verdict on a task for people and programs; exact numbers as text."""
    verdict = each.verdict
    return {
        "task": each.task,
        "title": each.title,
        "state": verdict.state.value,
        "floor": str(each.floor),
        "supervised_floor": str(each.supervised_floor),
        "cheapest": verdict.cheapest,
        **cost_row(each.cost),
        "currency": each.currency,
        "until": verdict.until,
        "best": distance_row(verdict.best),
        "counts": Counter(_standing_of(one) for one in each.candidates),
        "changes": [
            {
                **change._asdict(),
                "lever": change.lever.value,
                "text": text_of(change, each.currency),
            }
            for change in verdict.changes[:_CHANGES_SHOWN]
        ],
        "changes_count": len(verdict.changes),
        "reopened": [reason._asdict() for reason in each.reopened],
    }


def offer_row(one: Candidate) -> dict[str, Any]:
    """An offer that may do a task's work."""
    verdict = one.verdict
    quality = None if verdict is None or verdict.quality is None else float(verdict.quality)
    return {
        "offer": one.offer,
        "status": _standing_of(one),
        "reason": one.held or (one.standing.reason if one.standing is not None else ""),
        "quality": quality,
        "lower": None if verdict is None else str(verdict.lower),
        "upper": None if verdict is None else str(verdict.upper),
        **cost_row(one.cost),
    }


def cost_row(cost: Cost | None) -> dict[str, str | None]:
    """Cost per accepted answer, whole pico-units; for comparing, nothing is booked by it."""
    likely, lower, upper = cost if cost is not None else (None, None, None)
    return {
        "cost_per_accepted_pico": None if likely is None else str(round(likely)),
        "cost_lower_pico": None if lower is None else str(round(lower)),
        "cost_upper_pico": None if upper is None else str(round(upper)),
    }


def distance_row(best: Distance | None) -> dict[str, Any] | None:
    """How far the best offer is from the floor."""
    return None if best is None else {**best._asdict(), "quality": float(best.quality)}


def text_of(change: Change, currency: str) -> str:
    """What would change a verdict, in a sentence."""
    told = {
        Lever.WEIGH: "weigh {offer}",
        Lever.WEIGH_AGAIN: "weigh {offer} again",
        Lever.MORE_ITEMS: "ask {offer} about {items:,} items more",
        Lever.GRADES: "see why {offer} has no grade on so many items",
        Lever.JUDGE: "let another judge grade {offer}",
        Lever.SUPPLY: "more supply of {offer}",
        Lever.RELEASE: "test {offer} in quarantine anew",
        Lever.BETTER_MODEL: "a model that is better by {missing:.3f}",
    }[change.lever]
    text = told.format(offer=change.offer, items=change.items, missing=change.missing)
    if change.cost_pico is not None:
        text += f", about {format_pico(_rounded(change.cost_pico))} {currency}"
    return f"{text}: {change.reason}" if change.reason else text


def _rounded(pico: int) -> int:
    """An estimate to three digits, upward: more would only pretend."""
    unit: int = 10 ** max(0, len(str(pico)) - 3)
    return -(-pico // unit) * unit


def _standing_of(one: Candidate) -> str:
    if one.held:
        return "quarantined"
    status = one.standing.status if one.standing is not None else None
    return status.value if isinstance(status, Status) else "not_weighed"


routes = [
    Route("/api/readiness", list_readiness),
    Route("/api/readiness/{task:path}", show_readiness),
]
