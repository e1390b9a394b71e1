"""The worker's end of the link to control: leases up, news down.

A Unix stream of frames (length u32, little-endian, then a msgpack array), reconnected for ever.
While it is down the worker goes on with what it has; ``is_connected`` tells the gate. Nothing here
is awaited by a call: leases change under it when frames arrive.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

import msgspec

from steelyard.gateway.leases import DENIAL_HOLDS_S, Lease, denial

log = logging.getLogger(__name__)

FRAME_BYTES_MAX = 16 << 20
OFFERED_BYTES_MAX = 1 << 20
"""Bytes that wait for control beyond which nothing is sent that may be lost."""
_RECONNECT_S = 0.2
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])

News = Callable[[str, list[Any]], None]


class Link(asyncio.Protocol):
    """One worker's link; a ``LeaseSource``."""

    def __init__(self, path: str, hello: list[Any], on_news: News) -> None:
        """``hello`` is sent on every connect; ``on_news(kind, fields)`` hears all but leases."""
        self._path = path
        self._hello = hello
        self._on_news = on_news
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = bytearray()
        self._asked: dict[int, Lease] = {}
        self._number = 0
        self._is_closed = False
        self._reconnecting: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.is_connected = False

    async def open(self) -> None:
        """Connects once, or leaves it to the background if control is not there."""
        try:
            await self._loop.create_unix_connection(lambda: self, self._path)
        except OSError:
            self._reconnect()

    def close(self) -> None:
        """Closes for good."""
        self._is_closed = True
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        if self._transport is not None:
            self._transport.close()

    def ask(self, lease: Lease, need: int, at_ns: int) -> None:
        """Wants room for ``need`` beyond what is used; the answer changes the lease."""
        if not self.is_connected:
            return
        lease.is_asking = True
        self._number += 1
        self._asked[self._number] = lease
        meter = lease.meter
        # What is left counts: a limit's last rest must not be refused to a call that fits into it.
        growth = max(1, lease.used - lease.granted + need)
        lease.growth_asked = growth
        self.send("lease", self._number, meter.scope, meter.unit, growth, at_ns)

    def shrink(self, lease: Lease) -> None:
        """Gives back what the lease does not use."""
        lease.granted = lease.used
        self.send("shrink", lease.lease_id, lease.used)

    def send(self, *fields: object) -> None:
        """Sends a frame, or drops it while the link is down."""
        if self._transport is not None:
            body = _encoder.encode(fields)
            self._transport.write(len(body).to_bytes(4, "little") + body)

    def offer(self, *fields: object) -> None:
        """Sends a frame that may be lost: not while control is down or behind."""
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size() < OFFERED_BYTES_MAX:
            self.send(*fields)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets control."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._buffer.clear()
        self.is_connected = True
        self.send("hello", *self._hello)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends all asking without an answer and starts to reconnect."""
        self.is_connected = False
        self._transport = None
        asked, self._asked = self._asked, {}
        for lease in asked.values():
            lease.answered()
        if not self._is_closed:
            self._reconnect()

    def data_received(self, data: bytes) -> None:
        """Takes whole frames off the stream."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 4:
            length = int.from_bytes(buffer[:4], "little")
            if length > FRAME_BYTES_MAX:
                self._give_up(f"a frame of {length} bytes")
                return
            if len(buffer) < 4 + length:
                return
            frame = bytes(buffer[4 : 4 + length])
            del buffer[: 4 + length]
            try:
                kind, *fields = _decoder.decode(frame)
            except (msgspec.MsgspecError, ValueError) as error:
                self._give_up(f"a frame that is none: {error}")
                return
            self._take(kind, fields)

    def _give_up(self, what: str) -> None:
        """Ends a connection on which nothing can be understood any more; another one follows."""
        log.error("control sent %s; reconnecting", what)
        if self._transport is not None:
            self._transport.abort()

    def _take(self, kind: str, fields: list[Any]) -> None:
        if kind == "lease":
            lease = self._asked.pop(fields[0], None)
            if lease is not None:
                lease.grant(fields[1], int(fields[2]), fields[3])
        elif kind == "denied":
            lease = self._asked.pop(fields[0], None)
            if lease is not None:
                refusal = denial(fields[1], fields[2], fields[3])
                lease.deny(refusal, self._loop.time() + DENIAL_HOLDS_S)
        else:
            self._on_news(kind, fields)

    def _reconnect(self) -> None:
        if self._reconnecting is None or self._reconnecting.done():
            self._reconnecting = self._loop.create_task(self._keep_trying())

    async def _keep_trying(self) -> None:
        while not self._is_closed:
            await asyncio.sleep(_RECONNECT_S)
            try:
                await self._loop.create_unix_connection(lambda: self, self._path)
            except OSError:
                continue
            return
