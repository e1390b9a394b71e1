"""A weighing of a real steelyard is stopped from the command line: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from steelyard.testing.replies import Answer
from steelyard.testing.system import System
from steelyard.testing.upstream import ScriptedVendor, Settings

CONFIG = """
weigh_when_idle: false
channels: {{slow: {{base_url: "{slow}"}}, hanging: {{base_url: "{hanging}"}}}}
offers:
  - {{model: m, channel: slow, context: 4096, output_max: 8,
     rates: {{input: 3 CNY/mtok, output: 3 CNY/mtok}}}}
  - {{model: m, channel: hanging, context: 4096, output_max: 8,
     rates: {{input: 3 CNY/mtok, output: 3 CNY/mtok}}}}
accounts: {{acme: }}
tasks:
  mood: {{set: mood.jsonl, grader: label, floor: 0.6, form: {{id: plain, output_tokens_max: 4}}}}
  calm: {{set: mood.jsonl, grader: label, floor: 0.6,
     form: {{id: other, system: Be calm., output_tokens_max: 4}}}}
"""
YES = Answer(parts=("yes",))
UNSURE = [Answer(parts=(word,), delay_s=0.8) for word in ("yes", "no", "yes")] * 15
"""Answers too slow and too mixed for a verdict before somebody stops the weighing."""


class Place:
    """A steelyard and two vendors, who in the end answer well and at once."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.slow, self.hanging = (ScriptedVendor(Settings(answer=YES)) for _ in range(2))
        self.slow.script(UNSURE)
        self.hanging.script([YES] * 4 + [Answer(delay_s=120.0)] * 3)
        for vendor in (self.slow, self.hanging):
            self.do(vendor.start())
        urls = {"slow": self.slow.base_url, "hanging": self.hanging.base_url}
        self.system = System(folder, CONFIG.format(**urls), {})
        rows = (
            {"id": f"i{n}", "input": f"Item {n}?", "reference": "yes", "labels": ["yes", "no"]}
            for n in range(60)
        )
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.system.home / "mood.jsonl").write_text(text)

    def close(self) -> None:
        self.system.stop()
        for vendor in (self.slow, self.hanging):
            self.do(vendor.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "steelyard", *arguments],
            env=self.system._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        command = self.command(*arguments)
        said, complained = command.communicate(timeout=60)
        assert command.returncode == 0, complained
        return said

    def get(self, path: str, **query: str) -> list[dict[str, Any]]:
        transport = httpx.HTTPTransport(uds=str(self.system.runtime / "control.http"))
        token = (self.system.home / "admin.token").read_text().strip()
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(
            transport=transport, base_url="http://localhost", headers=headers, timeout=20
        ) as api:
            found: list[dict[str, Any]] = api.get(path, params=query).json()["data"]
            return found

    def lines(self, task: str, count: int) -> list[dict[str, Any]]:
        """The ledger's lines of a task, once there are so many."""
        path = "/api/ledger/lines"
        self.system.until(lambda: len(self.get(path, task=task)) >= count, "the ledger", 20)
        time.sleep(1.5)  # a line too many would come with the scribe's next round
        return self.get(path, task=task, limit="1000")


def asked(vendor: ScriptedVendor) -> list[str]:
    """What a vendor was asked, in order."""
    bodies = (json.loads(each.body) for each in list(vendor.received))
    return [body["messages"][-1]["content"] for body in bodies]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("stop"))
    try:
        made.system.start(workers=1)
        made.system.until_up(workers=1)
        yield made
    finally:
        made.close()


def test_calls_under_way_are_finished_and_the_next_weighing_goes_on(place: Place) -> None:
    weigh = ("weigh", "mood", "--offer", "slow/m", "--concurrency", "3")
    watching = place.command(*weigh)
    place.system.until(lambda: len(asked(place.slow)) >= 7, "calls to the vendor", 30)
    watching.send_signal(signal.SIGINT)
    said, complained = watching.communicate(timeout=20)
    assert watching.returncode == 130, (said, complained)
    found = re.search(r"the weighing goes on.*\n?.*weighings stop (\d+) ends it", complained)
    assert found, complained

    said = place.run("weighings", "stop", found[1])
    assert f"{found[1]} slow/m: stopped by admin" in said
    count = len(asked(place.slow))
    (row,) = (r for r in place.get("/api/weighings") if str(r["weighing_number"]) == found[1])
    assert (row["state"], row["detail"]) == ("stopped", "stopped by admin")
    assert row["items_done"] == count
    assert not place.slow.abandoned
    lines = place.lines("mood", count)
    assert Counter(line["outcome"] for line in lines) == {"completed": count}
    assert sum(int(line["cost_pico"]) for line in lines) == int(row["paid_pico"])
    (verdict,) = place.get("/api/verdicts", task="mood")
    assert (verdict["status"], verdict["n"]) == ("not_proven", count)

    assert f"{count} answers were there already" in place.run(*weigh)
    assert max(Counter(asked(place.slow)).values()) == 1, "an item was paid for twice"
    command = place.command("weighings", "stop", "mood")
    assert "is over since" in command.communicate(timeout=20)[1]
    assert command.returncode == 1


def test_calls_under_way_can_be_cut_off_and_are_booked_once(place: Place) -> None:
    weigh = ("weigh", "calm", "--offer", "hanging/m", "--concurrency", "3")
    watching = place.command(*weigh)
    place.system.until(lambda: len(asked(place.hanging)) == 7, "three calls that hang", 30)

    def are_graded() -> bool:
        rows = (row for row in place.get("/api/weighings") if row["task"] == "calm")
        return any(row["items_done"] == 4 for row in rows)

    place.system.until(are_graded, "the four before to be graded", 30)
    began_s = time.monotonic()
    assert "stopped by admin; 4 of 60 items" in place.run("weighings", "stop", "calm", "--now")
    assert time.monotonic() - began_s < 30
    assert "stopped by admin" in watching.communicate(timeout=20)[1]
    assert len(asked(place.hanging)) == 7
    lines = place.lines("calm", 7)
    assert len({line["attempt_id"] for line in lines}) == len(lines) == 7
    outcomes = Counter(line["outcome"] for line in lines)
    assert outcomes.pop("completed") == 4
    assert sum(outcomes.values()) == 3

    place.run(*weigh)
    times = Counter(Counter(asked(place.hanging)).values())
    assert times.pop(1) > 4
    assert times == {2: 3}, "what was cut off is asked again, nothing else is"
