"""Probes over the API; whole ones are in tests/integration/test_probing.py."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from steelyard.control.api import progress
from steelyard.control.control import Control
from steelyard.control.probing import run
from steelyard.domain.errors import ConfigError

PATH = "/api/vendors/probe"
LINES = {"accept": progress.NDJSON}


@pytest.fixture
def wishes(monkeypatch: pytest.MonkeyPatch) -> list[run.Wish]:
    """What is asked for; the probe itself is played."""
    found: list[run.Wish] = []

    async def probe(control: Control, wish: run.Wish, tell: Callable[..., None]) -> Any:
        found.append(wish)
        if wish.channel == "wrong":
            raise ConfigError("No channel 'wrong'.")
        tell({"name": "plain"})
        await asyncio.sleep(0.03)
        return {"number": 7}

    monkeypatch.setattr(run, "probe", probe)
    return found


def test_a_probe_is_answered_whole_or_in_lines(
    ask: Callable[..., Any], wishes: list[run.Wish], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"channel": "shop", "offer": "m", "budget": "1 CNY", "checks": ["stop"]}
    assert ask("POST", PATH, json=body).json() == {"number": 7}
    assert wishes == [run.Wish("shop", "m", "1 CNY", ("stop",))]
    monkeypatch.setattr(progress, "_SIGN_OF_LIFE_S", 0.01)
    lines = ask("POST", PATH, json={"channel": "shop"}, headers=LINES).text.splitlines()
    assert json.loads(lines[0]) == {"check": {"name": "plain"}}
    assert "{}" in lines and json.loads(lines[-1]) == {"result": {"number": 7}}
    assert wishes[-1].budget == run.BUDGET


def test_what_is_wrong_is_told(ask: Callable[..., Any], wishes: list[run.Wish]) -> None:
    assert ask("POST", PATH, json={"channel": "wrong"}).status_code == 400
    (line,) = ask("POST", PATH, json={"channel": "wrong"}, headers=LINES).text.splitlines()
    assert json.loads(line)["error"]["message"] == "No channel 'wrong'."
    assert ask("POST", PATH, json={}).status_code == 400
    assert ask("POST", PATH, token="x", json={"channel": "shop"}).status_code == 401


def test_measured_features_are_applied_and_forgotten(ask: Callable[..., Any]) -> None:
    assert ask("POST", "/api/vendors/probes/9/apply").json()["error"]["code"] == "probe_not_found"
    done = ask("POST", "/api/vendors/forget", json={"offer": "shop/m"}).json()
    assert done == {"offer": "shop/m", "forgotten": False}
