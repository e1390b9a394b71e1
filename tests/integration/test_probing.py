"""Probes for real: control, a worker, and vendors that can and cannot do each thing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_rig import ControlProcess
from probed_vendor import KEY, ProbedVendor, Skills

from steelyard.control.snapshot import compile as compile_module
from steelyard.domain.calls import Why

ALL = "[stream, tools, json_schema, json_mode, images]"
CONFIG = """
weigh_when_idle: false
vendors: {{maker: {{base_url: "http://127.0.0.1:9/v1", features: {all}}}}}
channels:
  able: {{base_url: "{able}", credential: "{key}"}}
  poor: {{vendor: maker, base_url: "{poor}", credential: "{key}"}}
  dead: {{base_url: "{dead}", credential: "{key}"}}
offers:
  - {{model: chat, channel: able, context: 8192, output_max: 512, features: {all},
     rates: {{input: 1 CNY/mtok, output: 2 CNY/mtok}}}}
  - {{model: dear, channel: able, upstream_model: chat, context: 8192, output_max: 512,
     features: {all}, rates: {{input: 100 CNY/mtok, output: 200 CNY/mtok}}}}
  - {{model: bare, channel: able, upstream_model: chat, context: 8192, output_max: 512,
     rates: {{input: 2 CNY/mtok, output: 3 CNY/mtok}}}}
  - {{model: chat, channel: poor, context: 8192, output_max: 512,
     rates: {{input: 1 CNY/mtok, output: 2 CNY/mtok}}}}
  - {{model: chat, channel: dead, context: 8192, output_max: 512,
     rates: {{input: 1 CNY/mtok, output: 2 CNY/mtok}}}}
