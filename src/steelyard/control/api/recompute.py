"""The ledger recomputed from the price book, for whoever must answer for it."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.web import admin, answer, control_of
from steelyard.control.control import Control


@admin
async def recompute(request: Request) -> Response:
    """Every booked line priced once more from the rates it names; what differs is listed."""
    found = await asyncio.to_thread(_run, control_of(request))
    findings = [finding._asdict() for finding in found.findings]
    return answer({**found._asdict(), "findings": findings})


def _run(control: Control) -> Any:
    audit = importlib.import_module("steelyard.ledger.audit")
    recomputing = importlib.import_module("steelyard.control.rebooking.recompute")
    with control.database.read() as connection:
        lines = audit.entries(control.places.home / "ledger", control.database)
        return recomputing.Recomputer(connection).run(lines)


routes = [Route("/api/ledger/recompute", recompute)]
"""Read only, and of what is booked: a line that is on its way is looked at the next time."""
