"""Sellers, honest and not, tested for real: control, a worker, and scripted vendors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from authenticity_rig import PATH, System
from sold_models import KEY, Ways

from steelyard.control.authenticity import parcel
from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity.evidence import answer_of, differences
from steelyard.weigh.authenticity.pool import Channel, Pool, write_pool

FEW = 200
"""Calls that find a swap, but not enough to call anybody genuine."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with ExitStack() as stack:
        yield System(tmp_path_factory.mktemp("authenticity"), stack)


def test_an_honest_shop_is_genuine_and_what_it_cost_is_booked(system: System) -> None:
    def booked() -> int:
        rows = system.ask("GET", "/api/ledger", params={"by": "account_own"}).json()["data"]
        return sum(int(row["cost_pico"]) for row in rows if row["account_name"] == "verifying")

    def settled() -> tuple[int] | None:
        first, _ = booked(), time.sleep(1.5)  # the ledger follows every second
        return (first,) if first == booked() else None

    # Other tests may have gone before, whose last calls are still being booked.
    (already,) = system.control.until(settled)
    system.shop.ways = Ways()
    before = len(system.shop.received)
    found = system.test()
    assert found["state"] == "genuine", found["why"]
    assert 250 <= found["calls"] <= 300 and found["lost"] == 0 and not found["stopped"]
    assert len(system.shop.received) - before == found["calls"]
    system.control.until(lambda: booked() - already == int(found["cost_pico"]) > 0)
    assert system.call("offer:shop/big").status_code == 200


def test_nothing_that_leaves_us_tells_that_it_is_a_test(system: System) -> None:
    system.shop.ways = Ways()
    before = len(system.shop.received)
    # A test before may have released it a moment ago, which workers hear of a little later.
    system.control.until(lambda: system.call("offer:shop/big").status_code == 200)
    assert len(system.shop.received) == before + 1
    plain, _ = system.shop.received[-1]
    system.test(calls=50)
    names = {frozenset(headers) for headers, _ in system.shop.received[-50:]}
    assert names == {frozenset(plain)}
    told = json.dumps(system.shop.received[-50:]).lower()
    for word in ("weigh", "verify", "probe", "authentic", "genuine"):
        assert word not in told.replace("what weighs", ""), word
    asked = [body["messages"][0]["content"] for _, body in system.shop.received[-50:]]
    assert asked != sorted(asked)


def test_a_swapped_model_is_found_quarantined_told_and_released(system: System) -> None:
    system.shop.ways = Ways(serves={"big": "tiny"})
    found = system.test(calls=FEW)
    assert found["state"] == "not_genuine"
    assert "steady_differ" in system.alarms(found)
    assert found["quarantine"] == found["why"]
    refused = system.control.until(
        lambda: (r := system.call("offer:shop/big")).status_code == 503 and r
    )
    assert refused.json()["error"]["code"] == "offer_quarantined"
    # Whoever names the model is served by the other offer.
    answered = system.call("big")
    assert (answered.status_code, answered.headers["x-steelyard-offer"]) == (200, "maker/big")
    (row,) = [r for r in system.ask("GET", "/api/offers").json()["data"] if r["name"] == "shop/big"]
    assert row["quarantine"] == found["why"]
    (event,) = system.control.until(
        lambda: [e for e in system.hook.events if e["number"] == f"authenticity-{found['number']}"]
    )
    assert (event["event"], event["offer"], event["state"]) == (
        "authenticity",
        "shop/big",
        "not_genuine",
    )

    wrong = system.ask("POST", f"{PATH}/release", json={"offer": "shop/big", "reason": ""})
    assert wrong.status_code == 400
    body = {"offer": "shop/big", "reason": "they showed us another bill"}
    assert system.ask("POST", f"{PATH}/release", json=body).json()["released"]
    system.control.until(lambda: system.call("offer:shop/big").status_code == 200)
    again = system.ask("POST", f"{PATH}/release", json=body)
    assert again.json()["error"]["code"] == "not_quarantined"


def test_who_becomes_honest_is_tested_in_quarantine_and_let_out(system: System) -> None:
    system.shop.ways = Ways(serves={"big": "tiny"})
    assert system.test(calls=FEW)["quarantine"]
    system.control.until(lambda: system.call("offer:shop/big").status_code == 503)
    system.shop.ways = Ways()
    found = system.test()
    assert (found["state"], found["quarantine"]) == ("genuine", "")
    system.control.until(lambda: system.call("offer:shop/big").status_code == 200)


def test_inflated_tokens_and_cut_contexts_are_found(system: System) -> None:
    system.shop.ways = Ways(inflation=1.15)
    found = system.test(calls=FEW)
    assert found["state"] == "not_genuine"
    assert {"prompt_count", "completion_count"} & system.alarms(found)
    system.shop.ways = Ways(context_chars=300)
    assert "context_cut" in system.alarms(system.test(calls=FEW))
    system.ask("POST", f"{PATH}/release", json={"offer": "shop/big", "reason": "over"})


