"""Weighing for real: control, a worker and two vendors, one of which is always wrong."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_rig import ControlProcess

from steelyard.testing.replies import Answer, Fault
from steelyard.testing.upstream import ScriptedVendor, Settings

LOCAL = "smollm2-135m-instruct"
CONFIG = """
weigh_when_idle: {idle}
channels:
  right: {{base_url: "{right}"}}
  wrong: {{base_url: "{wrong}"}}
offers:
  - {{model: m, channel: right, context: 4096, output_max: 8,
     rates: {{input: 3 CNY/mtok, output: 3 CNY/mtok}}}}
  - {{model: dear, channel: right, context: 4096, output_max: 8,
     rates: {{input: 9 CNY/mtok, output: 9 CNY/mtok}}}}
  - {{model: m, channel: wrong, context: 4096, output_max: 8,
     rates: {{input: 1 CNY/mtok, output: 1 CNY/mtok}}}}
local: {{models: {{{local}: {{rates: {{input: 5 CNY/mtok, output: 5 CNY/mtok}}}}}}}}
accounts: {{acme: }}
tasks:
  mood: {{set: mood.jsonl, grader: label, floor: 0.6, form: {{id: plain, output_tokens_max: 4}}}}
  quiet/mood: {{set: mood.jsonl, grader: label, floor: 0.6, is_weighed_when_idle: true,
     form: {{id: other, system: Be quiet., output_tokens_max: 4}}}}
  shop/review-sentiment: {{is_weighed_when_idle: false}}
  shop/booking-slots: {{is_weighed_when_idle: false}}
