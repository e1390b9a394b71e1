from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.conftest import FakeApi, as_json
from steelyard.cli import offline
from steelyard.cli.prices import changes

CHANGE: dict[str, Any] = {
    "number": 7,
    "vendor": "Alibaba",
    "channel": "official",
    "model": "qwen-long",
    "currency": "CNY",
    "kind": "cut",
    "state": "open",
    "at": "2024-05-20T16:00:00+00:00",
    "recorded_at": "2024-05-21T01:00:00+00:00",
    "summary": "cut; cheaper: input",
    "headline_percent": "-97.5",
    "typical_percent": None,
    "effective_percent": "-40.0",
    "items": [
        {
            "item": "input",
            "condition": "",
            "before": "20.00 CNY/mtok",
            "after": "0.50 CNY/mtok",
            "percent": "-97.5",
        }
    ],
    "limits": [
        {"kind": "limit", "rpm": 500, "source": "s", "holder": "account", "note": "personal"},
        {"kind": "allowance", "unit": "tokens", "amount": 500, "per": "once"},
    ],
    "proofs": [{"offer": "a/q", "task": "t", "status": "proven"}],
    "reroutes": [{"work": "task:t", "before": "b", "after": "a/q"}],
    "forecast": {
        "days": 30,
        "currency": "CNY",
        "difference": "-4.00",
        "accounts": [
            {"account": "acme", "before": "10.00", "after": "6.00", "difference": "-4.00"}
        ],
    },
}
LOOK = {"url": "http://l/p", "at": "2026-11-22T00:00:00", "state": "refused", "problems": ["bad"]}


@pytest.fixture
def prices(api: FakeApi) -> Callable[..., Result]:
    app = typer.Typer()
    changes.register(app)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_changes_are_listed_with_both_percentages(
    prices: Callable[..., Result], api: FakeApi
) -> None:
    new = {
        **{k: CHANGE[k] for k in ("vendor", "model", "kind", "state", "recorded_at")},
        "number": 8,
    }
    api.answers["GET /api/prices/changes"] = {"data": [new, CHANGE], "fetched": [LOOK]}
    shown = prices("changes").stdout
    assert "-97.5" in shown and "-40.0" in shown and "-4.00 CNY" in shown
    assert "not looked at yet" in shown and "2024-05-20" in shown
    assert "fetched http://l/p at 2026-11-22T00:00: refused\n  bad" in shown
    assert as_json(prices("changes", "--state", "open", "--json"))[1] == CHANGE
    assert api.asked[-1][3] == {"state": "open"}
    api.answers["GET /api/prices/changes"] = {"data": [CHANGE], "count": 8}
    assert "and 7 older ones: --limit" in prices("changes", "--limit", "1").stdout
    assert api.asked[-1][3] == {"limit": "1"}


def test_a_change_is_shown_part_by_part(prices: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/prices/changes/7"] = CHANGE
    shown = prices("changes", "show", "7").stdout
    for part in (
        "Alibaba qwen-long in CNY, change 7: open",
        "headline: -97.5 %; your own use: -40.0 %",
        "limit: rpm 500 for each account (personal)",
        "allowance: 500 tokens once",
        "from 2024-05-20 16:00 UTC",
        "a/q for t: proven",
        "task:t would go from b to a/q",
        "acme",
    ):
        assert part in shown
    assert as_json(prices("changes", "show", "7", "--json")) == CHANGE
    bare = {k: CHANGE[k] for k in ("number", "vendor", "model", "currency", "state")}
    api.answers["GET /api/prices/changes/7"] = {**bare, "channel": "reseller"}
    assert "qwen-long (reseller)" in prices("changes", "show", "7").stdout


@pytest.mark.parametrize(("what", "state"), [("approve", "approved"), ("dismiss", "dismissed")])
def test_a_change_is_decided(
    prices: Callable[..., Result], api: FakeApi, what: str, state: str
) -> None:
    api.answers[f"POST /api/prices/changes/7/{what}"] = {**CHANGE, "state": state}
    assert f"price change 7 of Alibaba qwen-long is {state}" in prices("changes", what, "7").stdout
    assert as_json(prices("changes", what, "7", "--json"))["state"] == state


def test_the_timeline_tells_events_with_their_quotes(
    prices: Callable[..., Result], api: FakeApi
) -> None:
    event = {
        "day": "2024-05-15",
        "vendor": "ByteDance",
        "kind": "new",
        "models": ["d"],
        "text": "Doubao comes.",
        "quote": "99.3% below",
        "source": "a page",
        "currency": "CNY",
    }
    api.answers["GET /api/prices/timeline"] = {"data": [event, {**event, "quote": ""}]}
    shown = prices("timeline", "--since", "2024-05-01").stdout
    assert shown.count("Doubao comes.") == 2 and shown.count("“99.3% below”") == 1
    assert api.asked[-1][3] == {"since": "2024-05-01"}
    assert as_json(prices("timeline", "--json"))[0] == event


def test_the_index_is_drawn(prices: Callable[..., Result], api: FakeApi) -> None:
    def point(day: str, value: str, method: str) -> dict[str, Any]:
        return {"day": day, "value": value, "method": method, "matched": 5, "free": 1}

    found = {
        "currency": "CNY",
        "base": "2024-05-01",
        "data": [
            point("2024-05-01", "100", ""),
            point("2024-06-01", "79.648456", "jevons"),
            point("2024-07-01", "900.5", "fisher"),
        ],
    }
    api.answers["GET /api/prices/index"] = found
    shown = prices("index", "--unweighted").stdout
    assert "2024-05-01 is 100" in shown and "79.64" in shown and "by use" in shown
    assert shown.count("█") == 25 + 19 + 60
    assert api.asked[-1][3] == {"weights": "none"}
    assert as_json(prices("index", "--json")) == found


def test_without_a_server_the_files_answer(
    prices: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def get(_home: Any, _runtime: Any, path: str, query: dict[str, str]) -> Any:
        asked.append((path, query))
        return {"data": []}

    monkeypatch.setattr(offline, "get", get)
    api.is_up = False
    assert prices("changes").stdout == "nothing\n"
    assert asked == [("/api/prices/changes", {})]
