"""Supply over the API; whole measurements are in tests/integration/test_supply.py."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from steelyard.control.api import supply
from steelyard.control.supply.measuring import Wish
from steelyard.domain.errors import ConfigError, Overloaded

MEASURE = "/api/supply/measure"
LINES = {"accept": supply.NDJSON}


class Played:
    """Measurements that take a moment and find the same."""

    def __init__(self) -> None:
        self.wishes: list[Wish] = []
        self.stopped = 0

    async def start(self, wish: Wish, tell: Callable[..., None]) -> asyncio.Task[dict[str, Any]]:
        self.wishes.append(wish)
        if wish.offer == "wrong":
            raise ConfigError("No offer 'wrong'.")
        if wish.offer == "busy":
            raise Overloaded("Another one runs.")

        async def measure() -> dict[str, Any]:
            tell({"calls": 3})
            await asyncio.sleep(0.03)
            if wish.offer == "breaks":
                raise ConfigError("It broke.")
            return {"offer": wish.offer, "state": "ok"}

        return asyncio.get_running_loop().create_task(measure())

    def running(self) -> dict[str, Any] | None:
        return {"calls": 3}

    def stop(self) -> bool:
        self.stopped += 1
        return True

    async def rows(self, offer: str = "") -> list[dict[str, Any]]:
        known = ["shop/m"] if not offer else [offer] if offer == "gone" else []
        return [{"offer": name} for name in known]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    found = Played()
    monkeypatch.setattr(supply, "_supplies", lambda _: found)
    monkeypatch.setattr(supply, "_TOLD_EVERY_S", 0.01)
    return found


def test_it_is_begun_or_watched(ask: Callable[..., Any], played: Played) -> None:
    body = {"offer": "shop/m", "money": "2 CNY", "minutes": 1.5, "enough": 3, "requests_max": 9}
    answer = ask("POST", MEASURE, json=body)
    assert answer.status_code == 202 and answer.json() == {"running": {"calls": 3}}
    assert played.wishes == [Wish("shop/m", "2 CNY", 1.5, 3, 9, 1)]
    lines = ask("POST", MEASURE, json=body, headers=LINES).text.splitlines()
    assert json.loads(lines[0]) == {"progress": {"calls": 3}}
    assert json.loads(lines[-1]) == {"result": {"offer": "shop/m", "state": "ok"}}
    assert played.stopped == 0


@pytest.mark.parametrize(("offer", "status"), [("wrong", 400), ("busy", 503)])
def test_what_cannot_begin_is_refused(
    ask: Callable[..., Any], played: Played, offer: str, status: int
) -> None:
    for headers in ({}, LINES):
        assert ask("POST", MEASURE, json={"offer": offer}, headers=headers).status_code == status


def test_what_breaks_on_the_way_is_told(ask: Callable[..., Any], played: Played) -> None:
    lines = ask("POST", MEASURE, json={"offer": "breaks"}, headers=LINES).text.splitlines()
    assert json.loads(lines[-1])["error"]["message"] == "It broke."


def test_the_rest_of_the_api(ask: Callable[..., Any], played: Played) -> None:
    assert ask("GET", "/api/supply").json()["data"] == [{"offer": "shop/m"}]
    asked = ask("GET", "/api/supply", params={"offer": "gone"}).json()["data"]
    assert asked == [{"offer": "gone"}]
    unknown = ask("GET", "/api/supply", params={"offer": "shop/mm"})
    assert unknown.status_code == 404
    assert "did you mean 'shop/m'?" in unknown.json()["error"]["message"]
    assert ask("GET", "/api/supply", params={"offer": "shop/m"}).json()["data"] == []
    assert ask("GET", "/api/supply/running").json() == {"running": {"calls": 3}}
    assert ask("POST", "/api/supply/stop").json() == {"stopped": True}


@pytest.mark.parametrize("body", [{}, {"offer": "a", "minutes": 0}, {"offer": "a", "tokens": 0}])
def test_nonsense_is_refused(ask: Callable[..., Any], played: Played, body: Any) -> None:
    assert ask("POST", MEASURE, json=body).status_code == 400
    assert not played.wishes


def test_only_admins_measure(ask: Callable[..., Any], played: Played) -> None:
    assert ask("POST", MEASURE, token="x", json={"offer": "a"}).status_code == 401
    assert ask("GET", "/api/supply", token="x").status_code == 401
