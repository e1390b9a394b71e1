"""Long work that is watched; who leaves ends it."""

from __future__ import annotations

import asyncio
from typing import Any

from steelyard.control.api import progress


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
