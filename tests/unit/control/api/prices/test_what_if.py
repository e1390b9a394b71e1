"""Routes of what-if over an empty ledger; amounts are held in integration/test_what_if."""

from __future__ import annotations

import base64
import json

import pytest

from steelyard.control.api.prices import what_if

PATH = "/api/what-if"


def test_an_empty_ledger_costs_nothing(ask) -> None:
    found = ask("POST", PATH, json={"as_of": "2024-05-14", "by": ["account", "task"]}).json()
    assert found["object"] == "what_if"
    assert (found["lines"], found["data"], found["totals"], found["unpriced"]) == (0, [], [], [])


def test_progress_and_result_come_in_lines(ask) -> None:
    answer = ask("POST", PATH, json={"no_cache_hits": True}, headers={"accept": what_if.NDJSON})
    assert answer.headers["content-type"].startswith(what_if.NDJSON)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[0] == {"done": 0, "total": 0}
    assert lines[-1]["result"]["by"] == ["model"]


def test_errors_come_in_lines_too(ask) -> None:
    body = {"as_of": "2024-05-14", "by": ["mood"]}
    answer = ask("POST", PATH, json=body, headers={"accept": what_if.NDJSON})
    assert "cannot group by" in json.loads(answer.text.splitlines()[-1])["error"]["message"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "What if what?"),
        ({"as_of": "soon"}, "as_of"),
        ({"as_of": "2024-05-14", "since": "soon"}, "since"),
        ({"as_of": "2024-05-14", "until": "soon"}, "until"),
        ({"book": "%"}, "base64"),
        ({"book": base64.b64encode(b"a,b\n1,2\n").decode()}, "columns missing"),
        ({"swaps": {"m": "nothing"}}, "the book has no nothing"),
        ({"as_of": "2024-05-14", "where": {"mood": ["x"]}}, "cannot filter by"),
        ({"as_if": "2024-05-14"}, "as_if"),
    ],
)
def test_what_cannot_be_asked(ask, body, told) -> None:
    answer = ask("POST", PATH, json=body)
    assert answer.status_code == 400
    assert told in answer.json()["error"]["message"]


def test_time_has_no_end_that_a_database_could_not_hold(ask) -> None:
    body = {"no_cache_hits": True, "since": "0001-01-01T00:00+14:00", "until": "9999-12-31"}
    assert ask("POST", PATH, json=body).json()["lines"] == 0
    assert ask("POST", PATH, json={**body, "since": "9999-01-01"}).status_code == 200


def test_one_at_a_time_and_for_the_admin(ask) -> None:
    assert ask("POST", PATH, json={"no_cache_hits": True}, token="sk-x").status_code == 401
    with what_if._running:
        answer = ask("POST", PATH, json={"no_cache_hits": True})
    assert answer.status_code == 503
    assert "Another what-if" in answer.json()["error"]["message"]
    assert ask("POST", PATH, json={"no_cache_hits": True}).status_code == 200
