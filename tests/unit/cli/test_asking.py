from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from steelyard.cli import place


class Gateway(http.server.BaseHTTPRequestHandler):
    asked: list[tuple[dict[str, Any], str | None, str | None]] = []
    status = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append(
            (body, self.headers["authorization"], self.headers.get("x-steelyard-task"))
        )
        if self.status != 200:
            content = b'{"error": {"message": "the budget is used up", "code": "no"}}'
        elif body["stream"]:
            pieces = [{"choices": [{"delta": {"content": text}}]} for text in ("Bon", "jour")]
            lines = [f"data: {json.dumps(piece)}\n\n" for piece in pieces]
            lines += ["data: [DONE]\n\n", ": steelyard call=c-1-1 cost=0.5 CNY\n\n"]
            content = "".join(lines).encode()
        else:
            content = json.dumps({"choices": [{"message": {"content": "Bonjour"}}]}).encode()
        self.send_response(self.status)
        self.send_header("content-length", str(len(content)))
        self.send_header("x-steelyard-offer", "local/small")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def gateway(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Gateway]]:
    Gateway.asked, Gateway.status = [], 200
    (home / "demo.key").write_text("sk-demo\n")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        monkeypatch.setattr(place, "address", lambda: f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Gateway
        server.shutdown()
        thread.join()


def test_ask_prints_the_answer_alone_on_standard_output(
    run: Callable[..., Result], gateway: type[Gateway]
) -> None:
    result = run("ask", "Hello", "--model", "small")
    assert result.stdout == "Bonjour\n"
    assert result.stderr == "local/small\n"
    assert gateway.asked[0][0]["messages"] == [{"role": "user", "content": "Hello"}]
    assert gateway.asked[0][1] == "Bearer sk-demo"


def test_ask_streams_and_tells_the_cost(run: Callable[..., Result], gateway: type[Gateway]) -> None:
    result = run("ask", "Hello", "--stream", "--task", "t", "--key", "sk-other")
    assert result.stdout == "Bonjour\n"
    assert result.stderr == "local/small · 0.5 CNY\n"
    assert gateway.asked[0][0]["model"] == "auto"
    assert gateway.asked[0][1:] == ("Bearer sk-other", "t")


def test_refusal_is_told_as_the_gateway_told_it(
    run: Callable[..., Result], gateway: type[Gateway]
) -> None:
    gateway.status = 402
    result = run("ask", "Hello", "--model", "small")
    assert result.exit_code == 1
    assert "the budget is used up" in str(result.exception)


def test_without_a_model_that_is_up_one_must_be_named(
    run: Callable[..., Result], gateway: type[Gateway]
) -> None:
    assert "name one of yours" in str(run("ask", "Hello").exception)
