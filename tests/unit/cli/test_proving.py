from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.cli import proving

VERDICT: dict[str, Any] = {
    "task": "shop/review-sentiment",
    "offer": "local/small",
    "status": "proven",
    "reason": "",
    "is_current": True,
    "quality": 0.75,
    "lower": "0.61",
    "upper": "0.89",
    "floor": "0.6",
    "n": 120,
    "cost_pico": "1000000000",
    "cost_per_accepted_pico": "1200000000",
    "cost_lower_pico": "1000000000",
    "cost_upper_pico": "1500000000",
    "currency": "CNY",
    "time_s": 41.4,
    "time_median_s": 0.4,
    "decided_at": "2026-11-21T12:00:00+00:00",
    "model_answered": "m",
    "supply": None,
    "authenticity": None,
}
STARTED: dict[str, Any] = {
    **{"weighing_number": 7, "offer": "local/small", "items_done": 1, "items_total": 9},
    **{"lower": None, "upper": None, "ended_at_ns": None, "detail": "", "state": "running"},
    **{"currency": "CNY", "money_max_pico": None, "paid_pico": "0"},
}
SHARE = {"count": 3, "total": 20, "lower": 0.03, "upper": 0.38}
JUDGE = {
    **{"pairs": 30, "unscored": 2, "won": 9, "tied": 10, "lost": 9, "is_biased": False},
    **{"disagreement": SHARE, "first_favoured": {**SHARE, "count": 2, "total": 3}},
    **{"is_reading": True, "kept": {**SHARE, "count": 17}},
}


def ended(**more: object) -> dict[str, Any]:
    return {**STARTED, "ended_at_ns": 5, "items_done": VERDICT["n"], **more}


