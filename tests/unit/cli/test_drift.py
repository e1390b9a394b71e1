from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.cli import drift

ROW: dict[str, Any] = {
    **{"task": "mood", "offer": "shop/m", "state": "steady", "causes": [], "is_better": False},
    **{"change": "-0.012500", "lower": "-0.08", "upper": "0.05", "n": 80, "length": "1.020"},
    **{"looks": 9, "items": 180, "paid": {"CNY": "12000000000"}, "why_not": ""},
    **{"next_at": "2026-11-23T06:00:00+00:00", "problem": ""},
    **{"is_asked": False, "is_looking": False},
}
NEW = {**ROW, "state": "thin", "change": None, "n": 0, "length": None, "paid": {}, "looks": 0}
NEW |= {"offer": "local/m", "next_at": None, "why_not": "weigh_when_idle is off"}
ALARM = {**ROW, "state": "drifted", "causes": ["quality"], "next_at": None}


def test_watches_are_listed_with_change_bounds_cost_and_the_next_look(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["GET /api/drift"] = {"data": [ROW, NEW], "paid_today": {}}
    shown = run("drift").stdout
    for word in (
        "steady",
        "-1.2",
        "-8.0 to +5.0",
        "0.012 CNY",
        "2026-11-23T06:00",
        "weigh_when",
        "change, points",
        "times as long",
    ):
        assert word in shown
    assert as_json(run("drift", "--json"))[0]["offer"] == "shop/m"
    api.answers["GET /api/drift"] = {"data": []}
    assert "no offer is proven" in run("drift").stdout


def test_a_standing_alarm_fails(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/drift"] = {"data": [ALARM]}
    done = run("drift")
    assert done.exit_code == 1
    assert "drifted: quality" in done.stdout


def test_a_look_is_waited_for_and_what_stopped_it_is_said(
    run: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{**ROW, "is_asked": True, "is_looking": True}, {**NEW, "is_asked": True}]

    def sleep(seconds: float) -> None:
        rows[0] |= {"is_asked": False, "is_looking": False, "problem": "no room today"}

    monkeypatch.setattr("steelyard.cli.drift.time.sleep", sleep)
    api.answers["POST /api/drift/look"] = {"looks": [{"task": "mood", "offer": "shop/m"}]}
    api.answers["GET /api/drift"] = {"data": rows}
    done = run("drift", "look", "mood", "--offer", "shop/m")
    assert "shop/m on mood: no room today" in done.stderr
    assert "local/m" not in done.stdout
    assert api.asked[0][2] == {"task": "mood", "offer": "shop/m"}
    assert as_json(run("drift", "look", "--json"))[0]["items"] == 180


def test_an_alarm_is_accepted(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["POST /api/drift/acknowledge"] = {**NEW, "offer": "shop/m"}
    assert "accepted" in run("drift", "acknowledge", "mood", "shop/m").stdout
    assert api.asked[0][2] == {"task": "mood", "offer": "shop/m"}
    assert as_json(run("drift", "acknowledge", "mood", "shop/m", "--json"))["state"] == "thin"


def test_what_became_better_is_told() -> None:
    assert drift._state({**ROW, "is_better": True}) == "steady, better"
