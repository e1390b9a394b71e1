"""Case analysis: failures side by side, in clusters; notes and tags; the report; new items.

For administrators only, since cases hold test items and answers.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control import cases
from steelyard.control.api.known import demand_one_of
from steelyard.control.api.web import (
    Body,
    admin,
    answer,
    asked_count,
    body_of,
    control_of,
    listed,
)
from steelyard.control.cases import Found, NewNote, Wish
from steelyard.control.proofs import proving
from steelyard.domain.errors import InvalidRequest
from steelyard.store import objects
from steelyard.weigh.cases import report as case_report
from steelyard.weigh.cases.analysis import select
from steelyard.weigh.cases.report import Remark, Standing
from steelyard.weigh.cases.texts import KINDS_ENGLISH, LANGUAGES

_LIMIT = 100
_LIMIT_MAX = 1_000
_CASES_SHOWN_MAX = 100


class _Note(Body):
    task: str = Field(min_length=1, max_length=128)
    sample: str = Field(min_length=1, max_length=256)
    offer: str = Field(default="", max_length=128)
    note: str | None = Field(default=None, max_length=4_000)
    add_tags: list[str] = Field(default=[], max_length=cases.TAGS_MAX)
    remove_tags: list[str] = Field(default=[], max_length=cases.TAGS_MAX)


class _New(Body):
    task: str = Field(min_length=1, max_length=128)
    sample: str = Field(min_length=1, max_length=256)
    to_task: str = Field(default="", max_length=128)
    input: str | None = Field(default=None, max_length=500_000)
    reference: str | None = Field(default=None, max_length=500_000)


@admin
async def list_cases(request: Request) -> Response:
    """Clusters, tallies and the failed cases of ``?task=``, worst first, filtered."""
    query = request.query_params
    found = await cases.look(control_of(request), _task_of(request))
    analysis = found.analysis
    offer, tag, kind = (query.get(name, "") for name in ("offer", "tag", "kind"))
    if offer and offer not in analysis.tallies:
        known = ", ".join(analysis.tallies) or "none"
        raise InvalidRequest(f"{offer[:80]!r} has no answers here; known: {known}.", param="offer")
    if kind:
        demand_one_of("kind", kind.partition(":")[0], KINDS_ENGLISH)
    if tag:
        demand_one_of("tag", tag, cases.all_tags(found.notes.values()))
    chosen = select(
        analysis,
        offer=offer,
        kind=kind,
        samples=cases.tagged(found.notes, tag, offer) if tag else None,
        is_alone=query.get("only_fails_here") == "1",
    )
    start, limit = _count(request, "offset", 0), _count(request, "limit", _LIMIT)
    shown = chosen[start : start + min(limit, _LIMIT_MAX)]
    # Off the loop: there may be thousands of long answers.
    rows = await asyncio.to_thread(lambda: [cases.case_row(case, found.notes) for case in shown])
    return listed(
        rows,
        task=analysis.task.name,
        title=analysis.task.title,
        total=len(chosen),
        items=len(analysis.cases),
        failures=analysis.n_failures,
        is_outdated=analysis.is_outdated,
        offers=cases.tally_rows(analysis),
        clusters=[cases.cluster_row(cluster, analysis) for cluster in analysis.clusters],
        tags=cases.all_tags(found.notes.values()),
        problems=list(found.problems),
    )


@admin
async def show_case(request: Request) -> Response:
    """One case of ``?task=`` whole: ``?sample=`` is its id, or the end of it."""
    found = await cases.look(control_of(request), _task_of(request))
    case = cases.case_of(found.analysis, request.query_params.get("sample", ""))
    return answer({"task": found.analysis.task.name, **cases.case_row(case, found.notes)})


@admin
async def show_report(request: Request) -> Response:
    """The report on ``?task=`` in ``?language=``, as HTML within JSON: not for this host's pages.

    A page with what models wrote shall not stand at the address of the console.
    """
    language = request.query_params.get("language", "en")
    if language not in LANGUAGES:
        raise InvalidRequest(f"language: {' or '.join(LANGUAGES)}", param="language")
    count = min(_count(request, "cases", case_report.CASES_SHOWN), _CASES_SHOWN_MAX)
    control = control_of(request)
    found = await cases.look(control, _task_of(request))
    name = found.analysis.task.name
    standings = await control.read(lambda c: _standings(c, name))
    wish = case_report.Wish(datetime.now(UTC), language, count)
    html = await asyncio.to_thread(_render, found, standings, wish)
    return answer({"task": name, "html": html, "problems": list(found.problems)})


@admin
async def add_note(request: Request) -> Response:
    """Puts a note or tags on a case; what is left out stays as it was."""
    body = await body_of(request, _Note)
    new = NewNote(body.sample, body.offer, body.note, body.add_tags, body.remove_tags)
    note = await cases.annotate(control_of(request), body.task, new, "admin")
    return answer({"task": note.task, "sample": note.sample, "offer": note.offer}
                  | {"tags": list(note.tags), "note": note.note})  # fmt: skip


@admin
async def promote_case(request: Request) -> Response:
    """Turns a case into a new item of a test set of one's own."""
    body = await body_of(request, _New)
    wish = Wish(body.sample, body.to_task, body.input, body.reference)
    return answer(await cases.promote(control_of(request), body.task, wish), 201)


def _render(found: Found, standings: dict[str, Standing], wish: case_report.Wish) -> str:
    remarks = {place: Remark(note.tags, note.note) for place, note in found.notes.items()}
    return case_report.render(found.analysis, standings, remarks, wish)


def _standings(connection: Connection, task: str) -> dict[str, Standing]:
    """By offer, what its verdict in force is worth today."""
    stored = {name: s for name, s in objects.current(connection, "task").items() if name == task}
    proofs = proving.load(connection, stored, time.time_ns()).get(task, {})
    found: dict[str, Standing] = {}
    for offer, proof in proofs.items():
        verdict = proof.verdict
        quality, cost = verdict.quality, verdict.cost_per_accepted_pico
        found[offer] = Standing(
            status=proof.standing.status.value,
            quality=None if quality is None else float(quality),
            lower=float(verdict.lower),
            upper=float(verdict.upper),
            cost_accepted_pico=None if cost is None else round(cost),
            currency=verdict.currency,
            reason=proof.standing.reason,
        )
    return found


def _task_of(request: Request) -> str:
    task = request.query_params.get("task", "")
    if not task:
        raise InvalidRequest("task: say which", param="task")
    return task


def _count(request: Request, name: str, default: int) -> int:
    return asked_count(name, request.query_params.get(name), default)


routes = [
    Route("/api/cases", list_cases),
    Route("/api/cases/one", show_case),
    Route("/api/cases/report", show_report),
    Route("/api/cases/notes", add_note, methods=["POST"]),
    Route("/api/cases/promote", promote_case, methods=["POST"]),
]
