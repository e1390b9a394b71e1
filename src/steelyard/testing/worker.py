"""A real worker process behind a stand-in for control: for tests and benchmarks of the data plane.

The worker is the product's own, started as the supervisor starts it; what stands in is the other
end of its link, which grants leases from limits given here, and the compiler, whose files are
written from a few plain values.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from steelyard.domain.accounts import hash_secret
from steelyard.domain.budgets import FOREVER_NS
from steelyard.domain.entries import Intent, Settlement
from steelyard.domain.rates import Rate
from steelyard.gateway import keytable, snapshot
from steelyard.gateway.snapshot import (
    AccountEntry,
    ChannelEntry,
    Core,
    KeyRecord,
    Meter,
    OfferEntry,
    PolicyEntry,
    TaskEntry,
)
from steelyard.journal.reader import START, Reader
from steelyard.pricebook.compiling import compile_periods
from steelyard.supervisor.native import worker_environment

KEY = "sk-" + "k" * 43
"""The key every setup has."""
ACCOUNT = "acc_1"
UP_S = 60.0
"""Generous: a start on a machine that is busy with other things."""
FEATURES = frozenset({"tools", "images", "json_schema", "json_mode", "grammar", "stream"})


@dataclass
class Setup:
    """What a worker shall serve; all amounts in CNY."""

    upstreams: Sequence[str]
    """Base URLs, one channel each: ``channel-0``, ``channel-1``, ..."""
    model: str = "model-a"
    input_per_mtok: str = "0.8"
    output_per_mtok: str = "2"
    offers_per_channel: int = 1
    meters: tuple[Meter, ...] = ()
    policy: PolicyEntry = field(default_factory=PolicyEntry)
    tasks: dict[str, TaskEntry] = field(default_factory=dict)
    upstream_model: str = "served"
    ca_file: str = ""
    timeouts: tuple[float, float, float, float] = (2.0, 5.0, 5.0, 30.0)
    """Connect, first byte, idle, total; seconds."""
    more_keys: int = 0
    more_models: int = 0
    features: frozenset[str] = FEATURES
    kind: str = "official"
    """Kind of all channels."""
    revision: int = 1

    def write(self, folder: Path) -> None:
        """Writes the snapshot's files."""
        folder.mkdir(parents=True, exist_ok=True)
        channels = {
            f"channel-{number}": self._channel(number, url)
            for number, url in enumerate(self.upstreams)
        }
        offers = tuple(
            self._offer(f"channel-{number}", at, number * self.offers_per_channel + at)
            for number in range(len(self.upstreams))
            for at in range(self.offers_per_channel)
        )
        models = {self.model: snapshot.raw(offers)}
        index = {offer.name: self.model for offer in offers}
        for number in range(self.more_models):
            name = f"other-{number}"
            others = tuple(
                msgspec.structs.replace(offer, name=f"{offer.name}@{number}", model=name)
                for offer in offers
            )
            models[name] = snapshot.raw(others)
            index.update({offer.name: name for offer in others})
        core = Core(
            format=snapshot.FORMAT,
            revision=self.revision,
            compiled_at_ns=time.time_ns(),
            home_currency="CNY",
            channels=channels,
            models=models,
            offers=snapshot.raw(index),
            tasks=self.tasks,
            accounts={ACCOUNT: snapshot.raw(AccountEntry(ACCOUNT, self.meters))},
            policies={"default": self.policy},
            aliases={"alias-a": self.model},
            exchange={},
            public_ids=tuple(models),
        )
        snapshot.write(folder, core)
        rows = [(hash_secret(KEY.encode()), KeyRecord("key_1", ACCOUNT))]
        rows += [
            (hash_secret(b"sk-other-%d" % number), KeyRecord(f"key_x{number}", ACCOUNT))
            for number in range(self.more_keys)
        ]
        rows.sort()
        keytable.write(folder / snapshot.KEYS_FILE, rows, len(rows))

    def _channel(self, number: int, url: str) -> ChannelEntry:
        connect_s, first_byte_s, idle_s, total_s = self.timeouts
        return ChannelEntry(
            name=f"channel-{number}",
            vendor="scripted",
            kind=self.kind,
            base_url=url,
            dialect="openai_chat",
            credential="",
            timeout_connect_s=connect_s,
            timeout_first_byte_s=first_byte_s,
            timeout_idle_s=idle_s,
            timeout_total_s=total_s,
            ca_file=self.ca_file,
        )

    def _offer(self, channel: str, at: int, dearer: int) -> OfferEntry:
        """An offer; each later one costs a thousandth more, so that the order is known."""
        factor = 1 + Fraction(dearer, 1000)
        since = datetime(2024, 1, 1, tzinfo=UTC)
        rates = [
            Rate(
                f"r-{channel}-{at}-in",
                "input",
                Fraction(self.input_per_mtok) * factor,
                "CNY",
                "mtok",
                since,
            ),
            Rate(
                f"r-{channel}-{at}-out",
                "output",
                Fraction(self.output_per_mtok) * factor,
                "CNY",
                "mtok",
                since,
            ),
        ]
        periods = tuple(compile_periods(rates))
        prices, denominator = periods[0].cards[0].prices, periods[0].denominator
        return OfferEntry(
            name=f"{channel}/{self.model}" + (f"-{at}" if at else ""),
            model=self.model,
            channel=channel,
            upstream_model=self.upstream_model,
            context_tokens=1_000_000,
            output_tokens_max=4096,
            features=self.features,
            tokens_per_byte=0.3,
            currency="CNY",
            periods=periods,
            rank_input=prices[0] / denominator,
            rank_output=prices[1] / denominator,
        )