def test_evidence_is_checked_by_anybody_and_holds_no_secret(system: System) -> None:
    system.shop.ways = Ways(serves={"big": "tiny"})
    found = system.test(calls=FEW)
    system.control.until(
        lambda: len(_evidence(system, found["number"])["ledger"]) == found["calls"]
    )
    document = _evidence(system, found["number"])
    system.ask("POST", f"{PATH}/release", json={"offer": "shop/big", "reason": "over"})
    assert differences(document) == []
    assert {price["item"] for price in document["bought"]["prices"]} == {"input", "output"}
    text = json.dumps(document)
    for secret in (KEY, "sk-user", "a-secret-of-16-bytes"):
        assert secret not in text
    costs = sum(int(line["cost_pico"]) for line in document["ledger"])
    assert 0 < costs < int(found["cost_pico"])  # the maker's answers cost, too

    packed = parcel.pack(document)
    assert parcel.unpack(packed).document == document
    forged = json.loads(text)
    forged["answers"]["suspect"] = forged["answers"]["reference"]
    assert differences(forged)
    with pytest.raises(ConfigError, match="no evidence"):
        parcel.unpack(packed[:-40])


def test_one_model_under_two_names_is_said(system: System) -> None:
    system.shop.ways = Ways(serves={"small": "big"})
    system.test("shop/big")
    found = system.test("shop/small", "maker/big", same_model=True)
    assert [twin["offer"] for twin in found["alike"]] == ["shop/big"]
    system.shop.ways = Ways()
    found = system.test("shop/small", "maker/big", calls=FEW, same_model=True)
    assert (found["alike"], found["state"]) == ([], "not_genuine")
    system.ask("POST", f"{PATH}/release", json={"offer": "shop/small", "reason": "another model"})


def test_a_vendor_that_refuses_logprobs_is_asked_without(system: System) -> None:
    system.shop.ways = Ways(refuses_logprobs=True)
    before = len(system.shop.received)
    found = system.test(calls=50)
    assert found["lost"] == 0
    refused = [b for _, b in system.shop.received[before:] if "logprobs" in b]
    assert 1 <= len(refused) <= 3
    system.shop.ways = Ways()


def test_what_was_answered_is_not_paid_twice(system: System) -> None:
    system.shop.ways = Ways()
    before = len(system.shop.received)
    stopped = system.test(money="0.02 CNY")
    assert stopped["stopped"] and stopped["state"] == "unsure"
    assert int(stopped["cost_pico"]) <= 2 * 10**10
    began = len(system.shop.received) - before
    assert 0 < began == stopped["calls"] < 250
    # One that broke off goes on: the vendor fails for a while, what it answered is kept.
    system.shop.ways = Ways(is_down=True)
    body = {"offer": "shop/big", "against": "maker/big", "pause_s": 0, "calls": 60}
    answer = system.ask("POST", f"{PATH}/test", json=body)
    assert answer.status_code == 503 and "does not answer" in answer.json()["error"]["message"]
    system.shop.ways = Ways()
    asked = len(system.maker.received)
    found = system.test(calls=60)
    assert found["calls"] == 60 and found["lost"] >= 12
    assert len(system.maker.received) - asked < 60


def test_recorded_answers_are_a_reference(system: System, tmp_path: Path) -> None:
    body = {"offer": "maker/big", "pause_s": 0, "calls": 400}
    recorded = system.ask("POST", f"{PATH}/record", json=body).json()
    assert 300 < len(recorded["answers"]) <= 400
    answers = tuple(answer_of(row) for row in recorded["answers"])
    pool = Pool("big", "", recorded["sampling"], {"genuine": Channel({}, answers)})
    write_pool(tmp_path / "big.json.gz", pool)
    system.shop.ways = Ways()
    found = system.test(against=str(tmp_path / "big.json.gz"))
    assert (found["state"], found["reference"]["pool"]) == ("genuine", "big")
    (tmp_path / "big.json.gz").unlink()
    document = _evidence(system, found["number"])
    assert differences(document) == []
    missing = {"offer": "shop/big", "against": "/no/such/file"}
    assert system.ask("POST", f"{PATH}/test", json=missing).status_code == 400


def test_tests_are_listed_and_progress_is_told(system: System) -> None:
    system.shop.ways = Ways()
    accept = {"accept": "application/x-ndjson"}
    body = {"offer": "shop/big", "against": "maker/big", "pause_s": 0, "calls": 50}
    answer = system.ask("POST", f"{PATH}/test", json=body, headers=accept)
    lines = [json.loads(line) for line in answer.text.splitlines() if line != "{}"]
    assert lines[0]["test"]["done"] == 0 and lines[-2]["test"] == {"state": "judging"}
    number = lines[-1]["result"]["number"]
    rows = system.ask("GET", PATH).json()["data"]
    assert number in {row["number"] for row in rows}
    rows = system.ask("GET", PATH, params={"offer": "shop/big"}).json()["data"]
    assert rows[0]["number"] == number
    assert system.ask("GET", f"{PATH}/999999/evidence").status_code == 404


def _evidence(system: System, number: int) -> dict[str, Any]:
    answer = system.ask("GET", f"{PATH}/{number}/evidence")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document
