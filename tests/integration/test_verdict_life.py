"""Proof that ends: a whole steelyard, a verdict about to expire, and nobody who says a word."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest

from steelyard.domain.tasks import Verdict
from steelyard.store import measurements, objects, proofs
from steelyard.store.database import Database
from steelyard.store.measurements import Measurement
from steelyard.testing.system import System, scripted_vendor

AGING, WATCHED = "shop/review-sentiment", "bank/intent"
"""A task a test, since tests come in any order and each begins without a verdict."""
OFFER, SECRET = "shop/m", "sk-caller-of-the-task-1"
CONFIG = """
weigh_when_idle: false
channels: {{shop: {{base_url: "{vendor}"}}}}
offers:
  - {{model: m, channel: shop, context: 4096, output_max: 64,
     rates: {{input: 1 CNY/mtok, output: 2 CNY/mtok}}}}
accounts: {{acme: }}
keys: {{caller: {{account: acme, secret: {secret}}}}}
tasks:
  shop/review-sentiment: {{floor: 0.6, stale_after_days: 1}}
  bank/intent: {{floor: 0.6, stale_after_days: 1}}
"""
LASTS_S = 9.0
"""From the moment at which the verdict is told: time for a call before it ends."""
PATIENCE_S = 30.0
"""For what comes in a second or two on a machine that has nothing else to do."""


class Place:
    """A steelyard, its vendor, and what tests put into its database."""

    def __init__(self, system: System) -> None:
        self.system = system

    def call(self, task: str) -> httpx.Response:
        url = f"http://127.0.0.1:{self.system.port}/v1/chat/completions"
        body = {"model": f"task:{task}", "messages": [{"role": "user", "content": "Good?"}]}
        headers = {"authorization": f"Bearer {SECRET}"}
        return httpx.post(url, json=body, headers=headers, timeout=20, trust_env=False)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        transport = httpx.HTTPTransport(uds=str(self.system.runtime / "control.http"))
        token = (self.system.home / "admin.token").read_text().strip()
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(transport=transport, headers=headers, timeout=30.0) as client:
            answer = client.request(method, f"http://localhost{path}", **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, work: Callable[[Any], None]) -> None:
        """Writes past control, as its jobs do, and has it tell the workers."""
        database = Database(self.system.home / "control.db")
        try:
            with database.write() as tx:
                work(tx)
        finally:
            database.close()
        self.ask("POST", "/api/config/apply")

    def prove(self, task: str, decided_at: datetime) -> None:
        def work(tx: Any) -> None:
            digest = objects.current(tx, "task")[task].body["digests"][0]
            verdict = Verdict(
                **{"task": task, "offer": OFFER, "form_digest": digest, "floor": Decimal("0.6")},
                **{"total": Fraction(90), "n": 100, "n_unscored": 0},
                **{"lower": Decimal("0.8"), "upper": Decimal("0.95")},
                **{"confidence": Decimal("0.95"), "cost_pico": 1000, "currency": "CNY"},
                **{"time_s": 9.0, "model_answered": "", "decided_at": decided_at},
            )
            proofs.add_verdict(tx, verdict)

        self.write(work)

    def verdict(self, task: str) -> dict[str, Any]:
        (row,) = self.ask("GET", "/api/verdicts", params={"task": task})["data"]
        return dict(row)

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "steelyard", *arguments]
        environment = self.system._environment
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("v")
    with scripted_vendor(folder / "vendor.log") as vendor:
        system = System(folder, CONFIG.format(vendor=vendor, secret=SECRET), {})
        try:
            system.start(workers=1)
            system.until_up(workers=1)
            yield Place(system)
        finally:
            system.stop()


def test_proof_ends_by_time_alone(place: Place) -> None:
    assert "nothing was weighed" in place.call(AGING).json()["error"]["message"]
    ends = datetime.now(UTC) + timedelta(seconds=LASTS_S)
    place.prove(AGING, ends - timedelta(days=1))
    row = place.verdict(AGING)
    assert (row["status"], datetime.fromisoformat(row["stale_at"])) == ("proven", ends)
    place.system.until(
        lambda: place.call(AGING).status_code == 200, "the proof to be known", LASTS_S
    )
    assert datetime.now(UTC) < ends
    assert place.ask("GET", f"/api/readiness/{AGING}")["state"] == "ready"

    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()))
    # Control is asked nothing meanwhile, so it is the clock that tells the worker.
    place.system.until(lambda: place.call(AGING).status_code != 200, "the proof to end", PATIENCE_S)
    assert (datetime.now(UTC) - ends).total_seconds() < 5.0
    refused = place.call(AGING).json()["error"]
    assert refused["code"] == "nothing_proven"
    assert f"{OFFER}: stale, weighed on" in refused["message"]
    assert f"steelyard weigh {AGING}" in refused["message"]
    row = place.verdict(AGING)
    assert (row["status"], row["cause"]) == ("stale", "age")
    found = place.ask("GET", f"/api/readiness/{AGING}")
    assert (found["state"], found["changes"][0]["lever"]) == ("not_yet", "weigh_again")
    shown = place.run("verdicts", "--task", AGING)
    assert "stale" in shown and "1 day ago or more" in shown


def test_what_is_measured_beside_quality_ends_proof_and_brings_it_back(place: Place) -> None:
    place.prove(WATCHED, datetime.now(UTC))
    place.system.until(lambda: place.call(WATCHED).status_code == 200, "a new proof", PATIENCE_S)
    now_ns = time.time_ns()

    def drift(state: str) -> None:
        alarm = Measurement("drift", OFFER, now_ns, state, {}, WATCHED)
        place.write(lambda tx: measurements.add(tx, alarm))

    drift("drifted")
    place.system.until(
        lambda: place.call(WATCHED).status_code != 200, "the alarm to count", PATIENCE_S
    )
    assert "drift alarm of" in place.call(WATCHED).json()["error"]["message"]
    assert place.run("readiness", WATCHED).startswith(f"{WATCHED}: not yet")
    drift("steady")
    place.system.until(
        lambda: place.call(WATCHED).status_code == 200, "the alarm to be over", PATIENCE_S
    )
    assert "ready" in place.run("readiness", WATCHED)


def test_history_is_kept(place: Place) -> None:
    place.prove(WATCHED, datetime.now(UTC))
    with closing(sqlite3.connect(place.system.home / "control.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM verdicts").fetchone()
    rows = place.ask("GET", "/api/verdicts", params={"all": "1"})["data"]
    assert len(rows) == count > 0
    current = [row["task"] for row in rows if row["is_current"]]
    assert sorted(current) == sorted({row["task"] for row in rows})
