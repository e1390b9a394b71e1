"""A scripted upstream, a pool that leads to it, and a sink that takes notes."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from steelyard.wire.timers import TimerWheel
from steelyard.wire.upstream import Failure, Origin, Pool, PoolLimits, Timeouts

LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
TIMEOUTS = Timeouts(connect_s=2.0, first_byte_s=2.0, idle_s=2.0, total_s=5.0)
Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The upstream's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def request(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        return head.split(b" ")[1]

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Notes:
    """A sink that writes down what it is told, and can be waited for."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.done = asyncio.get_running_loop().create_future()
        self.begun = asyncio.Event()

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self.told.append(status)
        self.begun.set()

    def on_body(self, data: bytes) -> None:
        self.told.append(data)

    def on_end(self) -> None:
        self.done.set_result(b"".join(part for part in self.told if isinstance(part, bytes)))

    def on_failed(self, failure: Failure) -> None:
        self.done.set_result(failure)

    async def outcome(self) -> Any:
        return await asyncio.wait_for(self.done, 5)


class Stage:
    """A scripted upstream, and a pool that leads to it."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None) -> None:
        self.script, self.tls = script, tls
        self.tasks: set[asyncio.Task[None]] = set()
        self.peers: list[Peer] = []

    async def open(self, limits: PoolLimits, client_tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        self.listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        port = self.listener.sockets[0].getsockname()[1]
        origin = Origin(
            host="127.0.0.1",
            port=port,
            tls=client_tls,
            server_hostname="vendor.test" if client_tls else None,
        )
        self.wheel = TimerWheel(loop, tick_s=0.01)
        self.pool = Pool(origin, limits, self.wheel, loop)

    async def close(self) -> None:
        self.pool.close()
        self.wheel.close()
        self.listener.close()
        for peer in self.peers:
            peer.writer.transport.abort()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _serve(self, reader, writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        peer = Peer(reader, writer)
        self.peers.append(peer)
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await self.script(peer)

    def send(self, target: bytes = b"/", timeouts: Timeouts = TIMEOUTS) -> Notes:
        notes = Notes()
        request = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        notes.handle = self.pool.send(request, notes, timeouts)  # type: ignore[attr-defined]
        assert notes.told == [] and not notes.done.done()
        return notes


async def polite(peer: Peer) -> None:
    """Answers every request with its own target."""
    while True:
        target = await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(target) + target)


async def silent(peer: Peer) -> None:
    await peer.reader.read()


def player(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> Callable[..., None]:
    """Plays a story with a scripted upstream on loops of one kind."""

    def run(script: Script, story, *, tls=None, client_tls=None, **limits) -> None:
        async def scene() -> None:
            stage = Stage(script, tls)
            await stage.open(PoolLimits(**limits), client_tls)
            try:
                await story(stage)
            finally:
                await stage.close()

        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(scene())

    return run
