"""Watching for real: control, a worker, and a vendor that becomes worse after it was weighed."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from control_rig import ControlProcess

from steelyard.testing.replies import Answer
from steelyard.testing.upstream import ScriptedVendor, Settings

CONFIG = """
weigh_when_idle: false
channels: {{shop: {{base_url: "{url}"}}}}
offers:
  - {{model: m, channel: shop, context: 4096, output_max: 8,
     rates: {{input: 3 CNY/mtok, output: 3 CNY/mtok}}}}
tasks:
  mood: {{set: mood.jsonl, grader: label, floor: 0.6, form: {{id: plain, output_tokens_max: 4}}}}
weighing: {{drift: {{money_per_day: 1 CNY, items: 20, pool: 60}}}}
"""
OFFER = "shop/m"


class System:
    """A control, one worker and a vendor that first says yes."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.vendor = ScriptedVendor(Settings(answer=Answer(parts=("yes",))))
        self._run(self.vendor.start())
        self._listener = socket.create_server(("127.0.0.1", 0))
        config = CONFIG.format(url=self.vendor.base_url)
        self.control = ControlProcess(folder, config, self._listener.getsockname()[1])
        rows = (
            {"id": f"i{n}", "input": f"Item {n}?", "reference": "yes", "labels": ["yes", "no"]}
            for n in range(60)
        )
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.control.home / "mood.jsonl").write_text(text)
        self._worker: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.control.start()
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
        self._run(self.vendor.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._listener.close()
        assert code == 0

    def script(self, *answers: Answer) -> None:
        async def work() -> None:
            self.vendor.script(answers)

        self._run(work())

    def ask(self, method: str, path: str, **more: Any) -> Any:
        with self.control.client() as api:
            answer = api.request(method, path, **more)
            assert answer.status_code < 300, answer.text
            return answer.json()

    def row(self) -> dict[str, Any]:
        row: dict[str, Any]
        (row,) = self.ask("GET", "/api/drift")["data"]
        return row

    def begin_look(self) -> None:
        self.ask("POST", "/api/drift/look", json={"task": "mood", "offer": OFFER})

    def look(self) -> dict[str, Any]:
        self.begin_look()
        self.control.until(lambda: not self.row()["is_asked"])
        return self.row()

    def verdict(self) -> dict[str, Any]:
        rows = self.ask("GET", "/api/verdicts")["data"]
        found: dict[str, Any] = next(row for row in rows if row["task"] == "mood")
        return found

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_a_vendor_that_becomes_worse_loses_its_proof(system: System) -> None:
    begun = system.ask("POST", "/api/weighings", json={"task": "mood"})["weighings"]

    def ended() -> bool:
        rows = system.ask("GET", "/api/weighings")["data"]
        return all(row["ended_at"] for row in rows if row["weighing_number"] in begun)

    system.control.until(ended)
    assert system.verdict()["status"] == "proven"
    for _ in range(4):
        row = system.look()
    assert (row["state"], row["looks"], row["items"]) == ("steady", 4, 80)
    asked = len(system.vendor.received)

    # Control dies in the middle of a look: what was answered is not asked again.
    system.script(*[Answer(parts=("yes",))] * 5, Answer(delay_s=60.0))
    system.begin_look()
    system.control.until(lambda: len(system.vendor.received) == asked + 6)
    assert system.control.stop(signal.SIGKILL) == -signal.SIGKILL
    system.control.start()
    system.control.until(lambda: system.ask("GET", "/api/status")["workers"])
    row = system.look()
    assert (row["looks"], row["items"]) == (5, 100)
    assert len(system.vendor.received) == asked + 21  # the one under way was asked once more

    system.script(*[Answer(parts=("no",))] * 200)
    while row["state"] != "drifted":
        row = system.look()
    assert row["causes"] == ["quality"]
    assert float(row["upper"]) < 0
    system.control.until(lambda: system.verdict()["status"] == "stale")
    # Every look was booked like any call, and the day's sum is never less than that.
    lines = system.ask("GET", "/api/ledger", params={"by": "account_own,task"})["data"]
    assert any(line["account_name"] == "weighing" and line["task"] == "mood" for line in lines)
    done = {"task": "mood", "offer": OFFER}
    assert system.ask("POST", "/api/drift/acknowledge", json=done)["state"] == "thin"
    system.control.until(lambda: system.verdict()["status"] == "proven")
