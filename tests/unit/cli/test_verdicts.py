from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.cli import offline
from steelyard.cli.verdicts import _age

TASK = "shop/review-sentiment"
VERDICT: dict[str, Any] = {
    **{"task": TASK, "offer": "local/small", "status": "proven", "is_current": True},
    **{"quality": 0.75, "lower": "0.61", "upper": "0.89", "floor": "0.6", "n": 120},
    **{"cost_per_accepted_pico": "1234567", "cost_lower_pico": "1000000", "cost_upper_pico": None},
    **{"currency": "CNY", "time_median_s": 0.345, "decided_at": "2026-01-01T00:00:00+00:00"},
    **{"model_answered": "small-1", "supply": None, "reason": "", "authenticity": None},
}
CHANGE = {"lever": "weigh", "text": "weigh shop/x, about 0.10 CNY"}
READY: dict[str, Any] = {
    **{"task": TASK, "state": "ready", "floor": "0.6", "cheapest": "local/small"},
    **{"cost_per_accepted_pico": "1234567", "currency": "CNY", "until": "2026-04-01T00:00:00"},
    "best": {"offer": "local/small", "lower": "0.61", "upper": "0.89", "missing_lower": "0"},
    **{"changes": [CHANGE], "changes_count": 3},
    "reopened": [{"offer": "shop/x", "role": "rival", "reason": "it is new"}],
}
NOT_YET = {
    **READY,
    **{"task": "z", "state": "not_yet", "cheapest": "", "cost_per_accepted_pico": None},
    **{"best": None, "changes": [], "changes_count": 0, "reopened": [], "until": None},
}


def test_a_table_with_all_that_a_buyer_asks(run: Callable[..., Result], api: FakeApi) -> None:
    supply = {"state": "limited", "requests_per_minute": 60, "tokens_per_s": None}
    genuine = {"state": "not_genuine", "at": "2026-01-02T03:04:05+00:00"}
    stale = {
        **VERDICT,
        **{"offer": "shop/m", "status": "stale", "reason": "drift alarm of 2026-01-02"},
        **{"supply": supply, "authenticity": genuine, "lower": "0.9"},
    }
    api.answers["GET /api/verdicts"] = {"data": [VERDICT, stale]}
    shown = run("verdicts", "--task", TASK).stdout
    assert api.asked[0][3] == {"task": TASK}
    for text in (
        "0.610 to 0.890",
        "0.00000123 CNY",
        "0.000001 to … CNY",
        "cost bounds",
        "0.34",
        "small-1",
    ):
        assert text in shown
    assert "drift alarm of 2026-01-02; authenticity: not genuine on 2026-01-02" in shown
    assert "limited, 60 requests/min" in shown
    assert shown.index("shop/m") < shown.index("local/small")


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({}, None),
        ({"cost_per_accepted_pico": "2000000"}, "0.000002 CNY"),
        ({"cost_per_accepted_pico": "2000000", "is_exact": False}, "about 0.000002 CNY"),
        ({"currency": "USD"}, "0.00000123 USD"),
    ],
)
def test_todays_cost_stands_beside_that_of_then_if_they_differ(
    run: Callable[..., Result], api: FakeApi, now: dict[str, Any], told: str | None
) -> None:
    same = {"cost_per_accepted_pico": "1234567", "currency": "CNY", "is_exact": True}
    row = {**VERDICT, "cost_now": {**same, **now}}
    api.answers["GET /api/verdicts"] = {"data": [row, {**VERDICT, "cost_now": None}]}
    shown = run("verdicts").stdout
    assert "at today's price" in shown
    if told is None:
        assert shown.count("0.00000123") == 2
    else:
        assert told in shown


def test_past_verdicts_in_the_order_of_time(run: Callable[..., Result], api: FakeApi) -> None:
    past = {**VERDICT, "is_current": False, "decided_at": "2025-01-01T00:00:00+00:00", "n": 55}
    api.answers["GET /api/verdicts"] = {"data": [VERDICT, past]}
    shown = run("verdicts", "--all", "--offer", "local/small").stdout
    assert api.asked[0][3] == {"all": "1", "offer": "local/small"}
    assert "proven (past)" in shown
    assert shown.index(" 55 ") < shown.index(" 120 ")


def test_verdicts_for_programs(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/verdicts"] = {"data": [VERDICT]}
    assert as_json(run("verdicts", "--json")) == [VERDICT]


def test_without_a_server_the_files_are_asked(
    run: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.is_up = False
    monkeypatch.setattr(offline, "get", lambda home, runtime, path, query: {"data": [VERDICT]})
    assert as_json(run("verdicts", "--json")) == [VERDICT]


@pytest.mark.parametrize(("ago", "text"), [(timedelta(hours=5), "5 h"), (timedelta(days=3), "3 d")])
def test_ages(ago: timedelta, text: str) -> None:
    assert _age((datetime.now(UTC) - ago).isoformat()) == text


def test_the_tasks_and_what_is_next(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/readiness"] = {"data": [READY, NOT_YET]}
    shown = run("readiness").stdout
    assert "ready" in shown and "not yet" in shown
    assert "0.00000123 CNY" in shown and "weigh shop/x, about 0.10 CNY" in shown
    assert as_json(run("readiness", "--json")) == [READY, NOT_YET]


def test_one_task_with_its_offers(run: Callable[..., Result], api: FakeApi) -> None:
    offer = {
        **{"offer": "shop/x", "status": "not_weighed", "reason": "", "quality": None},
        **{"lower": None, "upper": None, "cost_per_accepted_pico": "2000000000"},
    }
    api.answers[f"GET /api/readiness/{TASK}"] = {**READY, "offers": [offer]}
    shown = run("readiness", TASK).stdout
    for text in (
        "ready",
        "0.00000123 CNY",
        "proof ends 2026-04-01",
        "and 2 more",
        "about 0.002 CNY",
    ):
        assert text in shown
    assert "reopened: shop/x (rival), since it is new" in shown
    lacking = {**READY["best"], "missing_lower": "0.04"}
    row = {**NOT_YET, "best": lacking, "offers": []}
    api.answers[f"GET /api/readiness/{TASK}"] = row
    assert "its lower bound lacks 0.040" in run("readiness", TASK).stdout
    assert as_json(run("readiness", TASK, "--json")) == row


def test_what_was_opened_again(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/readiness"] = {"data": [READY]}
    shown = run("readiness", "--reopened").stdout
    assert api.asked[0][3] == {"reopened": "1"}
    assert "rival" in shown and "it is new" in shown
