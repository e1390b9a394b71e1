"""Control, two workers and a vendor: what people are promised, held against the real processes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_rig import ControlProcess

CONFIG = """
weigh_when_idle: false
channels: {shop: {base_url: "%s", credential: "${SHOP_KEY}"}}
offers:
  - {model: m, channel: shop, upstream_model: scripted-small, context: 4096, output_max: 8,
     rates: {request: 1 CNY/request, input: 0 CNY/mtok, output: 0 CNY/mtok}}
policies: {open: {captures: 1}}
accounts:
  talks: {policy: open}
  acme:
  lean: {limits: [{money: 10 CNY, period: day}]}
  slow: {limits: [{requests: 7}]}
"""
BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


class System:
    """Everything together."""

    def __init__(self, folder: Path) -> None:
        self.vendor = subprocess.Popen(
            [sys.executable, "-m", "steelyard.testing.upstream", "--port", "0"],
            stdout=subprocess.PIPE,
        )
        assert self.vendor.stdout is not None
        upstream = json.loads(self.vendor.stdout.readline())["base_url"]
        self.control = ControlProcess(folder, CONFIG % upstream)
        self.control.start()
        self.workers: list[subprocess.Popen[bytes]] = []
        self.urls: list[str] = []
        self._sockets: list[socket.socket] = []
        self.incarnation = 0
        for number in range(2):
            listener = socket.create_server(("127.0.0.1", 0))
            self._sockets.append(listener)
            self.urls.append(f"http://127.0.0.1:{listener.getsockname()[1]}")
            self.workers.append(self.launch(number))
        with self.control.client() as api:
            self.control.until(lambda: len(api.get("/api/status").json()["workers"]) == 2)

    def launch(self, number: int) -> subprocess.Popen[bytes]:
        self.incarnation += 1
        fd = self._sockets[number].fileno()
        where = ["--home", str(self.control.home), "--runtime", str(self.control.runtime)]
        more = ["--incarnation", str(self.incarnation), "--worker", str(number), "--workers", "2"]
        command = [sys.executable, "-m", "steelyard.gateway.worker", *where, *more, "--fd", str(fd)]
        with self.control.log.open("ab") as log:
            return subprocess.Popen(command, pass_fds=[fd], stdout=log, stderr=log)

    def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait(20)
        assert self.control.stop() == 0
        self.vendor.terminate()
        self.vendor.wait(10)
        assert self.vendor.stdout is not None
        self.vendor.stdout.close()
        for listener in self._sockets:
            listener.close()

    def key(self, account: str, name: str) -> str:
        with self.control.client() as api:
            made = api.post("/api/keys", json={"account": account, "name": name})
            assert made.status_code == 201, made.text
            secret = str(made.json()["secret"])
        for url in self.urls:
            self.control.until(lambda url=url: _knows(url, secret))
        return secret

    def post(self, secret: str, worker: int = 0, **more: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {secret}", **more}
        url = self.urls[worker] + "/v1/chat/completions"
        return httpx.post(url, json=BODY, headers=headers, timeout=20, trust_env=False)

    def post_patiently(self, secret: str, worker: int) -> int:
        """The status; 503 says that a lease did not come within a second, and to come again."""
        status: int = self.control.until(
            lambda: (code := self.post(secret, worker).status_code) != 503 and code
        )
        return status

    def ledger(self, **query: str) -> list[dict[str, Any]]:
        with self.control.client() as api:
            answer = api.get("/api/ledger", params=query)
            assert answer.status_code == 200, answer.text
            return list(answer.json()["data"])


def _knows(url: str, secret: str) -> bool:
    """Whether a worker has heard of a key, which on a busy machine takes its time."""
    headers = {"authorization": f"Bearer {secret}"}
    answer = httpx.get(f"{url}/v1/models", headers=headers, timeout=20, trust_env=False)
    return answer.status_code == 200


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    started = System(tmp_path_factory.mktemp("sys"))
    yield started
    started.stop()


def test_a_new_key_works_at_every_worker_and_a_revoked_one_nowhere(system: System) -> None:
    secret = system.key("acme", "short-lived")
    assert [system.post(secret, worker).status_code for worker in (0, 1)] == [200, 200]
    with system.control.client() as api:
        api.delete("/api/keys/short-lived")
    deadline = time.monotonic() + 1.0
    while [system.post(secret, worker).status_code for worker in (0, 1)] != [401, 401]:
        assert time.monotonic() < deadline


def test_a_call_is_in_the_ledger_and_its_owner_may_see_it(system: System) -> None:
    secret, other = system.key("acme", "owner"), system.key("acme", "other")
    answer = system.post(secret)
    call = answer.headers["x-steelyard-call"]
    with system.control.client(secret) as api:
        found = system.control.until(
            lambda: (r := api.get(f"/api/calls/{call}")).status_code == 200 and r.json()
        )
        assert found["cost"] == {"CNY": "1.00"}
        assert found["attempts"][0]["offer"] == "shop/m"
        assert api.get("/api/ledger").status_code == 401
    with system.control.client(other) as api:
        assert api.get(f"/api/calls/{call}").json()["error"]["code"] == "call_not_found"
    with system.control.client("sk-nobody") as api:
        assert api.get(f"/api/calls/{call}").status_code == 401
    assert system.ledger(by="model", account="acme", key="key_999") == []
    rows = system.ledger(by="account_own,day", account="acme")
    assert rows[0]["account_name"] == "acme"
    assert rows[0]["calls"] >= 1


def test_a_hard_budget_admits_exactly_what_it_holds_over_all_workers(system: System) -> None:
    secret = system.key("lean", "crowd")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: system.post(secret, n % 2), range(40)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) <= {200, 402, 503}
    # What a crowd leaves over because two workers hold it in slices, single calls get.
    for number in range(60):
        answers.append(system.post(secret, number % 2))
        codes.append(answers[-1].status_code)
        if codes.count(200) == 10 and codes[-1] == 402:
            break
        time.sleep(0.05)
    assert codes.count(200) == 10
    refused = next(answer for answer in answers if answer.status_code == 402)
    assert refused.json()["error"]["code"] == "insufficient_quota"
    assert "Account lean has no room" in refused.json()["error"]["message"]


def test_a_rate_limit_holds_over_all_workers(system: System) -> None:
    secret = system.key("slow", "hasty")
    if time.time() % 60 > 50:
        time.sleep(61 - time.time() % 60)  # the minute must not turn during the test
    answers = [system.post(secret, number % 2) for number in range(12)]
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) == 7
    assert codes.count(429) == 5
    refused = answers[-1]
    assert 0 < float(refused.headers["retry-after"]) <= 61


def test_pages_and_admin_calls_go_through_a_worker(system: System) -> None:
    token = (system.control.home / "admin.token").read_text().strip()
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.get(system.urls[0] + "/api/status", headers=headers, trust_env=False)
    assert answer.status_code == 200
    assert len(answer.json()["workers"]) == 2
    evil = httpx.get(
        system.urls[0] + "/api/status", headers={**headers, "host": "evil.example"}, trust_env=False
    )
    assert evil.status_code == 403


def test_the_counters_of_all_workers_are_summed(system: System) -> None:
    secret = system.key("acme", "counted")

    def calls() -> int:
        with system.control.client() as api:
            lines = api.get("/metrics").text.splitlines()
        assert "steelyard_workers_answering 2.0" in lines
        name = 'steelyard_calls_total{door="openai_chat"} '
        return int(next(line for line in lines if line.startswith(name)).removeprefix(name))

    before = calls()
    for worker in (0, 1, 1):
        system.post(secret, worker)
    assert calls() == before + 3


def test_a_killed_worker_loses_no_booking_and_its_leases_close_with_its_journal(
    system: System,
) -> None:
    with system.control.client() as api:
        acme = api.post("/api/accounts", json={"name": "phoenix"}).json()["id"]
        limit = {"money": "6 CNY", "period": "day"}
        api.put(f"/api/accounts/{acme}/limits", json={"limits": [limit]})
        secret = system.key("phoenix", "p")
        assert [system.post_patiently(secret, 1) for _ in range(3)] == [200] * 3
        system.workers[1].send_signal(signal.SIGKILL)
        system.workers[1].wait(10)
        system.workers[1] = system.launch(1)
        system.control.until(lambda: len(api.get("/api/status").json()["workers"]) == 2)

        def used() -> tuple[str, str]:
            accounts = api.get("/api/accounts").json()["data"]
            row = next(a for a in accounts if a["id"] == acme)["limits"][0]
            return row["used"], row["reserved"]

        system.control.until(lambda: used() == ("3.00", "0.00"))
        assert [system.post_patiently(secret, 0) for _ in range(4)] == [200, 200, 200, 402]
    # The last three were just called: the ledger follows within a second or two.
    system.control.until(
        lambda: [row["attempts"] for row in system.ledger(by="outcome", account="phoenix")] == [6]
    )


def test_calls_go_on_without_control_and_it_comes_back(system: System) -> None:
    secret = system.key("acme", "steady")
    assert system.control.stop(signal.SIGKILL) == -signal.SIGKILL
    try:
        assert system.post(secret, 0).status_code == 200
        assert system.post(secret, 1).status_code == 200
    finally:
        system.control.start()
    with system.control.client() as api:
        system.control.until(lambda: len(api.get("/api/status").json()["workers"]) == 2)
    assert system.post(secret, 0).status_code == 200


def test_requests_are_kept_of_those_who_consent_and_without_what_names_a_person(
    system: System,
) -> None:
    talks, silent = system.key("talks", "talks"), system.key("acme", "silent")
    assert system.post(silent).status_code == 200
    assert system.post(talks, **{"x-steelyard-capture": "no"}).status_code == 200
    assert system.post(talks, 1).status_code == 200
    with system.control.client() as api:
        kept = system.control.until(lambda: api.get("/api/captures").json()["data"])
        assert [(each["account"], each["requests"]) for each in kept] == [("talks", 1)]
        drawn = api.post("/api/captures/draw", json={"account": "talks"}).json()
        assert [item["messages"] for item in drawn["data"]] == [BODY["messages"]]
        for door, body in (
            ("messages", {**BODY, "max_tokens": 8, "system": "Ask Mr. Brown."}),
            ("responses", {"model": "m", "input": "my name is Anna Berg", "instructions": "Sum."}),
        ):
            bearer = {"authorization": f"Bearer {talks}"}
            url = f"{system.urls[0]}/v1/{door}"
            answer = httpx.post(url, json=body, headers=bearer, timeout=20, trust_env=False)
            assert answer.status_code == 200, answer.text
        system.control.until(lambda: api.get("/api/captures").json()["data"][0]["requests"] == 3)
        drawn = api.post("/api/captures/draw", json={"account": "talks"}).json()
        assert {tuple(m["content"] for m in item["messages"]) for item in drawn["data"]} == {
            ("hello",),
            ("Ask Mr. [NAME_1].", "hello"),
            ("Sum.", "my name is [NAME_1]"),
        }
        api.post("/api/captures/delete", json={"account": "talks"})
        assert api.get("/api/captures").json()["data"] == []
