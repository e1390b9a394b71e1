"""The configuration and the state of the whole."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.config.load import InvalidConfig, json_schema, load_text
from steelyard.config.secrets_file import SECRETS_FILE, SecretsError, with_secrets
from steelyard.control.api.web import Body, admin, answer, body_of, control_of, listed
from steelyard.control.configuration.resolve import RULES
from steelyard.control.control import Control
from steelyard.domain.instants import instant_of
from steelyard.store import keys, objects, proofs, revisions

_AUDIT_SHOWN = 200


class _Check(Body):
    text: str
    name: str = "steelyard.yaml"


@admin
async def apply(request: Request) -> Response:
    """Reads and applies steelyard.yaml again."""
    control = control_of(request)
    changes = await control.read_config()
    await control.publisher.settled(control.publisher.core, 2.0)
    return answer({"revision": control.publisher.revision, "changes": changes})


@admin
async def check(request: Request) -> Response:
    """Checks a text as if it were steelyard.yaml; changes nothing.

    Variables of the environment are those of the control process.
    """
    wanted = await body_of(request, _Check)
    control = control_of(request)
    folder = control.places.config.parent
    try:
        environment = with_secrets(folder / SECRETS_FILE, control.environment)
        load_text(wanted.text, wanted.name, environment, RULES, folder)
    except SecretsError as error:
        return answer({"ok": False, "findings": [asdict(found) for found in error.findings]})
    except InvalidConfig as error:
        return answer({"ok": False, "findings": [asdict(found) for found in error.findings]})
    return answer({"ok": True, "findings": []})


@admin
async def show(request: Request) -> Response:
    """What is wrong with the file, if anything, and which revision holds."""
    control = control_of(request)
    return answer(
        {
            "file": str(control.places.config),
            "revision": control.publisher.revision,
            "problem": control.config_problem,
        }
    )


@admin
async def schema(request: Request) -> Response:
    """JSON Schema of steelyard.yaml, for editors."""
    return answer(json_schema())


@admin
async def audit(request: Request) -> Response:
    """The last changes, newest first."""

    def work(connection: Connection) -> list[dict[str, Any]]:
        lines = revisions.audit_lines(connection, _AUDIT_SHOWN)
        return [{**line, "at": instant_of(line["at_ns"])} for line in lines]

    return listed(await control_of(request).read(work))


@admin
async def status(request: Request) -> Response:
    """How everything is."""
    return answer(await status_of(control_of(request)))


async def status_of(control: Control) -> dict[str, Any]:
    """The state of the whole, for the API and the status page; nothing secret."""

    def work(connection: Connection) -> dict[str, Any]:
        return {
            "revision": revisions.latest(connection),
            "keys": keys.count_live(connection),
            "offers": len(objects.current(connection, "offer")),
            "channels": len(objects.current(connection, "channel")),
            "tasks": len(objects.current(connection, "task")),
            "weighings": [dict(row) for row in proofs.recent_weighings(connection, 10)],
        }

    counted = await control.read(work)
    down = control.engines.channel_states()
    return {
        **counted,
        "started_at": instant_of(control.started_at_ns),
        "now": instant_of(time.time_ns()),
        "config_problem": control.config_problem,
        "ledger_problem": control.ledger_problem,
        "workers": [
            {"worker": w.worker, "incarnation": w.incarnation, "pid": w.pid, "revision": w.revision}
            for w in sorted(control.links.links, key=lambda link: link.worker)
        ],
        "engines": [
            {"name": engine["name"], **_engine_row(control, engine["name"])}
            for engine in control.engines.wishes
        ],
        "channels_down": {name: list(state) for name, state in down.items()},
    }


def _engine_row(control: Control, name: str) -> dict[str, Any]:
    state = control.engines.states.get(name)
    if state is None:
        return {"state": "loading", "detail": "", "done": 0, "total": 0}
    shown = state._asdict()
    del shown["port"]
    return shown


routes = [
    Route("/api/config", show),
    Route("/api/config/apply", apply, methods=["POST"]),
    Route("/api/config/check", check, methods=["POST"]),
    Route("/api/config/schema", schema),
    Route("/api/audit", audit),
    Route("/api/status", status),
]
