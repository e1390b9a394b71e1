from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result
from weigh.authenticity.evidence_rig import document

from cli.conftest import FakeApi
from steelyard.control.authenticity import parcel
from steelyard.control.price_watch.updates import make_keys
from steelyard.domain.errors import ConfigError, StoreUnavailable
from steelyard.weigh.authenticity.evidence import answer_row
from steelyard.weigh.authenticity.pool import read_pool
from steelyard.weigh.authenticity.probes import ProbeAnswer

PATH = "/api/authenticity"
FINDING = {
    "name": "answers_differ",
    "is_alarm": True,
    "p_value": 1e-5,
    "n": 240,
    "words": "They do.",
}
ROW: dict[str, Any] = {
    **{"number": 7, "offer": "shop/m", "state": "not_genuine", "why": "They do.", "calls": 284},
    **{"findings": [FINDING], "hints": [], "lags": [], "alike": [], "stopped": ""},
    **{"reference": {"offer": "maker/m"}, "cost_pico": "2000000", "currency": "CNY"},
    **{"at": "2026-03-10T12:05:00+00:00", "quarantine": "They do."},
}
HONEST = {**ROW, "state": "genuine", "quarantine": "", "findings": [{**FINDING, "is_alarm": False}]}


@pytest.fixture
def lines(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What control answers with, line by line."""
    progress = {"state": "asking", "done": 1, "total": 2, "lost": 1, "paid": "0", "currency": "CNY"}
    answered: list[Any] = [{"test": progress}, {}, {"test": {"state": "judging"}}]

    def stream(path: str, body: Any) -> Iterator[Any]:
        api.asked.append(("POST", path, body, None))
        yield from answered

    monkeypatch.setattr(api, "stream", stream)
    return answered


def test_the_table_says_who_is_not_genuine(run: Callable[..., Result], api: FakeApi) -> None:
    recorded = {**HONEST, "offer": "shop/n", "reference": {"pool": "n", "sha256": "ab"}}
    api.answers[f"GET {PATH}"] = {"data": [ROW, recorded]}
    shown = run("authenticity")
    assert shown.exit_code == 1
    for words in (
        "not genuine",
        "answers_differ",
        "quarantined",
        "standing",
        "n (recorded)",
        "2026-03-10T12:05",
    ):
        assert words in shown.stdout, words
    assert json.loads(run("authenticity", "--json").stdout)[0]["number"] == 7
    api.answers[f"GET {PATH}"] = {"data": [HONEST, ROW]}
    shown = run("authenticity", "--offer", "shop/m")
    assert shown.exit_code == 0  # it is what its last test says
    assert api.asked[-1][3] == {"offer": "shop/m"} and "They do." in shown.stdout


def test_a_test_shows_what_was_found_and_what_follows(
    run: Callable[..., Result], api: FakeApi, lines: list[Any], tmp_path: Path
) -> None:
    lag = {"version": "m-0201", "seller_since": None, "days": 20.0}
    twin = {"offer": "shop/n", "n": 240, "words": "shop/m and shop/n are sold as two."}
    lines.append({"result": {**ROW, "lags": [lag], "alike": [twin], "stopped": "no money"}})
    shown = run("authenticity", "test", "shop/m", "--against", "maker/m", "--money", "1 CNY")
    assert shown.exit_code == 1
    for words in (
        *("not genuine (test 7", "gets no calls", "authenticity evidence 7", "m-0201 has not come"),
        *("sold as two", "stopped: no money", "answers differ"),
    ):
        assert words in shown.stdout, words
    assert api.asked[-1][2] == {
        **{"offer": "shop/m", "against": "maker/m", "money": "1 CNY", "calls": 300},
        **{"error": None, "pause_s": 0.5, "same_model": False},
    }
    lines[-1] = {"result": HONEST}
    (tmp_path / "pool.json.gz").write_bytes(b"")
    quiet = run(
        *("authenticity", "test", "shop/m", "--json", "--against", str(tmp_path / "pool.json.gz"))
    )
    assert quiet.exit_code == 0 and json.loads(quiet.stdout)["state"] == "genuine"
    assert api.asked[-1][2]["against"] == str(tmp_path / "pool.json.gz")


def test_what_went_wrong_is_said(
    run: Callable[..., Result], api: FakeApi, lines: list[Any]
) -> None:
    words = ("authenticity", "test", "shop/m", "--against", "x")
    assert isinstance(run(*words).exception, StoreUnavailable)  # it ended without a word
    lines.append({"error": {"code": "config_error", "message": "no pool"}})
    assert isinstance(run(*words).exception, ConfigError)
    lines[-1] = {"error": {"code": "overloaded", "message": "another runs"}}
    assert isinstance(run(*words).exception, StoreUnavailable)


def test_recorded_answers_become_a_pool(
    run: Callable[..., Result], lines: list[Any], tmp_path: Path
) -> None:
    answer = ProbeAnswer("open-en-00", "cat", "stop")
    bought = {"vendor": "v", "channel": "maker", "upstream_model": "m", "model": "m"}
    result = {
        **{"bought": bought, "began": "2026-03-10T12:00:00+00:00", "sampling": {"temperature": 1}},
        **{"answers": [answer_row(answer)], "lost": 0, "stopped": "", "cost": "1"},
        "currency": "CNY",
    }
    lines.append({"result": result})
    out = tmp_path / "m.json.gz"
    shown = run("authenticity", "record", "maker/m", "--out", str(out))
    assert shown.exit_code == 0 and "1 answers, cost 1 CNY" in shown.stdout
    pool = read_pool(out)
    assert (pool.model, pool.genuine) == ("m", (answer,))
    wrong = run("authenticity", "record", "maker/m", "--out", str(tmp_path / "no" / "x"), "--json")
    assert isinstance(wrong.exception, StoreUnavailable)


def test_an_offer_is_released(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers[f"POST {PATH}/release"] = {"released": True}
    shown = run("authenticity", "release", "shop/m", "--reason", "they paid")
    assert "released" in shown.stdout
    assert api.asked[-1][2] == {"offer": "shop/m", "reason": "they paid"}


def test_evidence_is_written_signed_and_checked(
    run: Callable[..., Result], api: FakeApi, tmp_path: Path
) -> None:
    private, public = make_keys()
    (tmp_path / "buyer.key").write_text(private + "\n")
    api.answers[f"GET {PATH}/7/evidence"] = document()
    out, key = str(tmp_path / "e.zip"), str(tmp_path / "buyer.key")
    assert run("authenticity", "evidence", "7", "--out", out, "--key", key).exit_code == 0
    assert Path(out).stat().st_mode & 0o777 == 0o600
    api.is_up = False  # whoever checks it has no server
    shown = run("authenticity", "check", out)
    assert shown.exit_code == 0
    assert f"signed with {public}, which calls itself 'buyer'" in shown.stdout
    told = json.loads(run("authenticity", "check", out, "--json").stdout)
    assert (told["state"], told["differences"]) == ("not_genuine", [])


def test_evidence_that_says_otherwise_than_its_answers_fails(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    forged = {**document(), "verdict": {**document()["verdict"], "state": "genuine"}}
    (tmp_path / "e.zip").write_bytes(parcel.pack(forged))
    shown = run("authenticity", "check", str(tmp_path / "e.zip"))
    assert shown.exit_code == 1 and "verdict.state: genuine is told" in shown.stdout
    assert isinstance(run("authenticity", "check", str(tmp_path / "none")).exception, ConfigError)
