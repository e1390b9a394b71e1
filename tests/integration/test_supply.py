"""A hidden limit for real: control, a worker, and a vendor that says nowhere what it allows."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_rig import ControlProcess

CONFIG = """
weigh_when_idle: false
channels:
  tight: {{base_url: "{tight}"}}
offers:
  - {{model: chat, channel: tight, context: 8192, output_max: 512,
     rates: {{input: 1 CNY/mtok, output: 2 CNY/mtok}}}}
  - {{model: dear, channel: tight, upstream_model: chat, context: 8192, output_max: 512,
     rates: {{input: 100000 CNY/mtok, output: 200000 CNY/mtok}}}}
  - {{model: timed, channel: tight, upstream_model: chat, context: 8192, output_max: 512,
     rates: {{input: 1 CNY/mtok, output: 2 CNY/mtok}}}}
  - {{model: ended, channel: tight, upstream_model: chat, context: 8192, output_max: 512,
     rates: {{input: 1 CNY/mtok, output: 2 CNY/mtok}}}}
accounts: {{acme: }}
"""


class System:
    """A control, one worker and a vendor with a bucket of 600 calls a minute."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        command = [sys.executable, "-m", "steelyard.testing.limited_vendor", "--shape", "bucket"]
        vendor = subprocess.Popen(
            [*command, "--limit", "600", "--service", "0.05"], stdout=subprocess.PIPE
        )
        stack.callback(_end, vendor)
        assert vendor.stdout is not None
        url = json.loads(vendor.stdout.readline())["base_url"]
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        self.control = ControlProcess(folder, CONFIG.format(tight=url), port)
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

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        with self.control.client() as api:
            return api.request(method, path, timeout=60, **more)

    def measure(self, **body: Any) -> list[dict[str, Any]]:
        """Lines of a measurement that is watched to its end."""
        headers = {"accept": "application/x-ndjson"}
        answer = self.ask("POST", "/api/supply/measure", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with ExitStack() as stack:
        yield System(tmp_path_factory.mktemp("supply"), stack)


def test_a_limit_shows_and_rests_nobody(system: System) -> None:
    made = system.ask("POST", "/api/keys", json={"account": "acme", "name": "k"})
    key = made.json()["secret"]
    others: list[tuple[int, str]] = []
    is_over = threading.Event()

    def call_now_and_then() -> None:
        url = f"http://127.0.0.1:{system.control.port}/v1/chat/completions"
        body = {"model": "chat", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
        headers = {"authorization": f"Bearer {key}"}
        while not is_over.wait(0.5):
            answer = httpx.post(url, json=body, headers=headers, trust_env=False)
            others.append((answer.status_code, answer.text))

    thread = threading.Thread(target=call_now_and_then)
    thread.start()
    try:
        lines = system.measure(offer="tight/chat", requests_max=1800, minutes=0.75)
    finally:
        is_over.set()
        thread.join()
    found = lines[-1]["result"]
    assert found["state"] == "limited", found
    assert found["refused"] >= 1
    # So short a look settles no limit of seconds. What others leave of it lies in the bounds.
    assert 60 <= found["requests_lower"] <= 600 - 120 <= (found["requests_upper"] or 1200)
    assert found["tokens_per_s"] > 0 and found["first_token_s"] > 0
    assert any(line.get("progress", {}).get("calls") for line in lines)
    # The vendor refuses whoever comes then, and rests for those whom it refused; what it refuses of
    # the measurement rests it for nobody.
    has_refused = False
    for status, text in others:
        assert has_refused or "rests" not in text, others
        has_refused = status != 200
    assert sum(status == 200 for status, _ in others) > len(others) / 2


def test_it_is_booked_to_an_account_of_its_own_and_kept(system: System) -> None:
    found = system.measure(offer="tight/timed", requests_max=60, minutes=0.05)[-1]["result"]
    assert found["state"] == "unknown" and found["detail"] == "the time is up"
    rows = system.ask("GET", "/api/supply", params={"offer": "tight/timed"}).json()["data"]
    assert rows[0]["calls"] == found["calls"]

    def booked() -> bool:
        rows = system.ask("GET", "/api/ledger", params={"by": "account_own,why"}).json()["data"]
        return any((r["account_name"], r["why"]) == ("supplying", "supply") for r in rows)

    system.control.until(booked)


def test_money_bounds_it(system: System) -> None:
    body = {"offer": "tight/dear", "money": "0.0001 CNY", "minutes": 1.0}
    found = system.measure(**body)[-1]["result"]
    assert found["detail"] == "the money is used up" and found["calls"] == 0
    assert found["cost_pico"] == "0"


def test_it_can_be_stopped_and_only_one_runs(system: System) -> None:
    body = {"offer": "tight/ended", "requests_max": 60, "minutes": 5.0}
    assert system.ask("POST", "/api/supply/measure", json=body).status_code == 202
    assert system.ask("POST", "/api/supply/measure", json=body).status_code == 503
    system.control.until(lambda: _running(system).get("calls"))
    assert system.ask("POST", "/api/supply/stop").json() == {"stopped": True}
    began_s = time.monotonic()
    system.control.until(lambda: not _running(system))
    assert time.monotonic() - began_s < 5
    rows = system.ask("GET", "/api/supply", params={"offer": "tight/ended"}).json()["data"]
    assert rows[0]["detail"] == "stopped by hand"


def test_an_unknown_offer_is_said_to_be(system: System) -> None:
    answer = system.ask("POST", "/api/supply/measure", json={"offer": "nobody"})
    assert answer.status_code >= 400 and "nobody" in answer.json()["error"]["message"]


def _running(system: System) -> dict[str, Any]:
    found: dict[str, Any] = system.ask("GET", "/api/supply/running").json()["running"] or {}
    return found
