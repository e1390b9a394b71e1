"""Control's API without a control process: the same handlers over the same files.

So that ``steelyard ledger`` answers alike whether steelyard runs or not.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from steelyard.domain.errors import StoreUnavailable


def get(home: Path, runtime: Path, path: str, query: dict[str, str]) -> Any:
    """The JSON that control's API would answer with.

    Raises:
        StoreUnavailable: steelyard never ran on this folder.
        ApiError: the question is refused, and why.
    """
    return _ask(home, runtime, "GET", path, params=query)


def post(
    home: Path, runtime: Path, path: str, body: Any = None, query: dict[str, str] | None = None
) -> Any:
    """The JSON answer to posting ``body``, bytes as they are and anything else as JSON.

    Only for what a control process need not be told of at once: the next one finds it.

    Raises:
        StoreUnavailable: steelyard never ran on this folder, or the database is busy.
        ApiError: it is refused, and why.
    """
    if isinstance(body, bytes):
        return _ask(home, runtime, "POST", path, params=query, content=body)
    return _ask(home, runtime, "POST", path, params=query, json=body)


def _ask(home: Path, runtime: Path, method: str, path: str, **more: Any) -> Any:
    if not (home / "control.db").exists():
        raise StoreUnavailable(f"nothing is booked on {home}; start steelyard: steelyard serve")
    return asyncio.run(_send(home, runtime, method, path, **more))


async def _send(home: Path, runtime: Path, method: str, path: str, **more: Any) -> Any:
    import httpx  # noqa: PLC0415 - heavy, and only for this

    from steelyard.control.app import make_app  # noqa: PLC0415
    from steelyard.control.control import Control  # noqa: PLC0415
    from steelyard.control.places import Places  # noqa: PLC0415
    from steelyard.supervisor.api import refusal  # noqa: PLC0415

    control = Control(Places(home, runtime, 0), os.environ)
    control.admin_token = "offline"  # noqa: S105 - known to this process alone, which may read all
    transport = httpx.ASGITransport(make_app(control))
    headers = {"authorization": "Bearer offline"}
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.request(method, path, headers=headers, **more)
    finally:
        control.close()
    if answer.status_code >= 400:
        raise refusal(answer.status_code, answer.content)
    return answer.json()