def test_weigh_waits_for_its_own_weighings_and_shows_the_verdict(
    run: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [dict(STARTED)]

    def sleep(seconds: float) -> None:
        rows[0]["ended_at_ns"] = 1

    monkeypatch.setattr(proving.time, "sleep", sleep)
    api.answers["POST /api/weighings"] = {"task": VERDICT["task"], "weighings": [7]}
    api.answers["GET /api/weighings"] = {"data": rows}
    old = {**VERDICT, "is_current": False, "offer": "local/old"}
    other = {**VERDICT, "offer": "local/unasked"}
    api.answers["GET /api/verdicts"] = {"data": [VERDICT, old, other]}
    options = ["--offer", "local/small", "--limit", "9", "--money", "5 CNY", "--fresh"]
    more = ["--goal", "cheapest", "--concurrency", "2", "--unsafe-code"]
    shown = run("weigh", "shop/review-sentiment", *options, *more).stdout
    assert "proven" in shown and "0.610 to 0.890" in shown and "0.0012 CNY" in shown
    assert "local/old" not in shown and "local/unasked" not in shown
    assert api.asked[0][2] == {
        "task": "shop/review-sentiment",
        "offers": ["local/small"],
        "limit": 9,
        "money_max": "5 CNY",
        "goal": "cheapest",
        "concurrency": 2,
        "fresh": True,
        "is_unsafe_code": True,
    }


def test_programs_get_weighings_and_verdicts(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["POST /api/weighings"] = {"task": VERDICT["task"], "weighings": [7]}
    api.answers["GET /api/weighings"] = {"data": [ended(judge=JUDGE)]}
    api.answers["GET /api/verdicts"] = {"data": [VERDICT]}
    found = as_json(run("weigh", "shop/review-sentiment", "--json"))
    assert found["verdicts"] == [VERDICT]
    assert found["weighings"][0]["judge"] == JUDGE


def test_weighing_that_gave_nothing_fails_with_its_reason(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["POST /api/weighings"] = {"task": "t", "weighings": [7]}
    api.answers["GET /api/weighings"] = {"data": [ended(detail="the budget is used up")]}
    api.answers["GET /api/verdicts"] = {"data": []}
    result = run("weigh", "t")
    assert result.exit_code == 1
    assert "the budget is used up" in result.output


def test_a_reason_that_all_offers_have_is_told_once_whoever_was_weighed_before(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["POST /api/weighings"] = {"task": "t", "weighings": [7, 8]}
    nobody = {**JUDGE, "pairs": 0}
    one, two = ended(detail="no money left", judge=nobody), ended(offer="b", detail="no money left")
    api.answers["GET /api/weighings"] = {"data": [one, {**two, "weighing_number": 8}]}
    before = {**VERDICT, "task": "t", "offer": "local/unasked"}
    api.answers["GET /api/verdicts"] = {"data": [before]}
    result = run("weigh", "t")
    assert result.exit_code == 1
    assert result.output.count("no money left") == 1 and "all 2 offers: no money" in result.stderr
    assert "judge" not in result.output and "nothing" not in result.output
    assert "None of the offers" not in result.output


def test_a_weighing_without_a_verdict_fails_and_says_where_to_look(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["POST /api/weighings"] = {"task": "t", "weighings": [7]}
    useless = {**JUDGE, "pairs": 30, "unscored": 30}
    api.answers["GET /api/weighings"] = {"data": [ended(judge=useless)]}
    api.answers["GET /api/verdicts"] = {"data": []}
    result = run("weigh", "t")
    assert result.exit_code == 1
    assert "nothing that the judge said was of use: 30 unscored" in result.stdout
    assert "bias" not in result.output and "steelyard cases t shows why" in result.stderr


def test_who_stops_waiting_hears_that_the_weighing_goes_on(
    run: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(proving.time, "sleep", interrupted)
    api.answers["POST /api/weighings"] = {"task": "t", "weighings": [7]}
    api.answers["GET /api/weighings"] = {"data": [STARTED]}
    result = run("weigh", "t")
    assert result.exit_code == 130 and "the weighing goes on" in result.stderr
    assert "steelyard weighings stop 7 ends it" in result.stderr


def test_one_sentence_names_the_cheapest_that_is_proven() -> None:
    rows = [ended(is_cheapest=True)]
    assert proving.lines(rows, [VERDICT])[0] == (
        "local/small is the cheapest that is proven: 0.0012 CNY per accepted answer"
        " (0.001 to 0.0015)."
    )


def test_a_cheapest_that_is_not_known_is_not_named() -> None:
    dear = {**VERDICT, "offer": "b", "cost_per_accepted_pico": str(10**12)}
    rows = [ended(), ended(offer="b")]
    assert "local/small has cost least so far" in proving.lines(rows, [VERDICT, dear])[0]
    price = {"cost_per_accepted_pico": "2000000000000", "cost_lower_pico": "1000000000000"}
    now = {**price, "cost_upper_pico": None, "currency": "CNY", "is_exact": True}
    said = proving.lines(rows, [{**VERDICT, "cost_now": now}, dear])[0]
    assert "Of those proven b has cost least so far: 1.00 CNY" in said
    foreign = {**dear, "currency": "USD"}
    assert "is not known" in proving.lines(rows, [VERDICT, foreign])[0]
    failed = {**VERDICT, "status": "failed"}
    assert proving.lines(rows, [failed]) == ["None of the offers weighed is proven."]


def test_money_stored_answers_and_the_judge_are_told() -> None:
    money = {"paid_pico": str(10**12), "money_max_pico": str(5 * 10**12)}
    said = proving.lines([ended(judge=JUDGE, n_stored=4, n_faults=1, **money)], [VERDICT])
    assert said[1:] == [
        "paid 1.00 of 5.00 CNY",
        "4 answers were there already and cost nothing; --fresh asks anew",
        "1 item of the set cannot be used",
        "local/small: the judge shows no bias to a place; of 20 pairs asked in both orders"
        " 3 opinions turned (3% to 38%), 2 of 3 to the answer shown first; 2 of 30 unscored",
    ]


def test_items_that_a_verdict_does_not_rest_on_are_told() -> None:
    verdict = {**VERDICT, "n_unscored": 2}
    assert proving.lines([ended(items_done=122)], [verdict])[1:] == []
    assert proving.lines([ended(items_done=125)], [verdict])[1:] == [
        "local/small: the verdict rests on 122 of 125 items; the others were asked ahead of it,"
        " or for the cost"
    ]
    assert proving.lines([ended(items_done=51)], [verdict])[1:] == [
        "local/small: the verdict of an earlier weighing stays; it rests on 122 items"
    ]


def test_a_judge_that_may_as_well_toss_a_coin_is_told() -> None:
    blind = {**JUDGE, "is_reading": False, "kept": {**SHARE, "count": 1}}
    told = proving.lines([ended(judge=blind)], [VERDICT])[-1]
    assert "Nothing shows that it reads the answers: on 1 of 20 pairs it named the same" in told
    assert told.endswith("Its ties draw the quality to 0.5, whatever the offer is worth")
