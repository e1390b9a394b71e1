"""A real worker, a scripted vendor and a stand-in for control, for tests that are plain code.

Vendor and control live on an event loop in a thread of their own, the worker in its own process, so
a test may use a blocking client or a bare socket and read the journal between two lines.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import msgspec

from steelyard.domain.calls import parse_call_id
from steelyard.domain.entries import Intent, Settlement
from steelyard.domain.money import PICO
from steelyard.domain.usage import Usage
from steelyard.gateway import snapshot
from steelyard.gateway.snapshot import ChannelEntry, Core, Meter, PolicyEntry
from steelyard.testing.replies import Answer, Entry
from steelyard.testing.upstream import ScriptedVendor, Settings
from steelyard.testing.worker import ACCOUNT, KEY, RunningWorker, Setup, StandInControl

_T = TypeVar("_T")

HEADERS = {"authorization": f"Bearer {KEY}"}
BODY: dict[str, Any] = {"model": "model-a", "messages": [{"role": "user", "content": "hello"}]}
PATH = "/v1/chat/completions"
CREDENTIAL = "sk-vendor-credential-0123456789"
BUDGET = Meter(f"account:{ACCOUNT}", "money", 10**15, "CNY", "account demo, month")
ONE_TRY = PolicyEntry(attempts_max=1, retries_max=0)
TIMEOUTS = (2.0, 0.8, 0.8, 3.0)
"""Connect, first byte, idle, total; seconds: short, so that what hangs is soon over, and longer
than a busy machine takes for what does not."""


@dataclass
class WiredSetup(Setup):
    """A setup whose channels carry a credential, and whose core a test may change."""

    credential: str = CREDENTIAL
    change: Callable[[Core], Core] | None = None

    def write(self, folder: Path) -> None:
        super().write(folder)
        secrets = {"vendor": self.credential, snapshot.ORDERS_KEY: "k" * 43}
        snapshot.write_secrets(folder, secrets)
        if self.change is not None:
            snapshot.write(folder, self.change(snapshot.load(folder)))

    def _channel(self, number: int, url: str) -> ChannelEntry:
        return msgspec.structs.replace(super()._channel(number, url), credential="vendor")


@dataclass(frozen=True)
class Booked:
    """One attempt as the journal has it."""

    intent: Intent
    settlement: Settlement | None

    @property
    def settled(self) -> Settlement:
        assert self.settlement is not None, "no settlement"
        return self.settlement


@dataclass(frozen=True)
class Streamed:
    """A streamed answer, taken apart."""

    response: httpx.Response

    @property
    def text(self) -> str:
        return self.response.text

    @property
    def data(self) -> list[str]:
        lines = self.response.text.replace("\r\n", "\n").split("\n")
        return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]

    @property
    def events(self) -> list[Any]:
        return [json.loads(data) for data in self.data if data != "[DONE]"]

    @property
    def is_done(self) -> bool:
        return "[DONE]" in self.data

    @property
    def error(self) -> dict[str, Any] | None:
        last = self.events[-1] if self.events else {}
        return last.get("error")

    @property
    def content(self) -> str:
        choices = [choice for event in self.events for choice in event.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)


class Rig:
    """Everything that a test of the gateway needs, started together."""

    def __init__(
        self,
        *,
        vendors: int = 1,
        channels_each: int = 1,
        control: StandInControl | None = None,
        settings: Settings | None = None,
        more_upstreams: Sequence[str] = (),
        **setup: Any,
    ) -> None:
        self.vendors = [
            ScriptedVendor(settings or Settings(answer=Answer(events=4))) for _ in range(vendors)
        ]
        self._channels_each = channels_each
        self._control = control or StandInControl(step=10**15)
        self._setup = {"timeouts": TIMEOUTS, "policy": ONE_TRY} | setup
        self._more_upstreams = more_upstreams
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.worker: RunningWorker
        self.client: httpx.Client

    @property
    def vendor(self) -> ScriptedVendor:
        return self.vendors[0]

    @property
    def control(self) -> StandInControl:
        return self._control

    @property
    def url(self) -> str:
        return self.worker.url + PATH

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            for vendor in self.vendors:
                self.run(vendor.start())
            upstreams = [v.base_url for v in self.vendors for _ in range(self._channels_each)]
            setup = WiredSetup([*upstreams, *self._more_upstreams], **self._setup)
            self.worker = RunningWorker(setup, self._control)
            self.run(self.worker.__aenter__())
            self.client = httpx.Client(headers=HEADERS, timeout=20)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if hasattr(self, "client"):
                self.client.close()
            if hasattr(self, "worker"):
                self.run(self.worker.__aexit__())
            for vendor in self.vendors:
                self.run(vendor.stop())
            # Streams that the stand-in closed say good-bye in the loop's next turns.
            self.run(asyncio.sleep(0.02))
        finally:
            self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """What a coroutine comes to, run on the vendor's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def call(self, function: Callable[[], _T]) -> _T:
        """What a function gives that must run on the vendor's loop."""

        async def called() -> _T:
            return function()

        return self.run(called())

    def script(self, *entries: Entry, vendor: int = 0) -> None:
        self.vendors[vendor].script(entries)

    def post(self, body: object = BODY, **headers: str) -> httpx.Response:
        """A plain call; underscores in header names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            named.setdefault("content-type", "application/json")
            return self.client.post(self.url, content=body, headers=named)
        return self.client.post(self.url, json=body, headers=named)

    def stream(self, body: Mapping[str, Any] = BODY, **headers: str) -> Streamed:
        """A streamed call, read to its end."""
        return Streamed(self.post({**body, "stream": True}, **headers))

    def open_stream(self, body: Mapping[str, Any] = BODY) -> socket.socket:
        """A bare connection on which a streamed call has been sent."""
        return self.send_raw(raw_request({**body, "stream": True}))

    def send_raw(self, request: bytes) -> socket.socket:
        sock = socket.create_connection(self.worker.socket.getsockname(), timeout=10)
        sock.sendall(request)
        return sock

    def journal(self) -> list[Booked]:
        """All attempts of the last incarnation, in order."""
        intents, settlements = self.worker.journal()
        found = {(s.sequence, s.attempt): s for s in settlements}
        assert len(found) == len(settlements), "an attempt was settled twice"
        return [Booked(i, found.get((i.sequence, i.attempt))) for i in intents]

    def booked(self, response: httpx.Response | Streamed) -> list[Booked]:
        """The attempts of the call that gave this response."""
        head = response.response if isinstance(response, Streamed) else response
        _, sequence, _ = parse_call_id(head.headers["x-steelyard-call"])
        found = [b for b in self.journal() if b.intent.sequence == sequence]
        assert [b.intent.attempt for b in found] == list(range(1, len(found) + 1))
        return found

    def until(self, holds: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Waits until something holds."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline, "it did not come to hold in time"
            time.sleep(0.01)

    def until_settled(self, count: int = 1) -> list[Booked]:
        """All attempts, as soon as there are that many and each is settled."""
        self.until(lambda: self._is_settled(count))
        return self.journal()

    def _is_settled(self, count: int) -> bool:
        found = self.journal()
        return len(found) >= count and all(b.settlement is not None for b in found)

    def metric(self, name: str) -> int:
        """A counter of the worker; 0 where it has never counted."""
        transport = httpx.HTTPTransport(uds=str(self.worker.runtime / "worker-0.http"))
        with httpx.Client(transport=transport) as client:
            text = client.get("http://worker/metrics/local").text
        for line in text.splitlines():
            if line.startswith(name) and line[len(name)] in " {":
                return int(line.rpartition(" ")[2])
        return 0


def raw_request(body: object, *lines: str, path: str = PATH) -> bytes:
    """A request's bytes for a bare socket."""
    content = json.dumps(body).encode()
    head = [
        f"POST {path} HTTP/1.1",
        "host: localhost",
        f"authorization: Bearer {KEY}",
        f"content-length: {len(content)}",
        *lines,
    ]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + content


def reset(sock: socket.socket) -> None:
    """Leaves without a word, as a client that was killed."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def cost_of(usage: Usage, channel: str = "channel-0") -> int:
    """Pico-CNY of a usage at the rig's rates, reckoned apart from the product's own code."""
    factor = 1 + Fraction(int(channel.removeprefix("channel-")), 1000)
    exact = usage.input_tokens * Fraction("0.8") + usage.output_tokens * Fraction(2)
    return round(exact * factor * PICO / 10**6)
