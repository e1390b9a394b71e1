"""Probes of offers: live checks with progress, and what becomes of their findings.

Checks take seconds to minutes, so their progress can be watched: who accepts
``application/x-ndjson`` is told ``{"check": …}`` in lines, ``{}`` now and then, at last
``{"result": …}`` or ``{"error": …}``. Who leaves ends the probe; what was sent is booked.
"""

from __future__ import annotations

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.progress import watched
from steelyard.control.api.web import Body, admin, answer, body_of, control_of


class _New(Body):
    channel: str = Field(min_length=1, max_length=128)
    offer: str = Field(default="", max_length=128)
    budget: str | None = Field(default=None, max_length=64)
    checks: list[str] = []


class _Offer(Body):
    offer: str = Field(min_length=1, max_length=128)


@admin
async def start_probe(request: Request) -> Response:
    """Probes an offer of a channel; costs money, within ``budget``, and is booked."""
    # Imported when first asked for: its HTTP client costs a sixth of control's start.
    from steelyard.control.probing import run  # noqa: PLC0415

    body = await body_of(request, _New)
    wish = run.Wish(body.channel, body.offer, body.budget or run.BUDGET, tuple(body.checks))
    control = control_of(request)
    return await watched(request, "check", lambda tell: run.probe(control, wish, tell))


@admin
async def apply_probe(request: Request) -> Response:
    """Has an offer's features be those that a probe measured."""
    from steelyard.control.probing import run  # noqa: PLC0415

    number = int(request.path_params["number"])
    return answer(await run.apply(control_of(request), number, "admin"))


@admin
async def forget_probe(request: Request) -> Response:
    """Has an offer's features be those of its preset again."""
    from steelyard.control.probing import run  # noqa: PLC0415

    body = await body_of(request, _Offer)
    is_done = await run.forget(control_of(request), body.offer, "admin")
    return answer({"offer": body.offer, "forgotten": is_done})


routes = [
    Route("/api/vendors/probe", start_probe, methods=["POST"]),
    Route("/api/vendors/probes/{number:int}/apply", apply_probe, methods=["POST"]),
    Route("/api/vendors/forget", forget_probe, methods=["POST"]),
]
