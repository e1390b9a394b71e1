"""The load of streams: opens N at once, reads each to its `[DONE]`, counts the events.

Run as `python -m bench.sse_load URL KEY STREAMS`; prints JSON: events, streams completed, seconds.
"""

import asyncio
import json
import sys
from functools import partial
from typing import Final, cast
from urllib.parse import urlsplit

import uvloop

from bench import payloads

EVENT: Final = b"data: {"
TIMEOUT_S: Final = 120


class Reader(asyncio.Protocol):
    """Reads one stream; counts without parsing, since the load shares a core with the upstream."""

    def __init__(self, request: bytes, done: "asyncio.Future[int]") -> None:
        self._request = request
        self._done = done
        self._tail = b""
        self._events = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count; a marker cut in two by the network is found in the tail kept back."""
        data = self._tail + data
        self._events += data.count(EVENT)
        self._tail = data[-(len(EVENT) - 1) :]
        if b"[DONE]" in data:
            self._transport.close()
            self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so when the stream did not end."""
        if not self._done.done():
            said = self._tail.decode("latin-1")
            self._done.set_exception(ConnectionError(f"cut after {self._events} events: {said}"))

    def _settle(self) -> None:
        if not self._done.done():
            self._done.set_result(self._events)


async def run(url: str, key: str, streams: int) -> dict[str, object]:
    """Return what was received by all streams together."""
    address = urlsplit(url)
    body = payloads.chat(is_stream=True)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
    )
    for name, value in json.loads(sys.argv[4]).items() if len(sys.argv) > 4 else ():
        head += f"{name}: {value}\r\n"
    request = f"{head}\r\n".encode() + body
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    found: list[asyncio.Future[int]] = [loop.create_future() for _ in range(streams)]
    host, port = address.hostname or "127.0.0.1", address.port or 80
    for done in found:
        await loop.create_connection(partial(Reader, request, done), host, port)
    counts = await asyncio.wait_for(asyncio.gather(*found), TIMEOUT_S)
    return {"events": sum(counts), "streams": streams, "seconds": loop.time() - started_at}


if __name__ == "__main__":
    result = uvloop.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    sys.stdout.write(json.dumps(result))
