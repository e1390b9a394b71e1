from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from steelyard.console.facts import Asked, gather


def make_app(seen: list[tuple[str, str, str | None]]) -> Starlette:
    async def answer(request: Request) -> Response:
        seen.append(
            (request.url.path, str(request.query_params), request.headers.get("authorization"))
        )
        if request.url.path == "/api/verdicts":
            return JSONResponse({"error": {"message": "the database is locked"}}, 503)
        if request.url.path == "/api/status":
            return JSONResponse({"revision": 4})
        return JSONResponse({"data": [{"path": request.url.path}]})

    return Starlette(routes=[Route("/api/{rest:path}", answer)])


def test_page_hears_what_the_api_tells_and_what_it_cannot() -> None:
    seen: list[tuple[str, str, str | None]] = []
    now = datetime(2026, 11, 21, 3, 0, tzinfo=timezone(timedelta(hours=8)))
    facts = asyncio.run(gather(Asked(make_app(seen), "token"), now))
    assert facts.status == {"revision": 4}
    assert facts.offers == [{"path": "/api/offers"}]
    assert facts.verdicts == []
    assert facts.problems == ("/api/verdicts: the database is locked",)
    assert {authorization for _, _, authorization in seen} == {"Bearer token"}


def test_days_and_months_begin_where_the_reader_is() -> None:
    seen: list[tuple[str, str, str | None]] = []
    now = datetime(2026, 11, 1, 3, 0, tzinfo=timezone(timedelta(hours=8)))
    asyncio.run(gather(Asked(make_app(seen), "token"), now))
    asked = {query for path, query, _ in seen if path == "/api/ledger"}
    assert asked == {"by=account&since=2026-10-31T16%3A00%3A00"}


def test_calls_that_only_test_quality_do_not_bury_those_that_somebody_wanted() -> None:
    seen: list[tuple[str, str, str | None]] = []
    asyncio.run(gather(Asked(make_app(seen), "token"), datetime(2026, 11, 1, tzinfo=UTC)))
    (query,) = [query for path, query, _ in seen if path == "/api/ledger/lines"]
    assert "why=first" in query and "why=fallback" in query and "why=weigh" not in query


def test_answer_that_is_no_json_is_a_problem_not_a_crash() -> None:
    async def broken(request: Request) -> Response:
        return Response("<html>", 500)

    app = Starlette(routes=[Route("/api/status", broken)])
    asked = Asked(app, "token")
    assert asyncio.run(asked.get("/api/status")) == {}
    assert asked.problems == ["/api/status: 500"]
