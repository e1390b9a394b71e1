"""Named objects with a history: channels, offers, tasks, policies, aliases, vendors.

An object is a JSON body under (kind, name). A change ends the row that holds and adds another, so
that every revision can be looked at again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from steelyard.domain.errors import Forbidden
from steelyard.store.revisions import Change, note, note_all
from steelyard.store.schema import FILE, objects

KINDS = ("vendor", "channel", "offer", "task", "policy", "alias", "key", "local")


class Stored(NamedTuple):
    """One object as it holds now."""

    name: str
    body: Mapping[str, Any]
    managed_by: str
    """``file`` or ``api``."""
    revision_from: int


def current(connection: Connection, kind: str) -> dict[str, Stored]:
    """All objects of a kind that hold now, by name."""
    query = (
        select(objects.c.name, objects.c.body, objects.c.managed_by, objects.c.revision_from)
        .where(objects.c.kind == kind, objects.c.revision_to.is_(None))
        .order_by(objects.c.name)
    )
    return {
        name: Stored(name, json.loads(body), managed_by, revision)
        for name, body, managed_by, revision in connection.execute(query)
    }


class Past(NamedTuple):
    """What held under a name from one revision on until before another."""

    revision_from: int
    revision_to: int | None
    """None for what holds now."""
    body: Mapping[str, Any]


def history(
    connection: Connection, kind: str, names: Collection[str] | None = None
) -> dict[str, list[Past]]:
    """All that ever held of a kind, by name, oldest first: for what was booked under it.

    ``names``: only these.
    """
    query = (
        select(objects.c.name, objects.c.revision_from, objects.c.revision_to, objects.c.body)
        .where(objects.c.kind == kind)
        .order_by(objects.c.name, objects.c.revision_from)
    )
    if names is not None:
        query = query.where(objects.c.name.in_(names))
    found: dict[str, list[Past]] = {}
    for name, begin, end, body in connection.execute(query):
        found.setdefault(name, []).append(Past(begin, end, json.loads(body)))
    return found


def first_revisions(connection: Connection, kind: str) -> dict[str, int]:
    """With which revision each name of a kind came into being, also those that are gone."""
    query = (
        select(objects.c.name, func.min(objects.c.revision_from))
        .where(objects.c.kind == kind)
        .group_by(objects.c.name)
    )
    return {name: revision for name, revision in connection.execute(query)}


def put(
    connection: Connection,
    change: Change,
    kind: str,
    name: str,
    body: Mapping[str, Any],
    *,
    managed_by: str,
) -> bool:
    """Makes ``body`` what holds under (kind, name); returns whether that is news.

    Raises:
        Forbidden: the file manages the object and somebody else wants to change it.
    """
    text = canonical(body)
    found = _find(connection, kind, name)
    if found is not None and found[1:] == (text, managed_by):
        return False
    if found is not None:
        refuse_foreign(f"{kind} {name}", found[2], managed_by)
        _end(connection, change, found[0])
    _add(connection, change, kind, {name: body}, managed_by)
    return True


def retire(connection: Connection, change: Change, kind: str, name: str, managed_by: str) -> bool:
    """Ends the object; returns whether there was one.

    Raises:
        Forbidden: the file manages it and somebody else wants it gone.
    """
    found = _find(connection, kind, name)
    if found is None:
        return False
    refuse_foreign(f"{kind} {name}", found[2], managed_by)
    _end(connection, change, found[0])
    note(connection, change, "retire", f"{kind}/{name}")
    return True


def replace_managed(
    connection: Connection, change: Change, kind: str, bodies: Mapping[str, Mapping[str, Any]]
) -> bool:
    """Makes ``bodies`` all that the file manages of a kind; returns whether anything changed.

    What vanished from the file is retired; what others made is left alone, and an object of theirs
    with a name that the file now claims becomes the file's.
    """
    before = current(connection, kind)
    is_changed = False
    for name, stored in before.items():
        if stored.managed_by == FILE and name not in bodies:
            is_changed |= retire(connection, change, kind, name, FILE)
    new = {name: body for name, body in bodies.items() if name not in before}
    if new:  # at a first start nearly all: one by one they take longer than the rest of the start
        _add(connection, change, kind, new, FILE)
    for name, stored in before.items():
        if name in bodies and (stored.managed_by != FILE or stored.body != bodies[name]):
            is_changed |= put(connection, change, kind, name, bodies[name], managed_by=FILE)
    return is_changed or bool(new)


def canonical(body: Mapping[str, Any]) -> str:
    """The body as JSON in one form, so that equal bodies are equal texts."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def refuse_foreign(what: str, owner: str, by: str) -> None:
    """Holds the rule that only the file changes what the file manages.

    Raises:
        Forbidden: with what to do instead.
    """
    if owner == FILE and by != FILE:
        raise Forbidden(f"{what} is managed by steelyard.yaml; change it there", code="managed")


def _find(connection: Connection, kind: str, name: str) -> tuple[int, str, str] | None:
    query = select(objects.c.object_id, objects.c.body, objects.c.managed_by).where(
        objects.c.kind == kind, objects.c.name == name, objects.c.revision_to.is_(None)
    )
    row = connection.execute(query).first()
    return (row[0], row[1], row[2]) if row else None


def _add(
    connection: Connection,
    change: Change,
    kind: str,
    bodies: Mapping[str, Mapping[str, Any]],
    managed_by: str,
) -> None:
    fixed = {"kind": kind, "managed_by": managed_by, "revision_from": change.revision}
    rows = [{**fixed, "name": name, "body": canonical(body)} for name, body in bodies.items()]
    connection.execute(insert(objects), rows)
    note_all(connection, change, "put", [f"{kind}/{name}" for name in bodies])


def _end(connection: Connection, change: Change, object_id: int) -> None:
    connection.execute(
        update(objects).where(objects.c.object_id == object_id).values(revision_to=change.revision)
    )
