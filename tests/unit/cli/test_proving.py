from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.cli import proving

VERDICT = {
    "task": "shop/review-sentiment",
    "offer": "local/small",
    "status": "proven",
    "is_current": True,
    "quality": 0.75,
    "lower": "0.61",
    "upper": "0.89",
    "floor": "0.6",
    "n": 120,
    "cost_pico": "1000000000",
    "currency": "CNY",
    "time_s": 41.4,
}
STARTED = {
    **{"weighing_number": 7, "offer": "local/small", "items_done": 1, "items_total": 9},
    **{"lower": None, "upper": None},
}


def test_weigh_waits_for_its_own_weighings_and_shows_the_verdict(
    run: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{**STARTED, "ended_at_ns": None, "detail": ""}]

    def sleep(seconds: float) -> None:
        rows[0]["ended_at_ns"] = 1

    monkeypatch.setattr(proving.time, "sleep", sleep)
    api.answers["POST /api/weighings"] = {"task": VERDICT["task"], "weighings": [7]}
    api.answers["GET /api/weighings"] = {"data": rows}
    old = {**VERDICT, "is_current": False, "offer": "local/old"}
    api.answers["GET /api/verdicts"] = {"data": [VERDICT, old]}
    shown = run("weigh", "shop/review-sentiment", "--offer", "local/small", "--limit", "9").stdout
    assert "proven" in shown and "0.610 to 0.890" in shown and "0.001 CNY" in shown
    assert "local/old" not in shown
    assert api.asked[0][2] == {
        "task": "shop/review-sentiment",
        "offers": ["local/small"],
        "limit": 9,
    }


def test_progress_says_where_the_bounds_are() -> None:
    assert proving._progress(STARTED) == "local/small 1 of 9"
    bounds = {"lower": "0.412", "upper": "0.93"}
    assert proving._progress({**STARTED, **bounds}) == "local/small 1 of 9, 0.412 to 0.930"


def test_weighing_that_gave_nothing_fails_with_its_reason(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["POST /api/weighings"] = {"task": "t", "weighings": [7]}
    rows = [{**STARTED, "ended_at_ns": 5, "detail": "the budget is used up"}]
    api.answers["GET /api/weighings"] = {"data": rows}
    api.answers["GET /api/verdicts"] = {"data": []}
    result = run("weigh", "t")
    assert result.exit_code == 1
    assert "the budget is used up" in result.output


def test_verdicts_for_programs(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/verdicts"] = {"data": [VERDICT]}
    assert as_json(run("verdicts", "--json")) == [VERDICT]
