"""Long work that can be watched: its news in lines of JSON, then what came of it.

Who accepts ``application/x-ndjson`` is told one object a line: news under a name of the work's own,
``{}`` now and then as a sign of life, at last ``{"result": …}`` or ``{"error": …}``. Who leaves
ends the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from steelyard.control.api.web import answer, as_json, on_error

NDJSON = "application/x-ndjson"
_SIGN_OF_LIFE_S = 10.0
"""News from a small machine may take minutes; who listens shall know that it goes on."""

Tell = Callable[[dict[str, Any]], None]
Work = Callable[[Tell], Coroutine[Any, Any, dict[str, Any]]]


async def watched(request: Request, news: str, work: Work) -> Response:
    """The answer to a request for long work; ``news`` is the name that its news stand under."""
    if NDJSON not in request.headers.get("accept", ""):
        return answer(await work(lambda row: None))
    return StreamingResponse(_lines(request, news, work), media_type=NDJSON)


async def _lines(request: Request, news: str, work: Work) -> AsyncIterator[str]:
    told: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    working = asyncio.get_running_loop().create_task(work(told.put_nowait))
    working.add_done_callback(lambda _: told.put_nowait(None))
    try:
        while True:
            try:
                async with asyncio.timeout(_SIGN_OF_LIFE_S):
                    row = await told.get()
            except TimeoutError:
                yield "{}\n"
                continue
            if row is None:
                break
            yield as_json({news: row}).decode() + "\n"
        yield await last_line(request, working)
    finally:
        working.cancel()


async def last_line(request: Request, done: asyncio.Future[dict[str, Any]]) -> str:
    """What came of work that is done, or why nothing did.

    Raises:
        BaseException: what is no error of the work's own, such as the end of the process.
    """
    error = done.exception()
    if error is None:
        return as_json({"result": done.result()}).decode() + "\n"
    if not isinstance(error, Exception):
        raise error
    refused = await on_error(request, error)
    return bytes(refused.body).decode() + "\n"
