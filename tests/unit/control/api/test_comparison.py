"""Comparisons over the API: for admins, exact numbers as text, costs beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control.api.conftest import Ask
from control.case_home import ONE, SECRET, TWO
from control.compared_home import give_verdict, make_compared, write_answers
from steelyard.control.control import Control

PATH = "/api/comparison/mood"


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = make_compared(tmp_path)
    write_answers(made)
    yield made
    made.close()


def get(ask: Ask, **query: str) -> Any:
    answer = ask("GET", PATH, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_pair_with_its_sentence_and_both_costs(ask: Ask, control: Control) -> None:
    give_verdict(control, ONE, "0.61", 7_000)
    found = get(ask)
    (row,) = found["data"]
    assert (found["base"], found["base_is"], found["confidence"]) == (ONE, "cheapest", "0.95")
    assert (row["offer"], row["base"], row["n"]) == (TWO, ONE, 60)
    assert (row["wins"], row["losses"], row["n_unscored"], row["n_beyond"]) == (30, 0, 0, 0)
    assert row["difference"] == 0.5 and 0 < float(row["lower"]) < 0.5 < float(row["upper"])
    assert isinstance(row["lower"], str) and row["finding"] == "better"
    assert row["text"].startswith(f"{TWO} is better than {ONE} by ")
    one, two = found["offers"]
    assert (one["offer"], one["items"], one["verdict"]["status"]) == (ONE, 60, "proven")
    assert one["verdict"]["cost_per_accepted_pico"] == "100" and found["currency"] == "CNY"
    assert (two["offer"], two["verdict"]) == (TWO, None)
    assert found["outdated"] == found["problems"] == []


def test_the_first_of_the_offers_is_the_base(ask: Ask) -> None:
    assert get(ask, offers=f"{TWO},{ONE},{TWO}")["base"] == TWO
    assert [row["offer"] for row in get(ask, offers=TWO)["data"]] == [ONE]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"{PATH}?offers=shop/ome", "did you mean shop/one"),
        ("/api/comparison/moot", "did you mean"),
        ("/api/comparison/taste", "graded by a judge"),
    ],
)
def test_wrong_questions_are_refused(ask: Ask, path: str, told: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 400 and told in answer.json()["error"]["message"]


def test_it_is_for_admins_and_tells_no_item(ask: Ask) -> None:
    assert ask("GET", PATH, token="sk-of-a-tenant").status_code == 401  # noqa: S106 - none
    text = ask("GET", PATH).text
    assert SECRET not in text and "item-" not in text
