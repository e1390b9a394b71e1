from __future__ import annotations

import json
from pathlib import Path

import pytest

from steelyard.cli import place
from steelyard.domain.errors import StoreUnavailable


def test_address_is_that_of_the_running_steelyard(home: Path) -> None:
    with pytest.raises(StoreUnavailable, match="start one"):
        place.address()
    place.runtime().mkdir(parents=True)
    file = place.runtime() / "processes.json"
    try:
        file.write_text(json.dumps({"address": "http://127.0.0.1:9"}))
        assert place.address() == "http://127.0.0.1:9"
    finally:
        file.unlink()
        place.runtime().rmdir()
    assert place.home() == home
