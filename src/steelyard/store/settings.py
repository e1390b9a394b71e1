"""Small named values of the control plane, JSON."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from steelyard.store.schema import settings


def get(connection: Connection, name: str, default: Any = None) -> Any:
    """The value of a setting."""
    text = connection.scalar(select(settings.c.value).where(settings.c.name == name))
    return json.loads(text) if text is not None else default


def put(connection: Connection, name: str, value: Any) -> None:
    """Sets a setting."""
    text = json.dumps(value, sort_keys=True)
    statement = insert(settings).values(name=name, value=text)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": text})
    )
