"""Long work that is watched; who leaves ends it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request

from steelyard.control.api import progress
from steelyard.domain.errors import Overloaded


def test_who_leaves_ends_the_work() -> None:
    ended: list[bool] = []

    async def work(tell: progress.Tell) -> dict[str, Any]:
        tell({"name": "plain"})
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)
        return {}

    async def leave() -> None:
        lines = progress._lines(None, "check", work)  # type: ignore[arg-type]
        assert await anext(lines) == '{"check": {"name": "plain"}}\n'
        await lines.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)

    asyncio.run(leave())
    assert ended == [True]


def test_the_last_line_says_what_came_of_it_or_why_nothing_did() -> None:
    async def lines() -> list[Any]:
        request = Request({"type": "http", "method": "GET", "path": "/x", "headers": []})
        found = []
        for end in ({"a": 1}, Overloaded("Later.")):
            done = asyncio.get_running_loop().create_future()
            done.set_exception(end) if isinstance(end, Exception) else done.set_result(end)
            found.append(await progress.last_line(request, done))
        done = asyncio.get_running_loop().create_future()
        done.set_exception(SystemExit(1))
        with pytest.raises(SystemExit):
            await progress.last_line(request, done)
        return found

    well, ill = map(json.loads, asyncio.run(lines()))
    assert well == {"result": {"a": 1}}
    assert ill["error"]["message"] == "Later."
