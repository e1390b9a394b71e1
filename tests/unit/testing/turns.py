"""Requests to a scripted vendor, and its replies read as bytes."""

import itertools
import json
from collections.abc import Iterator

from steelyard.testing.replies import Received, Step

STEPS_READ_MAX = 2_000
"""The endless line has more; nobody needs to read them."""


def received(*, model: str = "m", stream: bool = False, **fields: object) -> Received:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "hello there"}],
        "stream": stream,
        **fields,
    }
    return Received(1, 1, "POST", "/v1/chat/completions", (), json.dumps(body).encode())


def streamed(**fields: object) -> Received:
    return received(stream=True, stream_options={"include_usage": True}, **fields)


def written(steps: Iterator[Step]) -> bytes:
    few = itertools.islice(steps, STEPS_READ_MAX)
    return b"".join(step for step in few if isinstance(step, bytes))


def unchunked(response: bytes) -> bytes:
    rest = response.partition(b"\r\n\r\n")[2]
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


def payloads(response: bytes) -> list[dict]:
    events = unchunked(response).split(b"\n\n")
    data = [line[6:] for event in events for line in event.split(b"\n") if line[:6] == b"data: "]
    return [json.loads(item) for item in data if item != b"[DONE]"]


def body_of(response: bytes) -> dict:
    return json.loads(response.partition(b"\r\n\r\n")[2])
