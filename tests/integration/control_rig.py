"""A control process of its own, its API and a made-up worker on its link."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec

READY_S = 60.0
"""Generous: the machine may be busy with other tests."""

CONFIG = """
listen: 127.0.0.1:8080
weigh_when_idle: false
channels:
  shop: {base_url: "http://127.0.0.1:9/v1", credential: "${SHOP_KEY}"}
offers:
  - {model: m, channel: shop, context: 4096, output_max: 512,
     rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}}
accounts:
  acme:
    limits: [{money: 10 CNY, period: day}, {requests: 60}]
"""
SHOP_KEY = "sk-shop-credential-0815"


class ControlProcess:
    """``python -m steelyard.control`` over a state folder."""

    def __init__(self, folder: Path, config: str = CONFIG, port: int = 8080) -> None:
        """``port`` is where the gateway listens, for what control itself asks it."""
        self.port = port
        self.home, self.runtime = folder / "home", folder / "run"
        self.home.mkdir(parents=True, exist_ok=True)
        self.config = self.home / "steelyard.yaml"
        if not self.config.exists():
            self.config.write_text(config, "utf-8")
        self.log = folder / "control.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "steelyard.control", "--home", str(self.home)]
        command += ["--runtime", str(self.runtime), "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, "SHOP_KEY": SHOP_KEY}
            )
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(self.log.read_text())
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(str(self.runtime / "control.http"))
                except OSError:
                    time.sleep(0.02)
                    continue
            with self.client() as api:
                assert api.get("/healthz").status_code == 200
            return
        raise AssertionError("control does not answer:\n" + self.log.read_text())

    def client(self, token: str | None = None) -> httpx.Client:
        if token is None:
            file = self.home / "admin.token"
            token = file.read_text().strip() if file.exists() else ""
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.runtime / "control.http")),
            base_url="http://localhost",
            headers={"authorization": f"Bearer {token}"},
            timeout=30.0,
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(30)

    def until(self, question: Any, timeout_s: float = 30.0) -> Any:
        """The first answer of ``question()`` that is true."""
        deadline = time.monotonic() + timeout_s
        while True:
            answer = question()
            if answer or time.monotonic() > deadline:
                assert answer, self.log.read_text()
                return answer
            time.sleep(0.02)


class FakeWorker:
    """The worker's end of the link, blocking."""

    def __init__(self, control: ControlProcess, incarnation: int) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30.0)
        self._socket.connect(str(control.runtime / "control.link"))
        self.send("hello", incarnation, 0, os.getpid(), 0)
        self._request = 0

    def send(self, *fields: object) -> None:
        body = msgspec.msgpack.encode(fields)
        self._socket.sendall(len(body).to_bytes(4, "little") + body)

    def receive(self, *kinds: str) -> list[Any]:
        """The next frame of one of ``kinds``; others are passed over."""
        while True:
            length = int.from_bytes(self._exactly(4), "little")
            fields = msgspec.msgpack.decode(self._exactly(length))
            if fields[0] == "snapshot":
                self.send("loaded", fields[1])
            if fields[0] in kinds:
                return fields

    def ask(self, scope: str, unit: str, need: int) -> list[Any]:
        self._request += 1
        self.send("lease", self._request, scope, unit, need, time.time_ns())
        answer = self.receive("lease", "denied")
        assert answer[1] == self._request
        return answer

    def close(self) -> None:
        self._socket.close()

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._socket.recv(count - len(data))
            if not more:
                raise ConnectionError("control closed the link")
            data += more
        return data
