"""The status page at ``/`` and its static files.

Server-rendered and without any script; the content security policy allows none. The page shows no
secret and changes nothing. It is for callers on this machine, and on ``admin.listen`` for those who
know the admin token.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from steelyard.console import figures
from steelyard.console.facts import Asked, Facts, gather
from steelyard.console.texts import TEXTS, choose_language
from steelyard.control.control import Control
from steelyard.domain.errors import Forbidden

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
STATIC = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
_REFRESH_SOON_S = 5
_REFRESH_LATER_S = 60


def pages(control: Control) -> Sequence[BaseRoute]:
    """The console's routes."""

    async def status_page(request: Request) -> Response:
        if not is_welcome(request, control.admin_token):
            headers = {**HEADERS, "www-authenticate": 'Basic realm="steelyard", charset="UTF-8"'}
            return PlainTextResponse("Any name, and the admin token as password.", 401, headers)
        now = datetime.now().astimezone()
        facts = await gather(Asked(request.app, control.admin_token), now)
        language = choose_language(
            request.query_params.get("lang", ""), request.headers.get("accept-language", "")
        )
        host = request.headers.get("host", "")
        key_file = str(control.places.demo_key)
        html = render(facts, language, now, f"http://{host}", key_file)
        return HTMLResponse(html, headers={**HEADERS, "vary": "accept-language"})

    return [
        Route("/", status_page),
        Route("/console", status_page),
        Route("/console/static/{name}", static_file),
    ]


def is_welcome(request: Request, admin_token: str) -> bool:
    """Whether the bill may be shown to who asks.

    Workers pass on callers of this machine only, over a Unix socket, where a caller has no address.
    Whoever has one came through ``admin.listen``, maybe from afar, and has to know the admin token:
    as the password that browsers ask for, or as programs send it.
    """
    if request.client is None:
        return True
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            return False
    return bool(admin_token) and hmac.compare_digest(given.encode(), admin_token.encode())


async def static_file(request: Request) -> Response:
    """One of the files the page needs."""
    name = request.path_params["name"]
    if name not in STATIC:
        raise Forbidden("There is no such file.")
    content = resources.files("steelyard.console").joinpath("static", name).read_bytes()
    headers = {**HEADERS, "cache-control": "max-age=300"}
    return Response(content, media_type=STATIC[name], headers=headers)


def render(
    facts: Facts, language: str, now: datetime, address: str, key_file: str = "demo.key"
) -> str:
    """The status page; ``key_file`` is where the demo key of this state folder lies."""
    state = _state(facts)
    is_busy = state == "on_the_way" or bool(weighing_now(facts))
    return _template().render(
        facts=facts,
        text=TEXTS[language],
        language=language,
        other="zh" if language == "en" else "en",
        now=now,
        zone=now.tzname() or "UTC",
        address=address,
        key_file=key_file,
        model=next((engine["name"] for engine in facts.status.get("engines", [])), "auto"),
        state=state,
        engines={row["name"]: row for row in facts.status.get("engines", [])},
        costs=costs(facts),
        lines=lines(facts),
        weighing=weighing_now(facts),
        refresh_s=_REFRESH_SOON_S if is_busy else _REFRESH_LATER_S,
    )


def costs(facts: Facts) -> list[dict[str, Any]]:
    """One row per account and currency: calls and cost of today and of this month."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for period, found in (("month", facts.month), ("today", facts.today)):
        for row in found:
            name = row.get("account_name") or row["account"]
            key = (name, row["currency"])
            if not row["currency"]:
                continue
            line = rows.setdefault(
                key,
                {"account": name, "currency": row["currency"]}
                | {f"{what}_{p}": 0 for what in ("calls", "cost") for p in ("today", "month")},
            )
            line[f"calls_{period}"] = row["calls"]
            line[f"cost_{period}"] = row["cost_pico"]
    found = sorted(rows.values(), key=lambda line: (line["account"], line["currency"]))
    for period in ("today", "month"):
        shown = figures.column(line[f"cost_{period}"] for line in found)
        for line, text in zip(found, shown, strict=True):
            line[f"shown_{period}"] = text
    return found


def lines(facts: Facts) -> list[dict[str, Any]]:
    """The latest attempts, their costs written so that the points stand below each other."""
    shown = figures.column(
        0 if row["outcome"] == "open" else row["cost_pico"] for row in facts.lines
    )
    return [{**row, "shown": text} for row, text in zip(facts.lines, shown, strict=True)]


def weighing_now(facts: Facts) -> list[dict[str, Any]]:
    """Weighings under way at this moment."""
    since_ns = _ns(str(facts.status.get("started_at", "")))
    return [
        row
        for row in facts.status.get("weighings", [])
        if row["ended_at_ns"] is None and row["started_at_ns"] >= since_ns
    ]


def _ns(instant: str) -> int:
    """An instant of the API in nanoseconds since 1970; what began before has not survived it."""
    try:
        return int(datetime.fromisoformat(instant).timestamp()) * 10**9
    except ValueError:
        return 0


def _state(facts: Facts) -> str:
    status = facts.status
    if facts.problems or status.get("config_problem") or status.get("ledger_problem"):
        return "trouble"
    states = {row.get("state") for row in status.get("engines", [])}
    if "down" in states:
        return "trouble"
    return "on_the_way" if states - {"up"} else "all_well"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("steelyard.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in (
        "amount",
        "told",
        "small",
        "count",
        "share",
        "points",
        "width",
        "clock",
        "percent",
    ):
        environment.filters[name] = getattr(figures, name)
    return environment.get_template("status.html")
