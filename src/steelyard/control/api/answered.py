"""Which models really answered, and the flags that their names raised."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.answers import answered as watch
from steelyard.control.api.web import admin, answer, control_of, listed
from steelyard.store import answered

_SHOWN = 100


@admin
async def list_answers(request: Request) -> Response:
    """The last flags, newest first, and under ``names`` what answered each offer."""

    def work(connection: Connection) -> tuple[list[dict[str, Any]], Any]:
        flags = answered.flags(connection, limit=_SHOWN)
        return [watch.flag_row(flag) for flag in flags], watch.names_by_offer(connection)

    flags, names = await control_of(request).read(work)
    return listed(flags, names=names)


@admin
async def take_note(request: Request) -> Response:
    """Closes a flag: somebody knows of it."""
    number = int(request.path_params["number"])
    flag = await watch.take_note(control_of(request), number, "admin")
    return answer(watch.flag_row(flag))


routes = [
    Route("/api/answers", list_answers),
    Route("/api/answers/{number:int}/seen", take_note, methods=["POST"]),
]
