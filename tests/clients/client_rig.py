"""A steelyard before the scripted vendor, or with a small real model, and programs that use it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from scripted_answers import Bill
from scripted_server import KEY, Vendor

from steelyard.testing.system import System

HERE = Path(__file__).resolve().parent
DIALECTS = ("chat", "messages", "responses")
MODELS = tuple(f"over-{dialect}" for dialect in DIALECTS)
"""Each is bought on a channel of which the vendor speaks another dialect."""
LOCAL_MODEL = "smollm2-135m-instruct"
CLIENT_S = 240
"""Seconds that a client's program may take on a machine that is busy with other things."""

_HEAD = """
listen: 127.0.0.1:0
weigh_when_idle: false
"""
_SCRIPTED = """
channels:
  chat: {{base_url: "{url}", dialect: openai_chat, credential: {key}}}
  messages:
    {{base_url: "{url}", dialect: anthropic_messages, credential: {key},
     credential_header: x-api-key, credential_prefix: "",
     headers: {{anthropic-version: "2023-06-01"}}}}
  responses: {{base_url: "{url}", dialect: openai_responses, credential: {key}}}
"""
_BUSY_CHANNEL = """
  # One for each client: a channel that is told to wait serves nobody meanwhile.
  busy-{client}:
    {{base_url: "{url}", dialect: anthropic_messages, credential: {key},
     credential_header: x-api-key, credential_prefix: ""}}
"""
_EMBEDDER = """
  - {model: embedder, channel: chat, context: 8192, features: [embeddings],
     rates: {input: 1 CNY/mtok}}
"""
_SLOW_END = """
  - {{model: slow-end, channel: chat, context: 100000, output_max: 4096, features: {features},
     rates: {{input: 2 CNY/mtok, output: 8 CNY/mtok}}}}
"""
_POLICY = """
policies:
  default: {attempts_max: 1, retries_max: 0}
"""
_OFFER = """
  - {{model: {model}, channel: {channel}, context: 100000, output_max: 4096, features: {features},
     rates: {{input: 2 CNY/mtok, cache_read: 1 CNY/mtok, output: 8 CNY/mtok}}}}
"""
_LOCAL = f"""
local:
  price_per_cpu_hour: 0.30 CNY
  models:
    {LOCAL_MODEL}: {{threads: 1, slots: 1}}
"""
_BUSY = """
  - {{model: busy-{client}, channel: busy-{client}, upstream_model: busy, context: 100000,
     output_max: 4096, features: {features},
     rates: {{input: 2 CNY/mtok, output: 8 CNY/mtok}}}}
"""
_KEYS = """
  {client}: {{account: {client}, secret: {secret}}}
  {client}-limited: {{account: {client}, secret: {limited}, limits: [{{requests: 1}}]}}
"""
_FEATURES = "[stream, tools, json_schema, json_mode, images]"
_MARK = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Ran:
    """What a client's program told, and what was booked and billed for it."""

    report: dict[str, dict[str, Any]]
    """Facts by ``door/model`` and section."""
    lines: list[dict[str, Any]]
    """The client's account in the ledger, first call first."""
    bills: list[Bill]
    """What the scripted vendor counted meanwhile."""


Run = Callable[[str], Ran]
"""Runs the program of the client of that name, once."""


