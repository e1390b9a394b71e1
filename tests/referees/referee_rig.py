"""Vendors' own clients and a steelyard, both before the same recorder.

A referee is a program that runs with its vendor's client and does one call after another, as it is
told on its standard input. Steelyard is one worker whose channels are the presets, the host of each
address replaced by the recorder's; nothing else of them is changed.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec
from recorder import Recorder
from referee_calls import door_of
from referee_table import REFEREES

from foreign_installs import python_packages
from steelyard.config.load import load_text
from steelyard.config.model import Config
from steelyard.control.configuration import resolve
from steelyard.control.configuration.channels import channel_entry
from steelyard.domain.calls import parse_call_id
from steelyard.domain.entries import Settlement
from steelyard.gateway import snapshot
from steelyard.gateway.snapshot import ChannelEntry, OfferEntry, PolicyEntry
from steelyard.testing.worker import KEY, RunningWorker, Setup, StandInControl

HERE = Path(__file__).resolve().parent
LOCK = HERE / "vendors.lock"
WAIT_S = 60
"""Seconds that one answer may take on a busy machine."""


class Program:
    """A referee that runs."""

    def __init__(self, name: str) -> None:
        bare = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        self._process = subprocess.Popen(
            [str(python_packages(LOCK) / "python"), f"{HERE}/programs/{name}.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # Packages are compiled as they are first imported, and only then.
            env={**bare, "PYTHONDONTWRITEBYTECODE": ""},
        )
        self.address: str = self._line()["address"]
        """Where the client calls when nobody tells it."""

    def ask(self, **asked: Any) -> dict[str, Any]:
        """What the client made of the answer to a call."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        told = self._line()
        assert "failed" not in told, told["failed"]
        return told

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the referee ended with {self._process.wait(5)}"
        return dict(json.loads(line))

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@dataclass
class PresetSetup(Setup):
    """A worker's snapshot with a channel and an offer for each referee."""

    recorder: str = ""
    """Host and port."""

    def write(self, folder: Path) -> None:
        super().write(folder)
        core = snapshot.load(folder)
        [usual] = snapshot.decode_offers(core.models[self.model])
        config = configuration()
        offers = {
            body["model"]: offer_entry(usual, body) for body, _ in resolve.offers(config).values()
        }
        models = {name: snapshot.raw((offer,)) for name, offer in offers.items()}
        index = {offer.name: name for name, offer in offers.items()}
        core = msgspec.structs.replace(
            core,
            channels={name: elsewhere(c, self.recorder) for name, c in channels().items()},
            models=models,
            offers=snapshot.raw(index),
            aliases={},
            public_ids=tuple(models),
            policies={"default": PolicyEntry(attempts_max=1, retries_max=0)},
        )
        snapshot.write(folder, core)
        secrets = {**resolve.secrets(config), snapshot.ORDERS_KEY: "k" * 43}
        snapshot.write_secrets(folder, secrets)


def configuration() -> Config:
    """What an operator would write."""
    texts = [
        f'  {name}: {{{referee.channel}, credential: "{referee.key}"}}'
        for name, referee in REFEREES.items()
    ]
    limits = "context: 200000, output_max: 4096"
    rates = "rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}"
    offers = [
        f"  - {{model: {name}, channel: {name}, upstream_model: '{referee.model}', {limits}, "
        f"{referee.offer}, {rates}}}"
        for name, referee in REFEREES.items()
    ]
    text = "\n".join(["channels:", *texts, "offers:", *offers, ""])
    return load_text(text, "steelyard.yaml", {}, resolve.RULES)


def channels() -> dict[str, ChannelEntry]:
    """The channels as they are where nothing is replaced."""
    found = resolve.channels(configuration())
    return {name: channel_entry(name, body) for name, body in found.items()}


def offer_entry(usual: OfferEntry, body: Mapping[str, Any]) -> OfferEntry:
    """An offer at the usual price."""
    told = ("name", "model", "channel", "upstream_model", "context_tokens", "output_tokens_max")
    features = frozenset(body["features"])
    return msgspec.structs.replace(usual, **{f: body[f] for f in told}, features=features)


def elsewhere(channel: ChannelEntry, host: str) -> ChannelEntry:
    """The channel with another host in all its addresses."""
    speaks = {
        name: msgspec.structs.replace(spoken, base_url=_moved(spoken.base_url, host))
        for name, spoken in channel.speaks.items()
    }
    base_url = _moved(channel.base_url, host)
    return msgspec.structs.replace(channel, base_url=base_url, speaks=speaks)


def _moved(url: str, host: str) -> str:
    return urlunsplit(("http", host, urlsplit(url).path, "", ""))


class Steelyard:
    """A worker that serves."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        setup = PresetSetup([f"http://{recorder.address}/v1"], recorder=recorder.address)
        self.worker = RunningWorker(setup, StandInControl(step=10**15))
        headers = {"authorization": f"Bearer {KEY}"}
        self.client = httpx.Client(headers=headers, timeout=WAIT_S, trust_env=False)

    def start(self) -> None:
        """Starts the worker."""
        self._thread.start()
        try:
            self._run(self.worker.__aenter__())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops it and its thread."""
        self.client.close()
        self._run(self.worker.__aexit__())
        self._run(asyncio.sleep(0.02))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def ask(self, door: str, body: Mapping[str, Any]) -> httpx.Response:
        """The answer to a call through a door."""
        answer = self.client.post(self.worker.url + door_of(door), json=body)
        assert answer.status_code == 200, answer.text
        return answer

    def settled(self, answer: httpx.Response) -> Settlement:
        """How the call was booked."""
        _, sequence, _ = parse_call_id(answer.headers["x-steelyard-call"])
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found: Sequence[Settlement] = self.worker.journal()[1]
            for settlement in found:
                if settlement.sequence == sequence:
                    return settlement
            time.sleep(0.01)
        raise AssertionError("the call was not booked")

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)


@contextmanager
def serving(recorder: Recorder) -> Iterator[Steelyard]:
    """A steelyard before the recorder."""
    found = Steelyard(recorder)
    found.start()
    try:
        yield found
    finally:
        found.stop()
