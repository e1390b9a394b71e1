"""Drift watching: what is watched and how it stands, a look now, an alarm accepted."""

from __future__ import annotations

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.known import demand_known
from steelyard.control.api.web import Body, admin, answer, body_of, control_of, listed
from steelyard.control.drift.job import DriftWatch
from steelyard.control.drift.money import paid


class _Look(Body):
    task: str = Field(default="", max_length=128)
    offer: str = Field(default="", max_length=128)


class _Named(Body):
    task: str = Field(min_length=1, max_length=128)
    offer: str = Field(min_length=1, max_length=128)


@admin
async def list_drift(request: Request) -> Response:
    """All watches; under ``paid_today`` what looks at paid offers cost on this day (UTC)."""
    watch = _watch(request)
    booked = await control_of(request).read(lambda c: paid(c, watch.clock()))
    today = {currency: str(pico) for currency, pico in booked.items()}
    return listed(await watch.rows(), paid_today=today)


@admin
async def look(request: Request) -> Response:
    """Begins a look now; the answer says at what."""
    body = await body_of(request, _Look)
    await control_of(request).read(lambda c: demand_known(c, task=body.task, offer=body.offer))
    return answer({"looks": await _watch(request).look(body.task, body.offer)}, 202)


@admin
async def acknowledge(request: Request) -> Response:
    """Accepts what an alarm told: what the offer is now becomes the reference."""
    body = await body_of(request, _Named)
    await control_of(request).read(lambda c: demand_known(c, task=body.task, offer=body.offer))
    return answer(await _watch(request).acknowledge(body.task, body.offer, "admin"))


def _watch(request: Request) -> DriftWatch:
    watch: DriftWatch = request.app.state.drift
    return watch


routes = [
    Route("/api/drift", list_drift),
    Route("/api/drift/look", look, methods=["POST"]),
    Route("/api/drift/acknowledge", acknowledge, methods=["POST"]),
]
