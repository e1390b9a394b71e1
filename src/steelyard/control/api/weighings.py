"""Weighings: the last ones with how far they are, a new one on demand, an end before its time."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.web import Body, admin, answer, body_of, control_of, listed
from steelyard.control.weighing.orders import CONCURRENCY, Order
from steelyard.control.weighing.turns import Stop
from steelyard.control.weighing.weighings import Weighings
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.instants import instant_of
from steelyard.store import proofs
from steelyard.weigh.entrants import Goal

_SHOWN = 50


class _New(Body):
    task: str = Field(min_length=1, max_length=128)
    offers: list[str] = []
    limit: int = Field(default=0, ge=0, le=1_000_000)
    money_max: str | None = Field(default=None, max_length=64)
    """Such as ``5 CNY``; by default what ``weighing.money`` says."""
    goal: Literal["all", "cheapest"] = "all"
    concurrency: int = Field(default=CONCURRENCY, ge=1, le=256)
    fresh: bool = False
    is_unsafe_code: bool = False


@admin
async def list_weighings(request: Request) -> Response:
    """The last weighings, newest first; with bounds so far while they run."""
    weighings: Weighings = request.app.state.weighings

    def work(connection: Connection) -> list[dict[str, Any]]:
        return [
            {
                **row,
                "started_at": instant_of(row["started_at_ns"]),
                "ended_at": instant_of(row["ended_at_ns"]) if row["ended_at_ns"] else None,
            }
            for row in proofs.recent_weighings(connection, _SHOWN)
        ]

    rows = await control_of(request).read(work)
    live, told = weighings.live(), weighings.told()
    unknown = {"lower": None, "upper": None}
    shown = []
    for row in rows:
        number = row["weighing_number"]
        shown.append({**row, **unknown, **told.get(number, {}), **live.get(number, {})})
    return listed(shown)


class _Stop(Body):
    task: str = Field(default="", max_length=128)
    weighing: int = Field(default=0, ge=0)
    now: bool = False
    """Whether calls under way are cut off."""


@admin
async def stop_weighings(request: Request) -> Response:
    """Ends the weighings of a task, or the one that a number belongs to; keeps what is known."""
    body = await body_of(request, _Stop)
    if bool(body.task) == bool(body.weighing):
        raise InvalidRequest("Name a task or the number of a weighing, one of both.")
    weighings: Weighings = request.app.state.weighings
    wish = Stop("admin", body.task, body.weighing, is_cut=body.now)
    found = [
        {
            "task": job.task.name,
            "weighings": [standing.number for standing in job.standings],
            "is_background": job.is_background,
        }
        for job in await weighings.stop(wish)
    ]
    return answer({"stopped": found}, 202)


@admin
async def start_weighing(request: Request) -> Response:
    """Begins to weigh a task over offers; the answer names the weighings begun."""
    body = await body_of(request, _New)
    weighings: Weighings = request.app.state.weighings
    order = Order(
        task=body.task,
        offers=body.offers,
        limit=body.limit,
        money=body.money_max,
        goal=Goal(body.goal),
        concurrency=body.concurrency,
        is_fresh=body.fresh,
        is_unsafe_code=body.is_unsafe_code,
    )
    return answer(await weighings.start(order), 202)


routes = [
    Route("/api/weighings", list_weighings),
    Route("/api/weighings", start_weighing, methods=["POST"]),
    Route("/api/weighings/stop", stop_weighings, methods=["POST"]),
]
