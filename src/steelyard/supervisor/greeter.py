"""What a person who starts steelyard is told: address, key, lines to paste, and how far things are.

Everything told here is looked up: the key works because a call with it was answered, a model is up
because its engine said so, a task is proven because control's verdicts say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import httpx

from steelyard.domain.errors import SteelyardError
from steelyard.supervisor.api import Api
from steelyard.supervisor.engines import Engines
from steelyard.supervisor.settings import Settings
from steelyard.supervisor.teller import Teller

KEY_FILE = "demo.key"
QUESTION = "Which city is the capital of France?"
"""One that the smallest model answers rightly, in a sentence."""
OUTPUT_TOKENS_MAX = 100
"""A small model that falls into repeating itself must not keep a newcomer waiting for minutes."""
DEMO = "demo"
"""Name of the demo account and of its key."""
_LOOK_S = 0.2
_NEWS_S = 5.0
_CONTROL_WAIT_S = 60.0


class Greeter:
    """Tells the story of a start, once each."""

    def __init__(self, settings: Settings, teller: Teller, api: Api, engines: Engines) -> None:
        self._settings = settings
        self._teller = teller
        self._api = api
        self._engines = engines
        self._proven: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Greets as soon as calls are answered, then tells of what becomes ready and proven."""
        if not await self._wait_control():
            self._teller.warn("control does not come up; calls go on from the last snapshot")
        key = ""
        if self._settings.has_demo_key:
            key = await asyncio.to_thread(demo_key, self._api, self._settings.home)
        await self._wait_worker("/healthz")
        if key and not await asyncio.to_thread(self._is_accepted, key):
            # The database was replaced while the file stayed.
            (self._settings.home / KEY_FILE).unlink(missing_ok=True)
            key = await asyncio.to_thread(demo_key, self._api, self._settings.home)
        self._greet(key, await asyncio.to_thread(self._model))
        await self._wait_worker("/readyz")
        has_engines = bool(self._engines.wishes)
        self._teller.say(
            f"ready: {'all local models answer' if has_engines else 'calls are answered'}"
        )
        while True:
            await self._tell_proofs()
            await asyncio.sleep(_NEWS_S)

    async def _wait_control(self) -> bool:
        deadline = asyncio.get_running_loop().time() + _CONTROL_WAIT_S
        while asyncio.get_running_loop().time() < deadline:
            if await asyncio.to_thread(self._api.answers):
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    async def _wait_worker(self, path: str) -> None:
        while True:
            if await asyncio.to_thread(self._is_ok, path):
                return
            await asyncio.sleep(_LOOK_S)

    def _is_ok(self, path: str, headers: dict[str, str] | None = None) -> bool:
        try:
            url = self._settings.address + path
            return httpx.get(url, headers=headers, timeout=2.0, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _is_accepted(self, key: str) -> bool:
        return self._is_ok("/v1/models", {"authorization": f"Bearer {key}"})

    def _model(self) -> str:
        """The model to try first: the smallest that runs here, else any offered; empty if none."""
        if self._engines.wishes:
            return next(iter(self._engines.wishes))
        try:
            offers = self._api.get("/api/offers").get("data", [])
        except SteelyardError:
            return ""
        return next((str(row["model"]) for row in offers if row.get("state") == "up"), "")

    def _greet(self, key: str, model: str) -> None:
        address = self._settings.address
        self._teller.say(f"listening on {address} (status page there, too)")
        if key and model:
            self._teller.show(greeting(address, key, model))
        elif key:
            self._teller.show(f"\nkey: {key}\n")
        elif self._settings.has_demo_key:
            self._teller.warn("no key could be made; make one: steelyard key create NAME")
        if not model:
            file = self._settings.home / "steelyard.yaml"
            self._teller.warn(f"nothing is offered yet; add a channel and offers to {file}")
        waiting = [n for n, s in self._engines.states.items() if s.state in ("fetching", "loading")]
        if waiting:
            self._teller.say(f"still on the way: {', '.join(waiting)}")

    async def _tell_proofs(self) -> None:
        try:
            verdicts = await asyncio.to_thread(self._api.get, "/api/verdicts")
        except SteelyardError:
            return
        for verdict in proofs(verdicts):
            task, offer = str(verdict.get("task")), str(verdict.get("offer"))
            if (task, offer) not in self._proven:
                self._proven.add((task, offer))
                self._teller.say(f"proven: {offer} for task {task}{_bounds(verdict)}")


def demo_key(api: Api, home: Path) -> str:
    """The demo key: from its file, else made through control's API; empty if that fails."""
    path = home / KEY_FILE
    with contextlib.suppress(OSError):
        if known := path.read_text("ascii").strip():  # empty: a kill tore it from its content
            return known
    with contextlib.suppress(SteelyardError):  # there already: the default file has it
        api.post("/api/accounts", {"name": DEMO})
    try:
        answer = api.post("/api/keys", {"account": DEMO, "name": DEMO})
    except SteelyardError:
        return ""
    secret = str(answer.get("secret", ""))
    with contextlib.suppress(OSError):  # a key that cannot be kept is of use until the next start
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(secret + "\n")
    return secret


def greeting(address: str, key: str, model: str) -> str:
    """Lines to paste: a key, a curl command and a Python program that each give an answer."""
    return f"""
key: {key}

curl {address}/v1/chat/completions \\
  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
  -d '{{"model": "{model}", "temperature": 0, "max_tokens": {OUTPUT_TOKENS_MAX},
       "messages": [{{"role": "user", "content": "{QUESTION}"}}]}}'

from openai import OpenAI
client = OpenAI(base_url="{address}/v1", api_key="{key}")
messages = [{{"role": "user", "content": "{QUESTION}"}}]
stream = client.chat.completions.create(
    model="{model}", messages=messages, temperature=0, max_tokens={OUTPUT_TOKENS_MAX}, stream=True)
for event in stream:
    if event.choices:
        print(event.choices[0].delta.content or "", end="", flush=True)

"""


def proofs(answer: Any) -> list[dict[str, Any]]:
    """The verdicts of an answer of ``/api/verdicts`` that say ``proven``."""
    rows = answer.get("data", []) if isinstance(answer, dict) else answer
    return [row for row in rows or [] if isinstance(row, dict) and row.get("status") == "proven"]


def _bounds(verdict: dict[str, Any]) -> str:
    if "lower" not in verdict or "upper" not in verdict:
        return ""
    return f" (quality {float(verdict['lower']):.2f} to {float(verdict['upper']):.2f})"
