"""What was measured about offers beside their quality: supply, drift, authenticity.

Append-only; the newest of a kind, offer and task is what is known now. A body is whatever its kind
says, as JSON; it holds figures and reasons, never the text of an item or an answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Index, Integer, Table, Text, func, insert, select

from steelyard.store.schema import metadata

measurements = Table(
    "measurements",
    metadata,
    Column("measurement_number", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("offer", Text, nullable=False),
    Column("task", Text, nullable=False, server_default=""),
    Column("at_ns", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("measurements_offer", measurements.c.kind, measurements.c.offer, measurements.c.task)


class Measurement(NamedTuple):
    """One finished measurement."""

    kind: str
    """Such as ``supply``, ``drift`` or ``authenticity``."""
    offer: str
    at_ns: int
    """UTC, nanoseconds: when it ended."""
    state: str
    """What it says in one word of its kind, such as ``genuine``."""
    body: Mapping[str, Any]
    task: str = ""
    """The task it was measured on; empty where it is about the offer alone."""
    number: int = 0


def add(connection: Connection, measurement: Measurement) -> int:
    """Appends a measurement; its number."""
    values = measurement._asdict()
    values["body"] = json.dumps(measurement.body, ensure_ascii=False)
    del values["number"]
    query = insert(measurements).values(values).returning(measurements.c.measurement_number)
    return int(connection.execute(query).scalar_one())


def find(connection: Connection, number: int) -> Measurement | None:
    """The measurement of a number."""
    query = select(measurements).where(measurements.c.measurement_number == number)
    row = connection.execute(query).first()
    return None if row is None else _measurement(row)


def latest(connection: Connection, kind: str) -> dict[tuple[str, str], Measurement]:
    """The newest of a kind, by offer and task."""
    newest = (
        select(func.max(measurements.c.measurement_number))
        .where(measurements.c.kind == kind)
        .group_by(measurements.c.offer, measurements.c.task)
    )
    query = select(measurements).where(measurements.c.measurement_number.in_(newest))
    found = map(_measurement, connection.execute(query))
    return {(each.offer, each.task): each for each in found}


def history(
    connection: Connection, kind: str, offer: str, task: str = "", *, count: int = 100
) -> list[Measurement]:
    """The last ``count`` of a kind, offer and task, newest first."""
    query = (
        select(measurements)
        .where(
            measurements.c.kind == kind,
            measurements.c.offer == offer,
            measurements.c.task == task,
        )
        .order_by(measurements.c.measurement_number.desc())
        .limit(count)
    )
    return [_measurement(row) for row in connection.execute(query)]


def _measurement(row: Any) -> Measurement:
    return Measurement(
        *(row.kind, row.offer, row.at_ns, row.state, json.loads(row.body), row.task),
        row.measurement_number,
    )
