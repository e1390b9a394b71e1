"""What the status page shows, read from control's own API.

Through the API and not past it, so that the page can never tell another story than a program hears.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.types import ASGIApp, Message

from steelyard.domain.calls import Why

LINES_SHOWN = 12
_WHYS = [why.value for why in Why if why is not Why.WEIGH]
"""Calls that only test an offer's quality would bury those that somebody wanted."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Answers of the API, by what they are about."""

    status: Mapping[str, Any]
    offers: list[dict[str, Any]]
    verdicts: list[dict[str, Any]]
    today: list[dict[str, Any]]
    """Sums per account since midnight."""
    month: list[dict[str, Any]]
    """Sums per account since the first of the month."""
    lines: list[dict[str, Any]]
    """The latest attempts of calls; those that only test an offer's quality are left out."""
    problems: tuple[str, ...] = ()
    """Questions that got no answer, and why."""
    tasks: Sequence[Mapping[str, Any]] = ()
    """Verdicts on the tasks that somebody weighed."""


class Asked:
    """Puts questions to the application in this very process."""

    def __init__(self, app: ASGIApp, admin_token: str) -> None:
        self._app = app
        self._token = admin_token
        self.problems: list[str] = []

    async def rows(self, path: str, **query: str | list[str]) -> list[dict[str, Any]]:
        """The rows of a list; none where the question fails, which ``problems`` then tells."""
        found = await self.get(path, **query)
        return list(found.get("data", []))

    async def get(self, path: str, **query: str | list[str]) -> dict[str, Any]:
        """The JSON object that ``path`` answers with; empty where it fails."""
        parts: list[bytes] = []
        status = 500

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        await self._app(self._scope(path, query), receive, send)
        try:
            value = json.loads(b"".join(parts))
        except ValueError:
            value = {}
        if status == 200 and isinstance(value, dict):
            return value
        error = value.get("error") if isinstance(value, dict) else None
        reason = error.get("message", status) if isinstance(error, dict) else status
        self.problems.append(f"{path}: {reason}")
        return {}

    def _scope(self, path: str, query: Mapping[str, str | list[str]]) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(query, doseq=True).encode(),
            "root_path": "",
            "headers": [
                (b"host", b"localhost"),
                (b"authorization", b"Bearer " + self._token.encode()),
            ],
            "client": None,
            "server": None,
        }


async def gather(asked: Asked, now: datetime) -> Facts:
    """Everything the page shows; ``now`` carries the zone in which days and months begin."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight.replace(day=1)
    status, offers, verdicts, tasks = await asyncio.gather(
        asked.get("/api/status"),
        asked.rows("/api/offers"),
        asked.rows("/api/verdicts"),
        asked.rows("/api/readiness", weighed="1"),
    )
    today, month, lines = await asyncio.gather(
        asked.rows("/api/ledger", by="account", since=_utc(midnight)),
        asked.rows("/api/ledger", by="account", since=_utc(first)),
        asked.rows("/api/ledger/lines", limit=str(LINES_SHOWN), why=_WHYS),
    )
    problems = tuple(asked.problems)
    return Facts(status, offers, verdicts, today, month, lines, problems, tasks)


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat()
