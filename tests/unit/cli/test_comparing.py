from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json

TASK = "shop/mood"
BETTER, WORSE = "shop/b is better than shop/a by 3 to 11 points", "shop/a is better than shop/c"


def pair(offer: str, text: str, **more: Any) -> dict[str, Any]:
    row = {
        **{"offer": offer, "base": "shop/a", "n": 300, "wins": 30, "losses": 9, "n_unscored": 2},
        **{"n_beyond": 0, "difference": 0.07, "lower": "0.031234", "upper": "0.108", "text": text},
    }
    return {**row, **more}


def paper(offer: str, pico: str | None = "2000000", **more: Any) -> dict[str, Any]:
    verdict = {"status": "not_proven", "cost_per_accepted_pico": pico}
    return {"offer": offer, "items": 302, "verdict": verdict, **more}


FOUND: dict[str, Any] = {
    **{"task": TASK, "base": "shop/a", "base_is": "cheapest", "currency": "CNY"},
    "data": [pair("shop/c", WORSE, lower="-0.5", upper="-0.1"), pair("shop/b", BETTER)],
    "offers": [paper("shop/a"), paper("shop/b", "3000000"), paper("shop/c", verdict=None)],
    **{"outdated": ["shop/old"], "problems": ["run file x: gone"]},
}


@pytest.fixture
def answers(api: FakeApi) -> dict[str, Any]:
    found = dict(FOUND)
    api.answers[f"GET /api/comparison/{TASK}"] = found
    return found


def test_a_table_and_a_sentence_for_each_offer_the_best_first(
    run: Callable[..., Result], api: FakeApi, answers: dict[str, Any]
) -> None:
    result = run("compare", TASK)
    assert result.exit_code == 0 and api.asked[0][3] == {}
    shown = result.stdout
    assert "base: shop/a (the cheapest proven), 0.000002 CNY per accepted answer" in shown
    assert "+7.0" in shown and "+3.1 to +10.8" in shown and "0.000003 CNY" in shown
    assert "not proven" in shown and shown.index(BETTER) < shown.index(WORSE)
    assert "shop/old answered another test set" in result.stderr
    assert "left out: run file x: gone" in result.stderr


def test_offers_are_asked_for_in_the_order_in_which_they_are_named(
    run: Callable[..., Result], api: FakeApi, answers: dict[str, Any]
) -> None:
    found = as_json(run("compare", TASK, "--offer", "shop/b", "--offer", "shop/a", "--json"))
    assert found == FOUND
    assert api.asked[0][3] == {"offers": "shop/b,shop/a"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"base": "", "data": [], "offers": []}, "steelyard weigh shop/mood comes first"),
        ({"data": []}, "only shop/a has answers"),
    ],
)
def test_nothing_to_compare_is_said(
    run: Callable[..., Result], answers: dict[str, Any], more: dict[str, Any], told: str
) -> None:
    answers.update(more)
    assert told in run("compare", TASK).stdout


def test_without_pairs_there_are_no_bounds(
    run: Callable[..., Result], answers: dict[str, Any]
) -> None:
    none = {"n": 0, "difference": None, "lower": "-1", "upper": "1"}
    answers["data"] = [pair("shop/b", "too few items in common (0)", **none)]
    shown = run("compare", TASK).stdout
    assert "too few items in common (0)" in shown and "-100" not in shown
