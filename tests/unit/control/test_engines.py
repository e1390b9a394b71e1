"""Wishes written, reports read, keys kept."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from steelyard.control.engines import Engines
from steelyard.control.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path, tmp_path, 8080)


def report(places: Places, **states: object) -> None:
    places.engine_states.write_text(json.dumps(states))


def test_what_is_wished_is_not_up_until_the_supervisor_says_so(places: Places) -> None:
    engines = Engines(places)
    engines.wish([{"name": "a"}, {"name": "b/c"}])
    assert json.loads(places.engine_wishes.read_text()) == {
        "engines": [{"name": "a"}, {"name": "b/c"}]
    }
    assert engines.channel_states() == {
        "local/a": ("loading", "it is being started"),
        "local/b/c": ("loading", "it is being started"),
    }
    report(
        places,
        a={"state": "up", "port": 4711, "pid": 3, "something": "new"},
        **{"b/c": {"state": "fetching", "done": 50, "total": 200}},
    )
    assert engines.look()
    assert not engines.look()
    assert engines.base_urls() == {"local/a": "http://127.0.0.1:4711/v1"}
    assert engines.channel_states() == {"local/b/c": ("loading", "its file is being fetched, 25 %")}


def test_a_report_that_is_not_there_or_half_written_changes_nothing(places: Places) -> None:
    engines = Engines(places)
    assert not engines.look()
    places.engine_states.write_text('{"a": ')
    assert not engines.look()
    report(places, a={"state": "down", "detail": "no memory"})
    assert engines.look()
    engines.wish([{"name": "a"}])
    assert engines.channel_states() == {"local/a": ("down", "no memory")}


def test_every_engine_has_a_key_of_its_own_that_stays(places: Places) -> None:
    engines = Engines(places)
    engines.wish([{"name": "a"}, {"name": "b/c"}])
    keys = engines.keys()
    assert set(keys) == {"local/a", "local/b/c"}
    assert len(set(keys.values())) == 2
    assert engines.keys() == keys
    assert stat.S_IMODE((places.runtime / "engine-b_c.key").stat().st_mode) == 0o600
