"""Server and pool together, as the gateway joins them: back-pressure and leaving, end to end."""

import asyncio
import contextlib
import socket

import uvloop

from steelyard.wire.server import Reply, Request, Server, ServerLimits
from steelyard.wire.timers import TimerWheel
from steelyard.wire.upstream import Failure, Handle, Origin, Pool, PoolLimits, Timeouts

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b"data: hello\n\n"
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)


class Pipe:
    """A sink that passes everything straight on."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.handle: Handle

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self.reply.start(status, b"")

    def on_body(self, data: bytes) -> None:
        self.reply.write(data)

    def on_end(self) -> None:
        self.reply.end()

    def on_failed(self, failure: Failure) -> None:
        if self.reply.is_started:
            self.reply.abort()
        else:
            self.reply.respond(502, b"", failure.kind.encode())


class Stage:
    """Client → server → pool → scripted upstream, all on one loop."""

    def __init__(self, script) -> None:
        self.script = script
        self.finished: asyncio.Queue[object] = asyncio.Queue()

    async def __aenter__(self) -> "Stage":
        loop = asyncio.get_running_loop()
        self.listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.wheel = TimerWheel(loop)
        host, port = self.listener.sockets[0].getsockname()
        self.pool = Pool(Origin(host=host, port=port), PoolLimits(), self.wheel, loop)
        self.server = Server(self._handle, ServerLimits(), self.wheel, lambda *_: (b"", b""))
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        await self.server.listen(sock)
        return self

    async def __aexit__(self, *_) -> None:
        await self.server.drain(0)
        self.pool.close()
        self.wheel.close()
        self.listener.close()
        await asyncio.sleep(0.02)

    def _handle(self, request: Request, reply: Reply) -> None:
        pipe = Pipe(reply)
        handle = self.pool.send(GET, pipe, Timeouts())
        reply.flow = handle
        reply.on_gone = handle.cancel

    async def _serve(self, reader, writer) -> None:
        outcome: object = "served"
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                outcome = await self.script(reader, writer)
        except (OSError, asyncio.IncompleteReadError) as error:
            outcome = error
        writer.close()
        self.finished.put_nowait(outcome)


def run(script, story) -> None:
    async def scene() -> None:
        async with Stage(script) as stage:
            await asyncio.wait_for(story(stage), 10)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())


async def read_chunked(reader: asyncio.StreamReader) -> bytes:
    await reader.readuntil(b"\r\n\r\n")
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


def test_a_stream_passes_through_event_by_event():
    async def script(reader, writer):
        writer.write(HEAD)
        for _ in range(5):
            writer.write(CHUNK)
            await asyncio.sleep(0.002)
        writer.write(b"0\r\n\r\n")

    async def story(stage):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        for _ in range(2):
            writer.write(GET)
            assert await read_chunked(reader) == EVENT * 5
        assert stage.pool.connects == 1
        writer.close()

    run(script, story)


def test_a_client_that_leaves_ends_the_upstream_call():
    async def script(reader, writer):
        writer.write(HEAD + CHUNK)
        assert await reader.read() == b""
        return "left"

    async def story(stage):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(GET)
        await reader.readuntil(EVENT)
        writer.close()
        ended = await asyncio.wait_for(stage.finished.get(), 5)
        assert ended == "left" or isinstance(ended, OSError | asyncio.IncompleteReadError)
        assert stage.pool.open_count == 0
        assert stage.pool.failures == {}

    run(script, story)


def test_a_slow_client_holds_the_upstream_back_in_bounded_memory():
    sent = 0

    async def script(reader, writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n")
        for _ in range(600):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async def story(stage):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port, limit=4096)
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.3)
        # What is under way lies in kernel buffers; ours hold one read beyond the mark.
        assert sent < 20_000_000
        (connection,) = stage.server.open_connections
        assert connection._transport.get_write_buffer_size() < 512 * 1024
        total = 0
        while not (data := await reader.read(1 << 20)).endswith(b"0\r\n\r\n"):
            total += len(data)
        assert total > 59_000_000
        writer.close()

    run(script, story)


def test_an_upstream_that_breaks_off_cuts_the_answer():
    async def script(reader, writer):
        writer.write(HEAD + CHUNK)
        await asyncio.sleep(0.01)
        raise ConnectionError

    async def story(stage):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(GET)
        answer = await reader.read()
        assert EVENT in answer
        assert not answer.endswith(b"0\r\n\r\n")
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    run(script, story)
