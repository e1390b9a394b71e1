"""Unknown names are clear errors, wherever weighing is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steelyard.control.api.known import NoSuchOffer, NoSuchTask, demand_known, demand_one_of
from steelyard.control.control import Control
from steelyard.domain.errors import InvalidRequest

Ask = Callable[..., Any]
TASK = "shop/review-sentiment"


def test_what_is_known_or_not_said_is_let_through(control: Control) -> None:
    with control.database.read() as connection:
        demand_known(connection)
        demand_known(connection, task=TASK, offer="shop/m")


def test_what_nobody_knows_is_told_with_the_nearest(control: Control) -> None:
    with control.database.read() as connection:
        with pytest.raises(NoSuchTask, match=f"did you mean '{TASK}'") as task:
            demand_known(connection, task="shop/review-sentimant", offer="zzz")
        with pytest.raises(NoSuchOffer, match="did you mean 'shop/m'") as offer:
            demand_known(connection, task=TASK, offer="shop/mm")
        with pytest.raises(NoSuchOffer, match="steelyard offers names them all"):
            demand_known(connection, offer="zzz" * 100)
    assert (task.value.status, task.value.param) == (404, "task")
    assert (offer.value.code, offer.value.param) == ("offer_not_found", "offer")


def test_names_of_another_kind_are_told_with_the_nearest_or_all() -> None:
    demand_one_of("tag", "late", ["late", "odd"])
    with pytest.raises(InvalidRequest, match="no tag is called 'lat'; did you mean 'late'"):
        demand_one_of("tag", "lat", ["late", "odd"])
    with pytest.raises(InvalidRequest, match="known: late, odd"):
        demand_one_of("tag", "zzz", ["odd", "late"])
    with pytest.raises(InvalidRequest, match="known: none"):
        demand_one_of("tag", "zzz", [])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/verdicts?task=shop/review-sentimant", "task_not_found"),
        ("/api/verdicts?offer=shop/mm", "offer_not_found"),
        (f"/api/verdicts?all=1&task={TASK}&offer=shop/mm", "offer_not_found"),
        ("/api/readiness/shop/review-sentimant", "task_not_found"),
        ("/api/authenticity?offer=shop/mm", "offer_not_found"),
    ],
)
def test_no_list_is_empty_for_a_name_that_nobody_knows(ask: Ask, path: str, code: str) -> None:
    answer = ask("GET", path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)
    assert "did you mean" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path", [f"/api/verdicts?task={TASK}&offer=shop/m", "/api/authenticity?offer=shop/m"]
)
def test_of_what_is_known_and_was_not_measured_there_is_nothing(ask: Ask, path: str) -> None:
    assert ask("GET", path).json()["data"] == []
