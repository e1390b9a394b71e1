"""Supply: what offers were found to give, a measurement now, how the running one stands.

Who accepts ``application/x-ndjson`` when posting is told ``{"progress": …}`` in lines, at last
``{"result": …}`` or ``{"error": …}``, and ends the measurement by leaving: what is known is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from steelyard.control.api.known import demand_known
from steelyard.control.api.progress import NDJSON, last_line
from steelyard.control.api.web import (
    Body,
    admin,
    answer,
    as_json,
    body_of,
    control_of,
    listed,
)
from steelyard.control.supply.measuring import Supplies, Wish

_TOLD_EVERY_S = 0.5


class _New(Body):
    offer: str = Field(min_length=1, max_length=128)
    money: str = Field(default="1 CNY", max_length=64)
    minutes: float = Field(default=6.0, gt=0, le=60)
    enough: int = Field(default=0, ge=0, le=1_000_000)
    requests_max: int = Field(default=0, ge=0, le=1_000_000)
    tokens: int = Field(default=1, ge=1, le=4096)


@admin
async def list_supply(request: Request) -> Response:
    """What is known of every offer, or of ``?offer=``."""
    offer = request.query_params.get("offer", "")
    rows = await _supplies(request).rows(offer)
    if not rows:
        await control_of(request).read(lambda c: demand_known(c, offer=offer))
    return listed(rows)


@admin
async def measure(request: Request) -> Response:
    """Begins a measurement; it costs money, within ``money``, and is booked."""
    body = await body_of(request, _New)
    supplies = _supplies(request)
    wish = Wish(**body.model_dump())
    if NDJSON not in request.headers.get("accept", ""):
        await supplies.start(wish, lambda row: None)
        return answer({"running": supplies.running()}, 202)
    told: dict[str, Any] = {}
    task = await supplies.start(wish, told.update)
    return StreamingResponse(_lines(request, supplies, task, told), media_type=NDJSON)


@admin
async def running(request: Request) -> Response:
    """How the running measurement stands; null while none runs."""
    return answer({"running": _supplies(request).running()})


@admin
async def stop(request: Request) -> Response:
    """Ends the running measurement; what is known is kept."""
    return answer({"stopped": _supplies(request).stop()})


async def _lines(
    request: Request,
    supplies: Supplies,
    task: asyncio.Task[dict[str, Any]],
    told: dict[str, Any],
) -> AsyncIterator[str]:
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_TOLD_EVERY_S)
            yield as_json({"progress": told}).decode() + "\n"
        yield await last_line(request, task)
    finally:
        if not task.done():
            supplies.stop()


def _supplies(request: Request) -> Supplies:
    supplies: Supplies = request.app.state.supplies
    return supplies


routes = [
    Route("/api/supply", list_supply),
    Route("/api/supply/measure", measure, methods=["POST"]),
    Route("/api/supply/running", running),
    Route("/api/supply/stop", stop, methods=["POST"]),
]
