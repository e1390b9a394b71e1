"""Routes joined: every one guarded, strangers and unknown paths answered in one shape."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from steelyard.control.app import make_app
from steelyard.control.control import Control
from steelyard.control.places import Places

OPEN = {"/healthz", "/metrics", "/page"}


def made(tmp_path: Path) -> Starlette:
    control = Control(Places(tmp_path, tmp_path, 8080), {})
    control.admin_token = "right"
    page = Route("/page", lambda request: PlainTextResponse("a page"))
    app = make_app(control, [page])
    control.close()
    return app


def get(app: Starlette, path: str, **headers: str) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(run())


def test_no_route_is_open_by_mistake(tmp_path: Path) -> None:
    app = made(tmp_path)
    for route in app.routes:
        assert isinstance(route, Route)
        if route.path in OPEN or "GET" not in (route.methods or ()):
            continue
        answer = get(app, route.path.replace("{call}", "c-1-1").replace("{number:int}", "1"))
        assert answer.status_code == 401, route.path


def test_foreign_host_names_are_refused_everywhere(tmp_path: Path) -> None:
    app = made(tmp_path)
    for path in ("/healthz", "/page", "/api/status", "/nothing"):
        assert get(app, path, host="evil.example").status_code == 403


def test_pages_of_the_console_are_served(tmp_path: Path) -> None:
    app = made(tmp_path)
    assert get(app, "/page").text == "a page"
    assert get(app, "/healthz").text == "ok\n"
    assert get(app, "/nothing").json()["error"]["code"] == "not_found"
