"""A state folder, the installed command on it, and a scripted vendor behind it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai

from steelyard.supervisor.home import read_state, runtime_path

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

    def pids(self) -> dict[str, int]:
        """The processes of what serves, by name."""
        state = read_state(runtime_path(self.home, self.environment) / "processes.json")
        rows = {name: int(row["pid"] or 0) for name, row in state["processes"].items()}
        return {**rows, "supervisor": int(state["pid"])}

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


@contextmanager
def scripted_vendor() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A vendor that plays a script: its address, and its process."""
    with subprocess.Popen(
        [sys.executable, "-m", "steelyard.testing.upstream"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["base_url"]), process
        process.terminate()


def chat(place: Place, *, model: str = "scripted", **more: Any) -> Any:
    """An answer as OpenAI's own client gives it; all events of it with ``stream``."""
    address = place.told(r"listening on (http://\S+)")
    key = place.told(r"key: (sk-\S+)")
    with openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client:
        messages = [{"role": "user", "content": "Which city is the capital of France?"}]
        answer = client.chat.completions.create(model=model, messages=messages, **more)  # type: ignore[call-overload]
        return list(answer) if more.get("stream") else answer
