"""The control process's HTTP: routes joined into one Starlette application.

Served on a Unix socket only; workers carry callers from this machine to it. There is no access log:
what is worth keeping is in the audit log of the database.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from steelyard.control.api import (
    accounts,
    answered,
    authenticity,
    captures,
    cases,
    comparison,
    config,
    drift,
    exchange,
    ledger,
    moving,
    offers,
    prices,
    probing,
    readiness,
    recompute,
    supply,
    vendors,
    verdicts,
    weighings,
)
from steelyard.control.api.web import check_host_of, on_error
from steelyard.control.control import Control
from steelyard.domain.errors import RequestError, SteelyardError


def make_app(control: Control, more_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The application over ``control``; ``more_routes`` are the console's pages."""
    routes: list[BaseRoute] = [
        *accounts.routes,
        *offers.routes,
        *answered.routes,
        *authenticity.routes,
        *captures.routes,
        *cases.routes,
        *comparison.routes,
        *prices.routes,
        *exchange.routes,
        *config.routes,
        *ledger.routes,
        *moving.routes,
        *readiness.routes,
        *recompute.routes,
        *vendors.routes,
        *verdicts.routes,
        *probing.routes,
        *supply.routes,
        *weighings.routes,
        *drift.routes,
        Route("/metrics", _metrics),
        Route("/healthz", _healthz),
        *more_routes,
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(_HostGuard)],
        exception_handlers={
            SteelyardError: on_error,
            HTTPException: _on_http_error,
            Exception: on_error,
        },
    )
    app.state.control = control
    return app


class _HostGuard:
    """Refuses requests under a host name that is not ours, whatever they ask for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            try:
                check_host_of(request)
            except SteelyardError as error:
                response = await on_error(request, error)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _metrics(request: Request) -> Response:
    # Imported when first asked for: its HTTP client costs a sixth of the start.
    from steelyard.control import metrics  # noqa: PLC0415

    return await metrics.show(request)


async def _healthz(request: Request) -> Response:
    return Response("ok\n", media_type="text/plain")


async def _on_http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    known = RequestError(f"{request.method} {request.url.path[:128]}: no such thing here.")
    known.status = status
    known.code = {404: "not_found", 405: "method_not_allowed"}.get(status, "invalid_request")
    return await on_error(request, known)
