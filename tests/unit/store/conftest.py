"""A migrated database, open for writing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from migrated import copy_migrated
from sqlalchemy import Connection

from steelyard.store.database import Database


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Connection]:
    database = Database(copy_migrated(tmp_path))
    with database.write() as connection:
        yield connection
    database.close()
