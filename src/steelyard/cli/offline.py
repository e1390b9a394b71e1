"""Control's API without a control process: the same handlers over the same files.

So that ``steelyard ledger`` answers alike whether steelyard runs or not. What is asked of the
market alone is answered before anything ran, too: from the price book that comes with steelyard.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import typer

from steelyard.domain.errors import StoreUnavailable

_OF_THE_MARKET = re.compile(
    r"/api/exchange"
    r"|/api/prices/(book|buys|check|claims|compare|history|index|lists|timeline)"
)
"""Questions that need no folder where steelyard ran, nor does a list that is only looked at."""


def get(home: Path, runtime: Path, path: str, query: dict[str, str]) -> Any:
    """The JSON that control's API would answer with.

    Raises:
        StoreUnavailable: steelyard never ran on this folder, and the question is about its state.
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


def stream(home: Path, runtime: Path, path: str, body: Any) -> Iterator[Any]:
    """The lines of JSON that posting ``body`` is answered with, as they come.

    Raises:
        StoreUnavailable: steelyard never ran on this folder.
        ApiError: it is refused, and why.
    """
    _check(home)
    lines: SimpleQueue[Any] = SimpleQueue()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(asyncio.run, _stream(home, runtime, path, body, lines.put))
        work.add_done_callback(lambda _: lines.put(None))
        while (line := lines.get()) is not None:
            yield line
        work.result()


async def _stream(
    home: Path, runtime: Path, path: str, body: Any, on_line: Callable[[Any], None]
) -> None:
    """Plays the server, since httpx's way into an application waits for the whole answer."""
    from steelyard.supervisor.api import refusal  # noqa: PLC0415

    content = json.dumps(body).encode()
    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer offline")]
    headers.append((b"accept", b"application/x-ndjson"))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
    }
    sent, status, pending = iter((content,)), 0, b""
    is_over = asyncio.Event()

    async def receive() -> dict[str, Any]:
        for part in sent:
            return {"type": "http.request", "body": part, "more_body": False}
        await is_over.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status, pending
        status = message.get("status", status)
        *whole, pending = (pending + message.get("body", b"")).split(b"\n")
        if status < 400:
            for line in whole:
                on_line(json.loads(line))

    control, application = _made(home, runtime)
    try:
        await application(scope, receive, send)
    finally:
        is_over.set()
        control.close()
    if status >= 400:
        raise refusal(status, pending)


def _ask(home: Path, runtime: Path, method: str, path: str, **more: Any) -> Any:
    is_dry = path == "/api/prices/import" and (more.get("params") or {}).get("dry_run") == "1"
    if not _has_run(home) and (is_dry or _OF_THE_MARKET.fullmatch(path)):
        # It takes some seconds, and somebody may have meant another folder.
        typer.echo(f"nothing has run on {home}: this is the shipped price book", err=True)
        with _shipped_book() as folder:
            return asyncio.run(_send(folder, folder, method, path, **more))
    _check(home)
    return asyncio.run(_send(home, runtime, method, path, **more))


@contextmanager
def _shipped_book() -> Iterator[Path]:
    """A state folder with the book of a first start; gone afterwards."""
    from steelyard.control.prices import lists as price_lists  # noqa: PLC0415 - heavy
    from steelyard.store.database import Database  # noqa: PLC0415
    from steelyard.store.migrate import upgrade  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="steelyard-") as name:
        folder = Path(name)
        database = Database(folder / "control.db")
        try:
            upgrade(database)
            price_lists.seed(database, time.time_ns())
        finally:
            database.close()
        yield folder


async def _send(home: Path, runtime: Path, method: str, path: str, **more: Any) -> Any:
    import httpx  # noqa: PLC0415 - heavy, and only for this

    from steelyard.supervisor.api import refusal  # noqa: PLC0415

    control, application = _made(home, runtime)
    transport = httpx.ASGITransport(application)
    headers = {"authorization": "Bearer offline"}
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.request(method, path, headers=headers, **more)
    finally:
        control.close()
    if answer.status_code >= 400:
        raise refusal(answer.status_code, answer.content)
    return answer.json()


def _has_run(home: Path) -> bool:
    return (home / "control.db").exists()


def _check(home: Path) -> None:
    if not _has_run(home):
        raise StoreUnavailable(f"nothing is booked on {home}; start steelyard: steelyard serve")


def _made(home: Path, runtime: Path) -> tuple[Any, Any]:
    """Control over the files, and its application; its token is known to this process alone."""
    from steelyard.control.app import make_app  # noqa: PLC0415
    from steelyard.control.control import Control  # noqa: PLC0415
    from steelyard.control.places import Places  # noqa: PLC0415

    control = Control(Places(home, runtime, 0), os.environ)
    control.admin_token = "offline"  # noqa: S105 - known to this process alone, which may read all
    return control, make_app(control)
