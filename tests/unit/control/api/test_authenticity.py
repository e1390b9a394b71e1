"""Tests of authenticity over the API; whole ones are in tests/integration."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from steelyard.control.authenticity import keeping, proof, run, targets
from steelyard.control.control import Control

PATH = "/api/authenticity"


@pytest.fixture
def wishes(monkeypatch: pytest.MonkeyPatch) -> list[targets.Wish]:
    """What is asked for; the tests themselves are played."""
    found: list[targets.Wish] = []

    async def play(control: Control, wish: targets.Wish, tell: Callable[..., None]) -> Any:
        found.append(wish)
        tell({"state": "asking"})
        return {"number": 7}

    monkeypatch.setattr(run, "verify", play)
    monkeypatch.setattr(run, "record_offer", play)
    return found


def test_what_is_not_said_is_as_configured(
    ask: Callable[..., Any], wishes: list[targets.Wish]
) -> None:
    body = {"offer": "shop/m", "against": "maker/m"}
    assert ask("POST", f"{PATH}/test", json=body).json() == {"number": 7}
    assert wishes[-1] == targets.Wish("shop/m", "maker/m", "1 USD", Fraction(1, 100), 300, 0.5)
    more = {"money": "2 CNY", "calls": 100, "error": 0.05, "pause_s": 2.0}
    ask("POST", f"{PATH}/test", json={**body, **more})
    assert wishes[-1] == targets.Wish("shop/m", "maker/m", "2 CNY", Fraction(1, 20), 100, 2.0)
    assert ask("POST", f"{PATH}/record", json={"offer": "shop/m"}).json() == {"number": 7}
    assert (wishes[-1].against, wishes[-1].calls) == ("", 300)


def test_progress_comes_in_lines(ask: Callable[..., Any], wishes: list[targets.Wish]) -> None:
    body = {"offer": "shop/m", "against": "maker/m"}
    accept = {"accept": "application/x-ndjson"}
    lines = ask("POST", f"{PATH}/test", json=body, headers=accept).text.splitlines()
    assert lines == ['{"test": {"state": "asking"}}', '{"result": {"number": 7}}']


def test_wrong_wishes_and_strangers_are_refused(
    ask: Callable[..., Any], wishes: list[targets.Wish]
) -> None:
    for wrong in ({}, {"offer": "a"}, {"offer": "a", "against": "b", "error": 0.5}):
        assert ask("POST", f"{PATH}/test", json=wrong).status_code == 400
    assert ask("POST", f"{PATH}/record", json={"offer": "a", "calls": 9999}).status_code == 400
    for method, path in (
        *(("GET", ""), ("POST", "/test"), ("POST", "/record"), ("POST", "/release")),
        ("GET", "/1/evidence"),
    ):
        assert ask(method, PATH + path, token="x").status_code == 401
    assert not wishes


def test_lists_releases_and_evidence(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def document(control: Control, number: int) -> dict[str, Any]:
        return {"test": number}

    monkeypatch.setattr(keeping, "rows", lambda connection, offer: [{"offer": offer}])
    monkeypatch.setattr(proof, "document", document)
    assert ask("GET", PATH).json()["data"] == [{"offer": ""}]
    assert ask("GET", PATH, params={"offer": "shop/m"}).json()["data"] == [{"offer": "shop/m"}]
    assert ask("GET", f"{PATH}/7/evidence").json() == {"test": 7}
    body = {"offer": "shop/m", "reason": "why"}
    assert ask("POST", f"{PATH}/release", json=body).json()["error"]["code"] == "not_quarantined"
