"""A migrated database, and configurations applied to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from migrated import copy_migrated

from steelyard.config.load import load_text
from steelyard.control.configuration.apply import apply
from steelyard.control.configuration.resolve import RULES
from steelyard.store.database import Database

NOW_NS = 1_773_144_000 * 10**9
"""2026-03-10 12:00 UTC."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(copy_migrated(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def put(database: Database) -> Callable[..., list[str]]:
    """Applies a configuration's text; returns what changed."""

    def put_text(text: str, now_ns: int = NOW_NS, env: dict[str, str] | None = None) -> list[str]:
        return apply(database, load_text(text, "s.yaml", env or {}, RULES), now_ns)

    return put_text
