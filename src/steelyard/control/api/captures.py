"""Captured requests: how many there are, items drawn from them, and their end."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.web import Body, admin, answer, body_of, control_of, listed
from steelyard.store.revisions import Change, note


class _Draw(Body):
    account: str = Field(min_length=1, max_length=512)
    task: str = Field(default="", max_length=128)
    items: int = Field(default=200, ge=1, le=10_000)
    seed: int = Field(default=1, ge=0)


class _Delete(Body):
    account: str = Field(min_length=1, max_length=512)


@admin
async def list_captures(request: Request) -> Response:
    """How many requests are kept, by account, task and day; and why others were not."""
    captures = control_of(request).captures
    kept = await asyncio.to_thread(captures.kept)
    return listed([each._asdict() for each in kept], dropped=dict(captures.dropped))


@admin
async def draw(request: Request) -> Response:
    """Test items from one account's requests, and the policy they were captured under."""
    body = await body_of(request, _Draw)
    captures = control_of(request).captures
    items = await asyncio.to_thread(captures.draw, body.account, body.task, body.items, body.seed)
    policy = await asyncio.to_thread(captures.policy_of, body.account)
    await _note(request, "drawn", body.account, items=len(items))
    return listed(items, policy=policy)


@admin
async def delete(request: Request) -> Response:
    """Deletes all that is kept of an account."""
    body = await body_of(request, _Delete)
    count = await asyncio.to_thread(control_of(request).captures.delete, body.account)
    await _note(request, "deleted", body.account, requests=count)
    return answer({"account": body.account, "deleted": count})


async def _note(request: Request, action: str, account: str, **detail: Any) -> None:
    """Who reads or ends what others said is in the audit log."""

    def work(connection: Connection, change: Change) -> None:
        note(connection, change, action, f"captures/{account}", **detail)

    await control_of(request).write("admin", f"captures {action}", work)


routes = [
    Route("/api/captures", list_captures),
    Route("/api/captures/draw", draw, methods=["POST"]),
    Route("/api/captures/delete", delete, methods=["POST"]),
]
