from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.cli import weighings

RUNNING: dict[str, Any] = {
    **{"weighing_number": 7, "task": "mood", "offer": "a/b", "state": "running", "detail": ""},
    **{"items_done": 4, "items_total": 60, "lower": "0.2", "upper": "0.9"},
    **{"paid_pico": str(10**10), "currency": "CNY", "ended_at_ns": None},
    **{"started_at": "2026-11-22T09:00:00+00:00", "ended_at": None},
}
STOPPED = {
    **{**RUNNING, "state": "stopped", "detail": "stopped by admin", "ended_at_ns": 5},
    **{"lower": None, "upper": None},
}
STOP = "POST /api/weighings/stop"


def stopped(*numbers: int, is_background: bool = False) -> dict[str, Any]:
    row = {"task": "mood", "weighings": list(numbers), "is_background": is_background}
    return {"stopped": [row]}


def test_the_last_ones_are_listed_with_their_numbers(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["GET /api/weighings"] = {"data": [{**RUNNING, "weighing_number": 8}, STOPPED]}
    shown = run("weighings").stdout
    assert "0.200 to 0.900" in shown and "4 of 60" in shown and "0.01 CNY" in shown
    assert "4 of 60" in shown and "   stopped by admin" in shown and "2026-11-22T09:00" in shown
    assert [row["weighing_number"] for row in as_json(run("weighings", "--json"))] == [8, 7]
    api.answers["GET /api/weighings"] = {"data": []}
    assert "nothing was weighed yet" in run("weighings").stdout


def test_one_is_stopped_by_its_number_and_waited_for(
    run: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [dict(RUNNING)]
    monkeypatch.setattr(weighings.time, "sleep", lambda _: rows[0].update(STOPPED))
    api.answers[STOP] = stopped(7)
    api.answers["GET /api/weighings"] = {"data": rows}
    shown = run("weighings", "stop", "7").stdout
    assert shown.splitlines() == [
        "7 a/b: stopped by admin; 4 of 60 items, paid 0.01 CNY",
        "steelyard weigh mood goes on; what was answered is not asked again",
    ]
    assert api.asked[0][2] == {"weighing": 7, "now": False}


def test_all_of_a_task_are_stopped_by_its_name(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers[STOP] = stopped(7, 8, is_background=True)
    other = {**STOPPED, "weighing_number": 8, "offer": "a/c", "items_done": 0, "paid_pico": "0"}
    api.answers["GET /api/weighings"] = {"data": [other, STOPPED]}
    shown = run("weighings", "stop", "mood", "--now").stdout
    assert "8 a/c: stopped by admin; 0 of 60 items\n" in shown
    assert "weigh_when_idle: false" in shown
    assert api.asked[0][2] == {"task": "mood", "now": True}
    found = as_json(run("weighings", "stop", "mood", "--json"))
    assert [row["weighing_number"] for row in found] == [7, 8]


def test_how_it_goes_on_is_said_once_for_each_task(
    run: Callable[..., Result], api: FakeApi
) -> None:
    rows = [stopped(7)["stopped"][0], stopped(8)["stopped"][0]]
    api.answers[STOP] = {"stopped": rows}
    api.answers["GET /api/weighings"] = {"data": [{**STOPPED, "weighing_number": 8}, STOPPED]}
    assert run("weighings", "stop", "mood").stdout.count("goes on") == 1


def test_who_does_not_wait_hears_that_it_ends(
    run: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(weighings.time, "sleep", interrupted)
    api.answers[STOP] = stopped(7)
    api.answers["GET /api/weighings"] = {"data": [RUNNING]}
    result = run("weighings", "stop", "7")
    assert result.exit_code == 130 and "--now cuts them off" in result.stderr
