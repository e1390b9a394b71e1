"""A control and a worker before the maker of a model and a shop that sells it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
from control_rig import ControlProcess
from sold_models import KEY, Seller, Ways

CONFIG = """
weigh_when_idle: false
price_book: {{webhook: {{url: "{hook}", secret: a-secret-of-16-bytes}}}}
channels:
  maker: {{base_url: "{maker}", credential: "{maker_key}"}}
  shop: {{base_url: "{shop}", credential: "{key}"}}
offers:
  - {{model: big, channel: maker, context: 32768, output_max: 512, {rates}}}
  - {{model: big, channel: shop, context: 32768, output_max: 512, {rates}}}
  - {{model: small, channel: shop, context: 32768, output_max: 512, {rates}}}
accounts: {{acme: }}
keys: {{user: {{account: acme, secret: sk-user-of-the-gateway-1}}}}
"""
RATES = "rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}"
PATH = "/api/authenticity"


class Hook:
    """Takes the webhook's events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.events.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


class System:
    """All of them; ``maker`` is the address and the key of a real engine in the maker's place."""

    def __init__(
        self, folder: Path, stack: ExitStack, maker: tuple[str, str] | None = None
    ) -> None:
        self.maker = stack.enter_context(Seller(Ways()).serving())
        self.shop = stack.enter_context(Seller(Ways()).serving())
        self.hook = Hook()
        threading.Thread(target=self.hook.server.serve_forever, args=(0.02,), daemon=True).start()
        stack.callback(self.hook.server.server_close)
        stack.callback(self.hook.server.shutdown)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        config = CONFIG.format(
            key=KEY,
            rates=RATES,
            hook=self.hook.url,
            maker=maker[0] if maker else self.maker.base_url,
            maker_key=maker[1] if maker else KEY,
            shop=self.shop.base_url,
        )
        self.control = ControlProcess(folder, config, listener.getsockname()[1])
        self.control.start()
        where = ["--home", str(self.control.home), "--runtime", str(self.control.runtime)]
        more = ["--incarnation", "1", "--worker", "0", "--workers", "1"]
        fd = listener.fileno()
        command = [sys.executable, "-m", "steelyard.gateway.worker", *where, *more, "--fd", str(fd)]
        with self.control.log.open("ab") as log:
            worker = subprocess.Popen(command, pass_fds=[fd], stdout=log, stderr=log)
        stack.callback(self._stop, worker)
        self.control.until(lambda: self.ask("GET", "/api/status").json()["workers"])

    def _stop(self, worker: subprocess.Popen[bytes]) -> None:
        worker.terminate()
        worker.wait(20)
        assert self.control.stop() == 0

    def ask(self, method: str, path: str, **more: Any) -> Any:
        with self.control.client() as api:
            return api.request(method, path, timeout=500, **more)

    def test(self, offer: str = "shop/big", against: str = "maker/big", **more: Any) -> Any:
        body = {"offer": offer, "against": against, "pause_s": 0, **more}
        answer = self.ask("POST", f"{PATH}/test", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def call(self, model: str) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
        url = f"http://127.0.0.1:{self.control.port}/v1/chat/completions"
        headers = {"authorization": "Bearer sk-user-of-the-gateway-1"}
        return httpx.post(url, json=body, headers=headers, trust_env=False, timeout=30)

    def alarms(self, found: dict[str, Any]) -> set[str]:
        return {finding["name"] for finding in found["findings"] if finding["is_alarm"]}