class StandInControl:
    """The other end of a worker's link: grants leases from limits, remembers what it heard."""

    def __init__(self, limits: dict[str, int] | None = None, step: int = 1) -> None:
        """``limits``: scope -> most that may be granted in all; a scope without one has no end.

        ``step``: grants come in multiples of it, as control sizes them by use.
        """
        self.limits = limits or {}
        self.step = step
        self.granted: dict[tuple[int, str, str], tuple[int, int]] = {}
        self.heard: list[list[Any]] = []
        self.writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._incarnations: dict[asyncio.StreamWriter, int] = {}

    async def start(self, path: Path) -> None:
        """Listens for workers."""
        self._server = await asyncio.start_unix_server(self._serve, str(path))

    async def stop(self) -> None:
        """Drops all links and stops listening."""
        if self._server is not None:
            self._server.close()
        for writer in list(self.writers):
            writer.close()

    def tell(self, *fields: object) -> None:
        """Sends news to all workers."""
        for writer in self.writers:
            _send(writer, fields)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(4), "little")
                self._take(msgspec.msgpack.decode(await reader.readexactly(length)), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.writers.discard(writer)
            writer.close()

    def _take(self, fields: list[Any], writer: asyncio.StreamWriter) -> None:
        self.heard.append(fields)
        if fields[0] == "hello":
            self._incarnations[writer] = fields[1]
        elif fields[0] == "lease":
            self._grant(fields, writer)

    def _grant(self, fields: list[Any], writer: asyncio.StreamWriter) -> None:
        _, request, scope, unit, need, _ = fields
        place = (self._incarnations[writer], scope, unit)
        lease_id, granted = self.granted.get(place, (len(self.granted) + 1, 0))
        total = sum(amount for key, (_, amount) in self.granted.items() if key[1:] == place[1:])
        left = self.limits.get(scope, 2**62) - total
        if left < need:
            code = "insufficient_quota" if unit == "money" else "rate_limit_exceeded"
            _send(writer, ("denied", request, code, f"the limit of {scope} is used up", 30.0))
            return
        granted += min(left, -(-need // self.step) * self.step)
        self.granted[place] = (lease_id, granted)
        currency = "CNY" if unit == "money" else ""
        _send(writer, ("lease", request, lease_id, granted, FOREVER_NS, currency))


def _send(writer: asyncio.StreamWriter, fields: Sequence[object]) -> None:
    body = msgspec.msgpack.encode(fields)
    writer.write(len(body).to_bytes(4, "little") + body)


class RunningWorker:
    """A worker process and where it listens."""

    def __init__(self, setup: Setup, control: StandInControl | None = None) -> None:
        self.setup = setup
        self.control = control or StandInControl(step=10**15)
        self._folder = tempfile.TemporaryDirectory(prefix="sy-")
        self.home = Path(self._folder.name) / "home"
        self.runtime = Path(self._folder.name) / "run"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(1024)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.incarnation = 0
        self.process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> RunningWorker:
        self.runtime.mkdir(parents=True)
        self.setup.write(self.home / "snapshot")
        await self.control.start(self.runtime / "control.link")
        await self.launch()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self.control.stop()
        self.socket.close()
        self._folder.cleanup()

    async def launch(self, prefix: Sequence[str] = ()) -> None:
        """Starts the process as a new incarnation and waits until it answers."""
        self.incarnation += 1
        command = [
            *prefix, sys.executable, "-m", "steelyard.gateway.worker",
            "--home", str(self.home), "--runtime", str(self.runtime),
            "--incarnation", str(self.incarnation), "--fd", str(self.socket.fileno()),
            "--drain-s", "3",
        ]  # fmt: skip
        # Popen returns as soon as the process exists; a wait would be another matter.
        self.process = subprocess.Popen(  # noqa: ASYNC220
            command, pass_fds=[self.socket.fileno()], env=worker_environment(os.environ)
        )
        path = self.runtime / "worker-0.http"
        deadline_s = time.monotonic() + UP_S
        while time.monotonic() < deadline_s:
            await asyncio.sleep(0.01)
            if self.process.poll() is not None:
                raise RuntimeError(f"the worker ended with {self.process.returncode}")
            try:
                _, writer = await asyncio.open_unix_connection(str(path))
            except OSError:
                continue
            writer.close()
            return
        raise TimeoutError("the worker did not come up")

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends the process; returns its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        return await asyncio.to_thread(self.process.wait, 20)

    def journal(self, incarnation: int = 0) -> tuple[list[Intent], list[Settlement]]:
        """Intents and settlements written so far by an incarnation; by default the last."""
        folder = self.home / "journal" / f"{incarnation or self.incarnation:08x}"
        records = Reader(folder).read(START, 1 << 30).records
        return (
            [record for record in records if isinstance(record, Intent)],
            [record for record in records if isinstance(record, Settlement)],
        )