accounts: {{acme: }}
"""
POOR = Skills(
    model="tiny",
    tools=False,
    schema=False,
    json_mode=False,
    thinks="",
    caches=False,
    counts_in_streams=False,
    obeys_stop=False,
    obeys_cap=False,
    refuses=frozenset({"tools", "response_format"}),
    takes_any_model=True,
    sees=False,
)


class System:
    """A control, one worker and three vendors."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        limits = {"x-ratelimit-remaining-requests": "9", "x-request-id": "1"}
        found = [Skills(headers=limits), POOR, Skills(is_down=True)]
        self.able, self.poor, self.dead = (
            stack.enter_context(ProbedVendor(skills).serving()) for skills in found
        )
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        vendors = {"able": self.able, "poor": self.poor, "dead": self.dead}
        urls = {name: vendor.base_url for name, vendor in vendors.items()}
        config = CONFIG.format(key=KEY, all=ALL, **urls)
        self.control = ControlProcess(folder, config, listener.getsockname()[1])
        self.control.start()
        where = ["--home", str(self.control.home), "--runtime", str(self.control.runtime)]
        more = ["--incarnation", "1", "--worker", "0", "--workers", "1"]
        fd = listener.fileno()
        command = [sys.executable, "-m", "steelyard.gateway.worker", *where, *more, "--fd", str(fd)]
        with self.control.log.open("ab") as log:
            worker = subprocess.Popen(command, pass_fds=[fd], stdout=log, stderr=log)
        stack.callback(self._stop, worker)
        self.control.until(lambda: self.ask("GET", "/api/status").json()["workers"])

    def _stop(self, worker: subprocess.Popen[bytes]) -> None:
        worker.terminate()
        worker.wait(20)
        assert self.control.stop() == 0

    def ask(self, method: str, path: str, **more: Any) -> Any:
        with self.control.client() as api:
            return api.request(method, path, timeout=120, **more)

    def probe(self, channel: str, **more: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/api/vendors/probe", json={"channel": channel, **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        found["state"] = {row["name"]: row["state"] for row in found["checks"]}
        found["reason"] = {row["name"]: row["reason"] for row in found["checks"]}
        return found

    def call_with_tools(self, offer: str) -> str:
        key = (self.control.home / "probe.key").read_text().strip()
        tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
        body = {"model": f"offer:{offer}", "messages": [{"role": "user", "content": "hi"}]}
        url = f"http://127.0.0.1:{self.control.port}/v1/chat/completions"
        headers = {"authorization": f"Bearer {key}"}
        answer = httpx.post(url, json={**body, "tools": [tool]}, headers=headers, trust_env=False)
        return answer.text

    def offer(self, name: str) -> dict[str, Any]:
        rows = self.ask("GET", "/api/offers").json()["data"]
        found: dict[str, Any] = next(row for row in rows if row["name"] == name)
        return found


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with ExitStack() as stack:
        yield System(tmp_path_factory.mktemp("probe"), stack)


def test_a_vendor_that_can_do_everything(system: System) -> None:
    found = system.probe("able")
    assert found["offer"] == "able/chat"  # the cheapest of the channel
    wrong = {n: r for n, r in found["reason"].items() if found["state"][n] != "ok"}
    assert not wrong
    assert found["has"] == [
        *("images", "json_mode", "json_schema", "stream", "thinking:enable", "tools"),
    ]
    assert found["added"] == ["thinking:enable"] and found["removed"] == []
    assert found["reason"]["limit_headers"] == "x-ratelimit-remaining-requests"
    assert found["reason"]["model"] == "chat-2026-08-06"
    assert "not_found" in found["reason"]["errors"] or "HTTP 404" in found["reason"]["errors"]
    assert found["reason"]["cache"].endswith("came from its cache")


def test_what_it_costs_is_booked_to_an_account_of_its_own(system: System) -> None:
    def booked() -> int:
        rows = system.ask("GET", "/api/ledger", params={"by": "account_own,offer"}).json()["data"]
        mine = [r for r in rows if (r["account_name"], r["offer"]) == ("probing", "able/chat")]
        return sum(int(row["cost_pico"]) for row in mine)

    before = booked()
    found = system.probe("able", checks=["stream", "tools", "parameter"])
    assert [row["name"] for row in found["checks"]] == ["plain", "stream", "parameter", "tools"]
    cost = int(found["cost_pico"])
    assert 0 < cost < 72 * 10**9  # a cent, in CNY
    system.control.until(lambda: booked() - before == cost)


def test_a_vendor_that_can_do_little(system: System) -> None:
    found = system.probe("poor")
    state, reason = found["state"], found["reason"]
    assert state["plain"] == state["stream"] == "ok"
    for name in ("usage", "model", "max_tokens", "stop", "errors", "tools", "json_schema"):
        assert state[name] == "not", (name, reason[name])
    assert state["thinking"] == "not"
    assert state["image"] == state["cache"] == state["limit_headers"] == "unknown"
    assert reason["model"] == "chat was asked, tiny answered"
    assert found["removed"] == ["json_mode", "json_schema", "tools"]


def test_a_vendor_that_does_not_answer_is_asked_once(system: System) -> None:
    before = len(system.dead.received)
    found = system.probe("dead")
    assert not found["answers"] and found["cost_pico"] == "0"
    assert set(found["state"].values()) == {"unknown"}
    asked = system.dead.received[before:]
    assert len({json.dumps(body) for body in asked}) == 1


def test_what_would_cost_too_much_is_left_out_and_said(system: System) -> None:
    found = system.probe("able", offer="dear", budget="0.07 CNY")
    assert found["state"]["plain"] == "ok"
    assert found["reason"]["cache"].startswith("not sent: may cost ")
    assert "costs more than is left" in found["reason"]["long_input"]
    assert int(found["cost_pico"]) <= 7 * 10**10
    broke = system.probe("able", offer="dear", budget="0.000001 CNY")
    assert broke["cost_pico"] == "0" and not broke["answers"]


def test_what_answered_shows_in_the_offers_and_changes_are_flagged(system: System) -> None:
    system.probe("poor", checks=["plain"])
    system.control.until(lambda: "swapped" in system.offer("poor/chat")["flags"])
    assert system.offer("poor/chat")["answered"][0]["name"] == "tiny"
    system.probe("able", checks=["plain"])
    system.control.until(lambda: system.offer("able/chat")["answered"])
    before = system.able.skills.model
    system.able.skills.model = "chat-2026-09-01"
    try:
        system.probe("able", checks=["plain"])
    finally:
        system.able.skills.model = before

    def flags() -> list[dict[str, Any]]:
        rows = system.ask("GET", "/api/answers").json()["data"]
        return [row for row in rows if row["offer"] == "able/chat"]

    (flag,) = system.control.until(flags)
    assert (flag["kind"], flag["answered_before"]) == ("alias_moved", before)
    assert system.ask("POST", f"/api/answers/{flag['number']}/seen").status_code == 200
    assert system.offer("able/chat")["flags"] == []


def test_progress_is_told_in_lines(system: System) -> None:
    body = {"channel": "able", "checks": ["stop"]}
    accept = {"accept": "application/x-ndjson"}
    answer = system.ask("POST", "/api/vendors/probe", json=body, headers=accept)
    lines = [json.loads(line) for line in answer.text.splitlines() if line != "{}"]
    assert [line["check"]["name"] for line in lines[:-1]] == ["plain", "stop"]
    assert lines[-1]["result"]["channel"] == "able"
    wrong = system.ask("POST", "/api/vendors/probe", json={"channel": "no"}, headers=accept)
    assert json.loads(wrong.text)["error"]["code"] == "config_error"


def test_what_was_measured_is_applied_and_forgotten(system: System) -> None:
    number = system.probe("poor", checks=["tools"])["number"]
    done = system.ask("POST", f"/api/vendors/probes/{number}/apply").json()
    assert "tools" not in done["features"] and "json_mode" in done["features"]
    assert system.probe("poor", checks=["tools"])["removed"] == []
    forgotten = system.ask("POST", "/api/vendors/forget", json={"offer": "poor/chat"}).json()
    assert forgotten["forgotten"]
    assert system.ask("POST", "/api/vendors/probes/999/apply").status_code == 404


@pytest.mark.skipif(not hasattr(compile_module, "measured"), reason="snapshots go by presets")
def test_calls_go_by_what_was_measured(system: System) -> None:
    number = system.probe("poor", checks=["tools"])["number"]
    assert "cannot do tools" not in system.call_with_tools("poor/chat")
    system.ask("POST", f"/api/vendors/probes/{number}/apply")
    try:
        assert "tools" not in system.offer("poor/chat")["features"]
        system.control.until(lambda: "cannot do tools" in system.call_with_tools("poor/chat"))
    finally:
        system.ask("POST", "/api/vendors/forget", json={"offer": "poor/chat"})


@pytest.mark.skipif("PROBE" not in Why.__members__, reason="workers hold probes to what is claimed")
def test_what_an_offer_does_not_claim_is_found(system: System) -> None:
    found = system.probe("able", offer="bare")
    assert {"tools", "images", "json_schema"} <= set(found["added"]), found["reason"]
