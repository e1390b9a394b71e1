"""A migrated database, open for writing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from steelyard.store.database import Database
from steelyard.store.migrate import upgrade


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Connection]:
    database = Database(tmp_path / "control.db")
    upgrade(database)
    with database.write() as connection:
        yield connection
    database.close()
