"""Revisions: every change of what the gateway knows gets a number, with who, when and why."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select

from steelyard.store.schema import audit, revisions


class Change(NamedTuple):
    """Who changes something, and when; handed to everything that writes."""

    revision: int
    at_ns: int
    """UTC, nanoseconds."""
    actor: str
    """``file``, ``admin`` or a job's name."""


def begin(connection: Connection, at_ns: int, actor: str, reason: str) -> Change:
    """A new revision, for the changes that follow on this connection."""
    row = connection.execute(
        insert(revisions)
        .values(at_ns=at_ns, actor=actor, reason=reason)
        .returning(revisions.c.revision)
    )
    return Change(int(row.scalar_one()), at_ns, actor)


def latest(connection: Connection) -> int:
    """The newest revision; 0 when there is none."""
    return int(connection.scalar(select(func.max(revisions.c.revision))) or 0)


def times(connection: Connection, numbers: Collection[int]) -> dict[int, int]:
    """When revisions were made (UTC, nanoseconds), by number."""
    query = select(revisions.c.revision, revisions.c.at_ns)
    query = query.where(revisions.c.revision.in_(numbers))
    return {number: at_ns for number, at_ns in connection.execute(query)}


def note(
    connection: Connection, change: Change, action: str, subject: str, **detail: object
) -> None:
    """Writes one line of the audit log; nothing secret may be in ``detail``."""
    text = json.dumps(detail, sort_keys=True, ensure_ascii=False) if detail else ""
    connection.execute(
        insert(audit).values(
            at_ns=change.at_ns, actor=change.actor, action=action, subject=subject, detail=text
        )
    )


def note_all(connection: Connection, change: Change, action: str, subjects: Sequence[str]) -> None:
    """Writes one line of the audit log for each subject of the same action."""
    fixed = {"at_ns": change.at_ns, "actor": change.actor, "action": action, "detail": ""}
    connection.execute(insert(audit), [{**fixed, "subject": subject} for subject in subjects])


def audit_lines(connection: Connection, count: int) -> list[Mapping[str, Any]]:
    """The last ``count`` lines of the audit log, newest first."""
    query = select(audit).order_by(audit.c.audit_number.desc()).limit(count)
    return [dict(row) for row in connection.execute(query).mappings()]
