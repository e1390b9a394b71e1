"""The installed command as a newcomer meets it, before a scripted vendor: no models, no network."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

STEELYARD = (sys.executable, "-m", "steelyard")
CONFIG = """
listen: 127.0.0.1:0
demo_key: true
weigh_when_idle: false
workers: 2
channels:
  near: {{base_url: "{base_url}"}}
offers:
  - model: scripted
    channel: near
    context: 8192
    output_max: 1024
    features: [stream, tools, json_schema, json_mode]
    rates: {{input: 1 CNY/mtok, output: 2.5 CNY/mtok}}
accounts:
  demo:
    limits: [{{money: 10 CNY, period: day}}]
"""


class Place:
    """One state folder and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.output = folder / "output.txt"
        self.environment = {
            **os.environ,
            "STEELYARD_HOME": str(self.home),
            "STEELYARD_CACHE": str(folder / "cache"),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*STEELYARD, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        ran = self.run(*arguments, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        with self.output.open("w") as output:
            process = subprocess.Popen(
                [*STEELYARD, "serve"], env=self.environment, stdout=output, stderr=output
            )
        try:
            until(lambda: self.said("ready: ") or process.poll() is not None)
            assert process.poll() is None, self.output.read_text()
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                assert process.wait(40) == 0, self.output.read_text()

    def said(self, text: str) -> bool:
        return text in self.output.read_text()

    def told(self, pattern: str) -> str:
        found = re.search(pattern, self.output.read_text())
        assert found, self.output.read_text()
        return found[1]


def until(is_true: Callable[[], Any], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "steelyard.testing.upstream"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["base_url"])
        process.terminate()


@pytest.fixture
def place(tmp_path: Path, vendor: str) -> Place:
    found = Place(tmp_path)
    (found.home / "steelyard.yaml").write_text(CONFIG.format(base_url=vendor))
    return found


def chat(place: Place, **more: Any) -> Any:
    address = place.told(r"listening on (http://\S+)")
    key = place.told(r"key: (sk-\S+)")
    with openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client:
        messages = [{"role": "user", "content": "What is the capital of France?"}]
        answer = client.chat.completions.create(model="scripted", messages=messages, **more)  # type: ignore[call-overload]
        return list(answer) if more.get("stream") else answer


def test_from_the_first_start_to_the_bill(place: Place) -> None:
    with place.serving():
        assert chat(place).choices[0].message.content
        assert any(event.choices for event in chat(place, stream=True))
        until(lambda: sum(row["attempts"] for row in place.json("ledger")) == 2)
        (by_account,) = place.json("ledger", "--by", "account")
        assert by_account["account_name"] == "demo"
        assert int(by_account["cost_pico"]) > 0
        lines = place.json("ledger", "--lines")
        assert {line["outcome"] for line in lines} == {"completed"}
        call = lines[0]["attempt_id"].rpartition("-")[0]
        (attempt,) = place.json("call", call)["attempts"]
        assert attempt["cost_pico"] == lines[0]["cost_pico"]
        address = place.told(r"listening on (http://\S+)")
        page = httpx.get(address, trust_env=False, headers={"accept-language": "zh-CN"})
        assert page.status_code == 200 and "demo" in page.text and "各账户费用" in page.text
        assert place.run("ask", "Hello", "--model", "scripted").stdout.strip()
    again = place.json("ledger", "--by", "account")
    assert again[0]["attempts"] == 3, "the ledger answers alike without a server"
    assert again[0]["open"] == 0


def test_keys_limits_and_a_second_start(place: Place) -> None:
    with place.serving():
        second = place.run("serve")
        assert second.returncode == 2
        assert "already runs" in second.stderr and second.stderr.count("\n") == 1
        made = place.run("key", "create", "demo", "--name", "other")
        secret = made.stdout.strip()
        address = place.told(r"listening on (http://\S+)")

        def status() -> int:
            headers = {"authorization": f"Bearer {secret}"}
            return httpx.get(f"{address}/v1/models", headers=headers, trust_env=False).status_code

        assert status() == 200
        assert place.run("key", "revoke", "other").returncode == 0
        until(lambda: status() == 401, within_s=5)
        assert [row["name"] for row in place.json("key", "list")] == ["demo", "other"]
        assert place.json("limits", "list")[0]["account"] == "demo"
        assert [row["name"] for row in place.json("offers")] == ["near/scripted"]


def test_port_that_is_taken_is_one_line(place: Place, vendor: str) -> None:
    port = vendor.rpartition(":")[2].partition("/")[0]
    ran = place.run("serve", "--port", port)
    assert ran.returncode == 2
    assert f"port {port}" in ran.stderr and ran.stderr.count("\n") == 1


def test_bad_configuration_is_told_with_its_place(place: Place) -> None:
    file = place.home / "steelyard.yaml"
    file.write_text(file.read_text().replace("weigh_when_idle", "weigh_when_idel"))
    for command in ("serve", "check"):
        ran = place.run(command)
        assert ran.returncode == 2
        assert "weigh_when_idel" in ran.stderr and "weigh_when_idle" in ran.stderr


def test_configuration_applies_while_it_runs(place: Place) -> None:
    file = place.home / "steelyard.yaml"
    with place.serving() as process:
        file.write_text(file.read_text().replace("model: scripted", "model: renamed"))
        process.send_signal(signal.SIGHUP)
        until(lambda: [row["model"] for row in place.json("offers")] == ["renamed"])
        file.write_text("workers: many\n")
        ran = place.run("apply")
        assert ran.returncode == 1 and "workers" in ran.stderr
        assert [row["model"] for row in place.json("offers")] == ["renamed"]


def test_calls_go_on_when_any_process_is_killed(place: Place) -> None:
    with place.serving():
        runtime = next(
            folder
            for folder in (
                *Path("/tmp").glob(f"steelyard-{os.getuid()}-*"),
                *Path(os.environ.get("XDG_RUNTIME_DIR", "/nowhere")).glob("steelyard-*"),
            )
            if (folder / "processes.json").exists()
            and str(place.home) in (folder / "processes.json").read_text()
        )

        def pids() -> dict[str, int]:
            rows = json.loads((runtime / "processes.json").read_text())["processes"]
            return {name: int(row["pid"] or 0) for name, row in rows.items()}

        for name in ("worker-0", "control", "worker-1"):
            before = pids()[name]
            os.kill(before, signal.SIGKILL)
            until(lambda name=name, before=before: pids()[name] not in {0, before})  # type: ignore[misc]
        until(lambda: place.run("ask", "Hello", "--model", "scripted").returncode == 0)
        until(lambda: [r["attempts"] for r in place.json("ledger")] == [1])


def test_without_a_server_commands_say_how_to_start_one(place: Place) -> None:
    ran = place.run("apply")
    assert ran.returncode == 1
    assert ran.stderr == f"error: no steelyard runs on {place.home}; start one: steelyard serve\n"
