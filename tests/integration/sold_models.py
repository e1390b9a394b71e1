"""A vendor who sells models by name, honestly or not: each has its own ways with words.

A "model" has two answers to a prompt, made of its name and the prompt alone, and gives them in
turns, at temperature 0 always the first: two models answer differently, and one answers alike at
every vendor who really serves it.
Two, because whoever never repeats himself in three answers cannot be told from anybody by them.
Chance would have a test of the honest one end unsure now and then, as it should, but not here.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-of-the-seller"
_ECHO = re.compile(r"^(?:Repeat this text exactly, nothing else:|请一字不差地重复下面的文字：)\n")
_PLACE = re.compile(r"(?:depot in (\w+)\?|\n\n(\w+?)仓库的门禁码是多少)")
_CODE = r"(?:depot in {0} is|{0}仓库的门禁码是)\s*(\d+)"


@dataclass
class Ways:
    """What a seller does."""

    serves: dict[str, str] = field(default_factory=dict)
    """Model asked for -> model that really answers; what is missing answers itself."""
    inflation: float = 1.0
    """What reported tokens are multiplied with."""
    context_chars: int = 1 << 20
    """Of a longer prompt only so many characters at its end are read."""
    answers_as: str = ""
    """Name in the answers; the one asked for, if empty."""
    refuses_logprobs: bool = False
    is_down: bool = False


class Seller:
    """Serves on loopback in threads; ``received`` has every request's headers and body."""

    def __init__(self, ways: Ways) -> None:
        self.ways = ways
        self.received: list[tuple[dict[str, str], dict[str, Any]]] = []
        self._turns: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        seller = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with seller._lock:
                    seller.received.append((headers, body))
                    status, data, kind = seller.answer(body)
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @contextmanager
    def serving(self) -> Iterator[Seller]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def answer(self, body: dict[str, Any]) -> tuple[int, bytes, str]:
        ways = self.ways
        if ways.is_down:
            return 404, b'{"error": {"message": "no such model"}}', "application/json"
        if ways.refuses_logprobs and "logprobs" in body:
            error = {"error": {"message": "unknown field logprobs", "code": "invalid_value"}}
            return 400, json.dumps(error).encode(), "application/json"
        model = ways.serves.get(body["model"], body["model"])
        prompt = body["messages"][-1]["content"]
        turn = self._turns[model, prompt] if body.get("temperature") else 0
        self._turns[model, prompt] += 1
        text, finish = said(model, prompt[-ways.context_chars :], body["max_tokens"], turn)
        usage = {
            "prompt_tokens": round(ways.inflation * (len(tokens(prompt)) + 5)),
            "completion_tokens": round(ways.inflation * len(tokens(text))),
        }
        usage["total_tokens"] = sum(usage.values())
        facts = {
            "id": "x",
            "created": 1,
            "model": ways.answers_as or body["model"],
            "system_fingerprint": "fp_1",
        }
        if not body.get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": finish}
            shape = {**facts, "object": "chat.completion", "choices": [choice], "usage": usage}
            return 200, json.dumps(shape).encode(), "application/json"
        return 200, _events(facts, (text, finish), usage), "text/event-stream"


def tokens(text: str) -> list[str]:
    """A tokenizer: Latin words and numbers in pieces, anything else by the character."""
    return re.findall(r"[A-Za-z]{1,4} ?|\d{1,2} ?|[^A-Za-z\d]", text)


def said(model: str, prompt: str, most: int, turn: int) -> tuple[str, str]:
    """What the model says, and why it ends."""
    echo, place = _ECHO.match(prompt), _PLACE.search(prompt)
    if echo:
        text = prompt[echo.end() :]
    elif place:
        found = re.search(_CODE.format(place[1] or place[2]), prompt)
        text = found[1] if found else "I do not know."
    elif "Do not stop" in prompt or "不要停" in prompt:
        text = " ".join(map(str, range(1, 200)))
    else:
        ways = random.Random(f"{model}/{prompt}")
        words = ["".join(ways.choices("abcdefgh", k=6)) for _ in range(6)]
        text = " ".join(words[3 * (turn % 2) :][:3])
    pieces = tokens(text)
    return "".join(pieces[:most]), "length" if len(pieces) > most else "stop"


def _events(facts: dict[str, Any], answer: tuple[str, str], usage: dict[str, int]) -> bytes:
    def chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {**facts, "object": "chat.completion.chunk", "choices": [choice]}

    text, finish = answer
    shapes = [chunk({"role": "assistant", "content": ""})]
    shapes += [chunk({"content": piece}) for piece in tokens(text)]
    shapes += [chunk({}, finish), {**chunk({}), "choices": [], "usage": usage}]
    lines = [f"data: {json.dumps(shape)}\n\n" for shape in shapes]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()
