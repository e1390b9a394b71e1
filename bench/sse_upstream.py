"""The static upstream of streams: every request gets the same events, 5 ms apart.

One timer serves all streams, in five groups whose turns are 1 ms apart, so that it takes little of
the core that it shares with the load. Run as `python -m bench.sse_upstream PORT EVENTS`.
"""

import asyncio
import sys
from typing import Final, cast

import httptools
import uvloop

from bench import payloads

GAP_S: Final = 0.005
GROUPS: Final = 5
HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


class Streams:
    """All running streams, by the group whose turn they share."""

    def __init__(self, event_count: int) -> None:
        told = [*payloads.events(event_count), b"data: [DONE]\n\n"]
        self._pieces = [b"%x\r\n%b\r\n" % (len(data), data) for data in told]
        self._pieces[-1] += b"0\r\n\r\n"
        self._groups: list[dict[asyncio.Transport, int]] = [{} for _ in range(GROUPS)]
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()
        self._turn = 0
        self._next()

    def add(self, transport: asyncio.Transport) -> None:
        """Begin a stream, in the group that has the fewest."""
        transport.write(HEAD)
        min(self._groups, key=len)[transport] = 0

    def remove(self, transport: asyncio.Transport | None) -> None:
        """End a stream whose reader is gone."""
        for group in self._groups:
            group.pop(cast(asyncio.Transport, transport), None)

    def _next(self) -> None:
        """Send one event to each stream of the group whose turn it is; turns never drift."""
        group = self._groups[self._turn % GROUPS]
        pieces = self._pieces
        last = len(pieces) - 1
        ended = []
        for transport, index in group.items():
            transport.write(pieces[index])
            group[transport] = index + 1
            if index == last:
                ended.append(transport)
        for transport in ended:
            del group[transport]
        self._turn += 1
        self._loop.call_at(self._started_at + self._turn * GAP_S / GROUPS, self._next)


class Connection(asyncio.Protocol):
    """Starts a stream for every request."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answer."""
        if self._transport is not None:
            self._streams.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the stream."""
        self._streams.remove(self._transport)
        self._transport = None


async def serve(port: int, event_count: int) -> None:
    """Serve until the process ends."""
    streams = Streams(event_count)
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Connection(streams), "127.0.0.1", port, backlog=4096)
    await loop.create_future()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