"""
REVIEW = {"messages": [{"role": "user", "content": "Is it good? yes or no"}]}


class System:
    """A control, one worker and two vendors."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.right, self.wrong, self.local = (
            ScriptedVendor(Settings(answer=Answer(parts=(word,)))) for word in ("yes", "no", "yes")
        )
        for vendor in self.vendors:
            self._run(vendor.start())
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.control = ControlProcess(folder, self._config("false"), port)
        _write_set(self.control.home / "mood.jsonl")
        self._worker: subprocess.Popen[bytes] | None = None

    @property
    def vendors(self) -> tuple[ScriptedVendor, ...]:
        return self.right, self.wrong, self.local

    def start(self) -> None:
        self.control.start()
        state = {LOCAL: {"state": "up", "port": self.local.port}}
        (self.control.runtime / "engines.state.json").write_text(json.dumps(state))
        where = ["--home", str(self.control.home), "--runtime", str(self.control.runtime)]
        more = ["--incarnation", "1", "--worker", "0", "--workers", "1"]
        fd = self._listener.fileno()
        command = [sys.executable, "-m", "steelyard.gateway.worker", *where, *more, "--fd", str(fd)]
        with self.control.log.open("ab") as log:
            self._worker = subprocess.Popen(command, pass_fds=[fd], stdout=log, stderr=log)
        self.control.until(lambda: self.ask("GET", "/api/status")["workers"])

    def stop(self) -> None:
        if self._worker is not None:
            self._worker.terminate()
            self._worker.wait(20)
        code = self.control.stop()
        for vendor in self.vendors:
            self._run(vendor.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._listener.close()
        assert code == 0

    def weigh_when_idle(self) -> None:
        self.control.config.write_text(self._config("true"))

    def script(self, vendor: ScriptedVendor, *answers: Answer | Fault) -> None:
        async def work() -> None:
            vendor.script(answers)

        self._run(work())

    def ask(self, method: str, path: str, **more: Any) -> Any:
        with self.control.client() as api:
            answer = api.request(method, path, **more)
            assert answer.status_code < 300, answer.text
            return answer.json()

    def weigh(self, task: str, **more: object) -> list[dict[str, Any]]:
        """The rows of a weighing on demand, ended."""
        body = {"task": task, **more}
        begun = set(self.ask("POST", "/api/weighings", json=body)["weighings"])

        def ended() -> list[dict[str, Any]]:
            rows = self.ask("GET", "/api/weighings")["data"]
            mine = [row for row in rows if row["weighing_number"] in begun]
            return mine if all(row["ended_at"] for row in mine) else []

        found: list[dict[str, Any]] = self.control.until(ended)
        return found

    def verdicts(self, task: str) -> dict[str, dict[str, Any]]:
        rows = self.ask("GET", "/api/verdicts")["data"]
        return {row["offer"]: row for row in rows if row["task"] == task}

    def post(self, secret: str, model: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {secret}"}
        url = self.url + "/v1/chat/completions"
        body = {**REVIEW, "model": model}
        return httpx.post(url, json=body, headers=headers, timeout=20, trust_env=False)

    def lines(self, **where: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.ask("GET", "/api/ledger/lines", params=where)["data"]
        return rows

    def _config(self, idle: str) -> str:
        urls = {"right": self.right.base_url, "wrong": self.wrong.base_url}
        return CONFIG.format(idle=idle, local=LOCAL, **urls)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


def _write_set(path: Path) -> None:
    rows = (
        {"id": f"i{n}", "input": f"Item {n}?", "reference": "yes", "labels": ["yes", "no"]}
        for n in range(60)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    made = System(tmp_path_factory.mktemp("weigh"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_what_is_proven_cheapest_gets_the_tasks_calls(system: System) -> None:
    secret = system.ask("POST", "/api/keys", json={"account": "acme", "name": "a"})["secret"]
    if not system.verdicts("mood"):  # tests come in any order, and others weigh this task, too
        refused = system.post(secret, "task:mood")
        assert "nothing was weighed" in refused.json()["error"]["message"]

    rows = system.weigh("mood")
    assert {row["offer"]: row["state"] for row in rows} == {
        **{"right/m": "done", "right/dear": "done", "wrong/m": "done"},
        f"local/{LOCAL}": "done",
    }
    found = system.verdicts("mood")
    assert {offer: row["status"] for offer, row in found.items()} == {
        **{"right/m": "proven", "right/dear": "proven", "wrong/m": "failed"},
        f"local/{LOCAL}": "proven",
    }
    assert float(found["right/m"]["lower"]) >= 0.6 > float(found["wrong/m"]["upper"])

    system.control.until(lambda: system.post(secret, "task:mood").status_code == 200)
    answer = system.post(secret, "task:mood")
    assert answer.headers["x-steelyard-offer"] == "right/m"
    assert answer.json()["choices"][0]["message"]["content"] == "yes"
    weighed = system.ask("GET", "/api/ledger", params={"by": "account_own,task"})["data"]
    assert any(row["account_name"] == "weighing" and row["task"] == "mood" for row in weighed)

    both = system.ask("GET", "/api/comparison/mood", params={"offers": "right/m,wrong/m"})
    (pair,) = both["data"]
    # Tests come in any order, and in another one the vendors answer alike for once.
    assert pair["finding"] == "worse" and pair["wins"] == 0 and pair["losses"] > pair["n"] / 2
    costs = {row["offer"]: row["verdict"]["cost_per_accepted_pico"] for row in both["offers"]}
    assert costs["right/m"] and costs["wrong/m"] is None  # nothing of it was ever accepted


def test_what_was_answered_is_not_asked_again_unless_one_wants_it_so(system: System) -> None:
    # One call at a time: what is asked ahead hangs on who is quick.
    system.weigh("mood", offers=["right/m"], concurrency=1)
    before = len(system.right.received)
    (row,) = system.weigh("mood", offers=["right/m"], concurrency=1)
    assert row["n_stored"] > 0
    assert (row["paid_pico"], len(system.right.received)) == ("0", before)
    (fresh,) = system.weigh("mood", offers=["right/m"], fresh=True)
    assert int(fresh["paid_pico"]) > 0
    assert len(system.right.received) > before
    folder = system.control.home / "weighings" / "answers"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_verdict_knows_what_its_calls_used_retries_included(system: System) -> None:
    """Priced anew at the same price, its tokens cost what was booked, to the last digit."""
    cached = {"prompt_tokens": 90, "completion_tokens": 3, "total_tokens": 93}
    cached |= {"prompt_tokens_details": {"cached_tokens": 64}}
    steps = (Fault("503"), Answer(parts=("yes",), usage=cached), Answer(usage={}))
    system.script(system.right, *steps)
    began = len(system.lines(offer="right/m", task="mood", limit="500"))
    system.weigh("mood", offers=["right/m"], fresh=True, concurrency=1)
    found = system.verdicts("mood")["right/m"]
    used, now = found["used"], found["cost_now"]
    assert used["cache_read_tokens"] == 64
    assert (now["is_exact"], now["currency"]) == (True, "CNY")
    assert now["cost_per_accepted_pico"] == found["cost_per_accepted_pico"]
    assert now["cost_lower_pico"] == found["cost_lower_pico"]
    lines = system.lines(offer="right/m", task="mood", limit="500")
    lines = lines[: len(lines) - began]
    assert {line["usage_source"] for line in lines} == {"none", "reported", "estimated"}
    for name in ("input_tokens", "output_tokens", "cache_read_tokens"):
        assert used[name] == sum(line[name] for line in lines)
    assert int(found["cost_pico"]) == sum(int(line["cost_pico"]) for line in lines)


def test_money_is_held_and_never_passed_and_the_ledger_agrees(system: System) -> None:
    booked_before = _booked_at_rest(system)
    (row,) = system.weigh("mood", offers=["right/dear"], fresh=True, money_max="0.0075 CNY")
    assert row["detail"].startswith("no money left")
    paid = int(row["paid_pico"])
    assert 0 < paid <= 75 * 10**8
    assert (row["money_max_pico"], row["currency"]) == (str(75 * 10**8), "CNY")
    system.control.until(lambda: _booked(system) == booked_before + paid)


def test_an_amount_that_is_none_is_refused(system: System) -> None:
    with system.control.client() as api:
        body = {"task": "mood", "money_max": "much"}
        answer = api.post("/api/weighings", json=body)
    assert answer.status_code >= 400
    assert "write an amount and a currency" in answer.text


def _booked_at_rest(system: System) -> int:
    """The same once two looks agree: calls of tests before may still be on their way there."""
    before = _booked(system)
    while True:
        time.sleep(1.5)  # the ledger follows every second
        if before == (before := _booked(system)):
            return before


def _booked(system: System) -> int:
    """What weighing has cost on the dear offer by the ledger, pico-units."""
    rows = system.ask("GET", "/api/ledger", params={"by": "account_own,offer"})["data"]
    return sum(
        int(row["cost_pico"])
        for row in rows
        if row["account_name"] == "weighing" and row["offer"] == "right/dear"
    )


def test_the_background_gives_way_to_a_call_and_what_it_cost_is_booked(system: System) -> None:
    secret = system.ask("POST", "/api/keys", json={"account": "acme", "name": "b"})["secret"]
    before = len(system.local.received)
    system.script(system.local, Answer(delay_s=60.0))
    system.weigh_when_idle()
    system.control.until(lambda: len(system.local.received) > before)
    began_s = time.monotonic()
    assert system.post(secret, "dear").status_code == 200
    system.control.until(lambda: system.local.abandoned)
    assert time.monotonic() - began_s < 3
    abandoned = system.local.abandoned[0]

    def booked() -> list[dict[str, Any]]:
        rows = system.lines(task="quiet/mood")
        return [row for row in rows if row["outcome"] != "completed"]

    (line,) = system.control.until(booked)
    assert line["account_name"] == "weighing"
    assert line["offer"] == f"local/{LOCAL}"
    # The same question is asked again when it is quiet, and the weighing comes to its verdict.
    system.control.until(lambda: f"local/{LOCAL}" in system.verdicts("quiet/mood"))
    question = json.loads(abandoned.body)["messages"]
    asked = [json.loads(r.body)["messages"] for r in list(system.local.received)[before:]]
    assert asked.count(question) == 2
    assert len(asked) == system.verdicts("quiet/mood")[f"local/{LOCAL}"]["n"] + 1