class Rig:
    """A steelyard that serves, and the vendor behind it."""

    def __init__(self, system: System, vendor: Vendor | None) -> None:
        self.system = system
        self.vendor = vendor
        self.url = f"http://127.0.0.1:{system.port}"

    def run(self, command: Sequence[str], client: str, models: Sequence[str] = MODELS) -> Ran:
        """Runs a client's program to its end, and waits until all of it is booked."""
        billed = len(self.vendor.bills) if self.vendor else 0
        environment = {
            **{name: told for name, told in os.environ.items() if "proxy" not in name.lower()},
            # Packages are compiled as they are first imported, and only then.
            "PYTHONDONTWRITEBYTECODE": "",
            "STEELYARD_URL": self.url,
            "STEELYARD_KEY": secret_of(client),
            "STEELYARD_LIMITED_KEY": secret_of(client, "limited"),
            "STEELYARD_BUSY_MODEL": f"busy-{client}",
            "STEELYARD_MODELS": " ".join(models),
            "STEELYARD_IS_SCRIPTED": "yes" if self.vendor else "",
        }
        ran = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=CLIENT_S,
            check=False,
        )
        assert ran.returncode == 0, f"{ran.stdout[-1000:]}\n{ran.stderr[-3000:]}"
        bills = self.vendor.bills[billed:] if self.vendor else []
        return Ran(json.loads(ran.stdout.splitlines()[-1]), self.booked(client), bills)

    def booked(self, client: str) -> list[dict[str, Any]]:
        """The client's lines once nothing is open and no more come."""
        token = (self.system.home / "admin.token").read_text().strip()
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=self.url, headers=headers, trust_env=False) as asking:

            def lines() -> list[dict[str, Any]]:
                asked = {"limit": "1000", "account": client}
                found = asking.get("/api/ledger/lines", params=asked)
                assert found.status_code == 200, found.text
                return list(found.json()["data"])

            return sorted(_settled(lines), key=lambda line: line["called_at_ns"])


def _settled(lines: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The lines as soon as two looks agree and none is open."""
    deadline = time.monotonic() + 60
    before: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        found = lines()
        if found and found == before and all(line["outcome"] != "open" for line in found):
            return found
        before = found
        time.sleep(0.3)
    raise AssertionError("the ledger did not come to rest")


def secret_of(client: str, kind: str = "full") -> str:
    """A key of a client's account; the ``limited`` one is good for one call a minute."""
    return f"sk-{client.replace('_', '-')}-{kind}-{_MARK}"


@contextmanager
def scripted(folder: Path, clients: Sequence[str]) -> Iterator[Rig]:
    """A steelyard before the scripted vendor, an account and keys for each client."""
    vendor = Vendor()
    with vendor.serving() as url:
        busy = [_BUSY_CHANNEL.format(client=client, url=url, key=KEY) for client in clients]
        config = _HEAD + _SCRIPTED.format(url=url, key=KEY) + "".join(busy) + _POLICY + "offers:"
        for dialect in DIALECTS:
            config += _OFFER.format(model=f"over-{dialect}", channel=dialect, features=_FEATURES)
        config += "".join(_BUSY.format(client=c, features=_FEATURES) for c in clients)
        config += _SLOW_END.format(features=_FEATURES)
        config += _EMBEDDER
        with _serving(folder, config + _accounts(clients)) as system:
            yield Rig(system, vendor)


@contextmanager
def real(folder: Path, clients: Sequence[str]) -> Iterator[Rig]:
    """A steelyard that runs the small model, an account and keys for each client."""
    with _serving(folder, _HEAD + _LOCAL + _accounts(clients)) as system:
        yield Rig(system, None)


def _accounts(clients: Sequence[str]) -> str:
    accounts = "".join(f"\n  {client}: {{}}" for client in clients)
    keys = [
        _KEYS.format(client=c, secret=secret_of(c), limited=secret_of(c, "limited"))
        for c in clients
    ]
    return f"\naccounts:{accounts}\nkeys:{''.join(keys)}"


@contextmanager
def _serving(folder: Path, config: str) -> Iterator[System]:
    system = System(folder, config, {})
    try:
        system.start(workers=1)
        system.until_up(workers=1)
        url = f"http://127.0.0.1:{system.port}/readyz"
        with httpx.Client(trust_env=False) as client:
            system.until(lambda: client.get(url).status_code == 200, "all models", CLIENT_S)
        yield system
        assert system.stop() == 0, system.log.read_text("utf-8", "replace")[-2000:]
    finally:
        system.close()
