"""Tests of authenticity: what was found, new ones with progress, and the evidence of one.

A test takes minutes, so it can be watched (``progress``): news stand under ``test``. Who leaves
ends it; what was answered is kept, and the same test goes on from there.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.config.weighing import Authenticity
from steelyard.control.api.known import demand_known
from steelyard.control.api.progress import watched
from steelyard.control.api.web import Body, admin, answer, body_of, control_of, listed
from steelyard.control.control import Control

PATH = "/api/authenticity"
_RECORDED_MAX = 3000


class _New(Body):
    offer: str = Field(min_length=1, max_length=256)
    against: str = Field(min_length=1, max_length=4096)
    money: str | None = Field(default=None, max_length=64)
    calls: int = 300
    error: float | None = Field(default=None, gt=0, le=0.2)
    pause_s: float = Field(default=0.5, ge=0, le=600)
    same_model: bool = False


class _Recorded(Body):
    offer: str = Field(min_length=1, max_length=256)
    money: str | None = Field(default=None, max_length=64)
    calls: int = Field(default=300, ge=50, le=_RECORDED_MAX)
    pause_s: float = Field(default=0.5, ge=0, le=600)


class _Release(Body):
    offer: str = Field(min_length=1, max_length=256)
    reason: str = Field(min_length=1, max_length=500)


@admin
async def list_tests(request: Request) -> Response:
    """The last test of every offer, or of one (``offer``) its tests, newest first."""
    from steelyard.control.authenticity import keeping  # noqa: PLC0415 - needed by few

    offer = request.query_params.get("offer", "")

    def work(connection: Connection) -> list[dict[str, Any]]:
        rows = keeping.rows(connection, offer)
        if not rows:
            demand_known(connection, offer=offer)
        return rows

    return listed(await control_of(request).read(work))


@admin
async def start_test(request: Request) -> Response:
    """Tests an offer against another one or recorded answers; costs money, and is booked."""
    # Imported when first asked for: its HTTP client costs a sixth of control's start.
    from steelyard.control.authenticity import run, targets  # noqa: PLC0415

    body, control = await body_of(request, _New), control_of(request)
    terms = terms_of(control)
    error = Fraction(str(body.error or terms.error))
    money = body.money or terms.money
    how = (body.calls, body.pause_s, body.same_model)
    wish = targets.Wish(body.offer, body.against, money, error, *how)
    return await watched(request, "test", lambda tell: run.verify(control, wish, tell))


@admin
async def record(request: Request) -> Response:
    """Asks an offer, and answers with what it said: a reference for later; costs money."""
    from steelyard.control.authenticity import run, targets  # noqa: PLC0415

    body, control = await body_of(request, _Recorded), control_of(request)
    money = body.money or terms_of(control).money
    wish = targets.Wish(body.offer, "", money, Fraction(0), body.calls, body.pause_s)
    return await watched(request, "test", lambda tell: run.record_offer(control, wish, tell))


@admin
async def release(request: Request) -> Response:
    """Takes an offer out of quarantine, with a reason."""
    from steelyard.control.authenticity import keeping  # noqa: PLC0415

    body = await body_of(request, _Release)
    return answer(await keeping.release(control_of(request), body.offer, body.reason, "admin"))


@admin
async def evidence(request: Request) -> Response:
    """All that a test rests on, answers included."""
    from steelyard.control.authenticity import proof  # noqa: PLC0415

    number = int(request.path_params["number"])
    return answer(await proof.document(control_of(request), number))


def terms_of(control: Control) -> Authenticity:
    """What holds where a request says nothing."""
    return Authenticity() if control.config is None else control.config.weighing.authenticity


routes = [
    Route(PATH, list_tests),
    Route(f"{PATH}/test", start_test, methods=["POST"]),
    Route(f"{PATH}/record", record, methods=["POST"]),
    Route(f"{PATH}/release", release, methods=["POST"]),
    Route(f"{PATH}/{{number:int}}/evidence", evidence),
]
