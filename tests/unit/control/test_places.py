"""Where things lie: the layout other processes rely on."""

from __future__ import annotations

from pathlib import Path

from steelyard.control.places import Places


def test_the_layout_is_the_one_others_were_told(tmp_path: Path) -> None:
    places = Places(Path("/h"), tmp_path, 8080)
    assert places.gateway_url == "http://127.0.0.1:8080"
    assert places.database == Path("/h/control.db")
    assert places.snapshot == Path("/h/snapshot")
    assert places.link == tmp_path / "control.link"
    assert places.http == tmp_path / "control.http"
    assert places.engine_key("own/model") == tmp_path / "engine-own_model.key"


def test_workers_are_found_by_their_sockets(tmp_path: Path) -> None:
    for name in ("worker-1.http", "worker-0.http", "control.http"):
        (tmp_path / name).touch()
    found = Places(tmp_path, tmp_path, 1).worker_http()
    assert [path.name for path in found] == ["worker-0.http", "worker-1.http"]
