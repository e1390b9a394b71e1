"""One connection of the scripted vendor: reads requests, plays the steps of their replies.

Called by `upstream`. It is patient with clients on purpose (whatever httptools takes is taken) and
has no tasks: a timer plays the next step, and a full socket buffer holds the play.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol, cast

import httptools

from steelyard.testing.replies import Ending, Pause, Received, Step

QUEUED_REQUESTS_MAX: Final = 64
"""Pipelined requests of one connection that may wait; more are a fault of the client."""


class Vendor(Protocol):
    """What a connection needs of the vendor that it belongs to."""

    def next_serial(self) -> int:
        """Return the number of the next request, from 1."""

    def on_request(self, request: Received) -> Iterator[Step]:
        """Note a complete request and return the steps that answer it."""

    def on_partial(self, request: Received) -> None:
        """Note a request whose peer left before it was complete."""

    def on_abandoned(self, request: Received) -> None:
        """Note a request whose peer left before its answer was complete."""

    def on_connected(self, connection: "Connection") -> int:
        """Note a new connection and return its number, from 1."""

    def on_disconnected(self, connection: "Connection") -> None:
        """Forget a connection."""


class Connection(asyncio.Protocol):
    """Server side of one connection."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._number = 0
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._is_reading = False
        self._queued: deque[tuple[Received, bool]] = deque()
        self._playing: Received | None = None
        self._is_kept = True
        self._steps: Iterator[Step] = iter(())
        self._timer: asyncio.Handle | None = None
        self._is_full = False

    @property
    def is_idle(self) -> bool:
        """Whether no request is being read or answered."""
        return self._playing is None and not self._queued and not self._is_reading

    def close(self) -> None:
        """Close after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close with RST, throwing away what was not sent yet."""
        if self._transport is None:
            return
        found: socket.socket | None = self._transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        # uvloop's transports do not inherit from asyncio's, so there is nothing to check here
        self._transport = cast(asyncio.Transport, transport)
        self._number = self._vendor.on_connected(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what it rejects closes the connection with a 400."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self._transport is not None:
                self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            self.close()

    def pause_writing(self) -> None:
        """Hold the play until the peer reads again."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Go on, unless a pause of the reply itself is running."""
        self._is_full = False
        if self._timer is None and self._playing is not None:
            self._play()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note what was left unfinished."""
        if self._timer is not None:
            self._timer.cancel()
        if self._is_reading:
            self._vendor.on_partial(self._received(is_complete=False))
        if self._playing is not None:
            self._vendor.on_abandoned(self._playing)
        self._transport = self._playing = self._timer = None
        self._vendor.on_disconnected(self)

    # httptools' side

    def on_message_begin(self) -> None:
        """Forget the request before."""
        self._url, self._headers, self._body = b"", [], bytearray()
        self._is_reading = True

    def on_url(self, url: bytes) -> None:
        """Collect the target, which may come in pieces."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one header."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Let a careful client go on with its body."""
        expects = any(n.lower() == b"expect" for n, _ in self._headers)
        if expects and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """Collect a piece of the body."""
        self._body += data

    def on_message_complete(self) -> None:
        """Answer now, or after the answers before."""
        self._is_reading = False
        if len(self._queued) == QUEUED_REQUESTS_MAX:
            self.close()
            return
        self._queued.append((self._received(is_complete=True), self._parser.should_keep_alive()))
        if self._playing is None:
            self._answer_next()

    def _received(self, *, is_complete: bool) -> Received:
        method: bytes = self._parser.get_method() if self._url else b""
        return Received(
            serial=self._vendor.next_serial() if is_complete else 0,
            connection=self._number,
            method=method.decode("latin-1"),
            target=self._url.decode("latin-1"),
            headers=tuple(self._headers),
            body=bytes(self._body),
            is_complete=is_complete,
        )

    # the play

    def _answer_next(self) -> None:
        self._playing, self._is_kept = self._queued.popleft()
        self._steps = self._vendor.on_request(self._playing)
        self._play()

    def _play(self) -> None:
        """Play steps until one of them takes time, or the socket is full."""
        self._timer = None
        while self._transport is not None and not self._is_full:
            step = next(self._steps, None)
            if step is None:
                self._finish()
                return
            if isinstance(step, bytes):
                self._transport.write(step)
            elif isinstance(step, Pause):
                self._timer = self._loop.call_later(step.seconds, self._play)
                return
            else:
                self._end(step)
                return

    def _end(self, ending: Ending) -> None:
        """Let the reply end badly; the request counts as answered, for so it was meant."""
        if ending is Ending.HANG:
            return
        self._playing = None
        if ending is Ending.RESET:
            self.abort()
        else:
            self.close()

    def _finish(self) -> None:
        self._playing = None
        if not self._is_kept:
            self.close()
        elif self._queued:
            self._answer_next()
