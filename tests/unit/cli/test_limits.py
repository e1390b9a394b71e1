from __future__ import annotations

from collections.abc import Callable

from typer.testing import Result

from cli.conftest import FakeApi


def test_set_sends_all_limits_at_once(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["PUT /api/accounts/acme/support/limits"] = {"data": [{"text": "100 CNY a day"}]}
    result = run(
        *("limits", "set", "acme/support", "--money", "100 CNY", "--period", "day"),
        *("--zone", "Asia/Shanghai", "--requests", "60", "--soft"),
    )
    assert result.stdout == "acme/support: 100 CNY a day\n"
    assert api.asked[0][2] == {
        "limits": [
            {"money": "100 CNY", "period": "day", "zone": "Asia/Shanghai", "is_hard": False},
            {"requests": 60, "is_hard": False},
        ]
    }


def test_set_without_anything_lifts_all_limits_of_a_key(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["PUT /api/keys/key_1/limits"] = {"data": []}
    assert run("limits", "set", "key_1", "--key", "--money", "none").stdout == "key_1: no limits\n"
    assert api.asked[0][2] == {"limits": []}


def test_list_shows_use_and_problems(run: Callable[..., Result], api: FakeApi) -> None:
    limit = {"text": "10 CNY a day", "is_hard": True, "managed_by": "file"}
    api.answers["GET /api/accounts"] = {
        "data": [
            {"path": "demo", "limits": [{**limit, "used": "0.25", "reserved": "0.00"}]},
            {"path": "odd", "limits": [{**limit, "problem": "no exchange rate"}]},
        ]
    }
    shown = run("limits", "list").stdout
    assert "0.25" in shown and "no exchange rate" in shown and "hard" in shown
