from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.domain.errors import ConfigError

ITEM = {"id": "captured-1", "messages": [{"role": "user", "content": "你好"}], "reference": None}
KEPT = {"account": "acme", "task": "mood", "day": "2026-11-22", "requests": 3}


def test_what_is_kept_is_listed(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/captures"] = {"data": [KEPT], "dropped": {"the request is no chat": 2}}
    shown = run("captures", "list").stdout
    assert "acme" in shown and "not kept: 2 (the request is no chat)" in shown
    assert as_json(run("captures", "list", "--json"))["kept"] == [KEPT]


def test_a_set_is_drawn_once_and_for_its_owner_alone(
    run: Callable[..., Result], api: FakeApi, tmp_path: Path
) -> None:
    api.answers["POST /api/captures/draw"] = {"data": [ITEM], "policy": "open"}
    out = tmp_path / "set.jsonl"
    shown = run("captures", "draw", "acme/sales", "--out", str(out), "--items", "5").stdout
    assert json.loads(out.read_text("utf-8")) == ITEM
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "acme-sales/captured:" in shown and "policy: open" in shown
    again = run("captures", "draw", "acme/sales", "--out", str(out))
    assert isinstance(again.exception, ConfigError) and "is there already" in str(again.exception)


def test_half_a_surrogate_pair_of_a_client_is_drawn_as_its_code(
    run: Callable[..., Result], api: FakeApi, tmp_path: Path
) -> None:
    odd = {**ITEM, "id": "x\ud800"}
    api.answers["POST /api/captures/draw"] = {"data": [odd], "policy": "open"}
    out = tmp_path / "set.jsonl"
    assert run("captures", "draw", "acme", "--out", str(out)).exit_code == 0
    assert json.loads(out.read_bytes()) == odd


def test_deleting_asks_first(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["POST /api/captures/delete"] = {"account": "acme", "deleted": 3}
    assert run("captures", "delete", "acme").exit_code == 1
    assert api.asked == []
    assert "3 requests of acme deleted" in run("captures", "delete", "acme", "--yes").stdout
    api.answers["POST /api/captures/delete"] = {"account": "acme", "deleted": 0}
    told = run("captures", "delete", "acme", "--yes").stdout
    assert "Nothing of account acme was kept; steelyard captures list" in told


def test_who_has_nothing_yet_hears_how_to_get_some(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["GET /api/captures"] = {"data": [], "dropped": {}}
    assert "policy says captures: " in run("captures", "list").stdout
    api.answers["GET /api/authenticity"] = {"data": []}
    assert "steelyard authenticity test OFFER" in run("authenticity").stdout
    assert "steelyard tasks coverage" in run("tasks", "list", "--language", "fr").stdout
