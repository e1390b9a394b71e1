from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from newcomer_rig import CONFIG, Place, scripted_vendor


@pytest.fixture(scope="session")
def vendor() -> Iterator[str]:
    with scripted_vendor() as (base_url, _):
        yield base_url


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, vendor: str) -> Iterator[Place]:
    """A place that serves, for all tests of a module that leave it as they found it."""
    found = Place(tmp_path_factory.mktemp("running"))
    (found.home / "steelyard.yaml").write_text(CONFIG.format(base_url=vendor))
    with found.serving():
        yield found


@pytest.fixture
def place(tmp_path: Path, vendor: str) -> Place:
    found = Place(tmp_path)
    (found.home / "steelyard.yaml").write_text(CONFIG.format(base_url=vendor))
    return found
