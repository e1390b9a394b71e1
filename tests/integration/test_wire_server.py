"""The accept side on real sockets, with both event loops."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest
import uvloop

from steelyard.wire.server import Reply, Request, Server, ServerLimits
from steelyard.wire.timers import TimerWheel

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
Story = Callable[["Stage"], Awaitable[None]]


class Stage:
    """A listening server whose handler keeps what it is given."""

    def __init__(self, limits: ServerLimits) -> None:
        loop = asyncio.get_running_loop()
        self.wheel = TimerWheel(loop, tick_s=0.01)
        self.server = Server(self.handle, limits, self.wheel, self.refuse)
        self.writers: list[asyncio.StreamWriter] = []
        self.seen: asyncio.Queue[tuple[Request, Reply]] = asyncio.Queue()
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]

    def handle(self, request: Request, reply: Reply) -> None:
        self.seen.put_nowait((request, reply))

    @staticmethod
    def refuse(status: int, code: str, message: str) -> tuple[bytes, bytes]:
        return b"content-type: text/plain\r\n", code.encode()

    async def next(self) -> tuple[Request, Reply]:
        return await asyncio.wait_for(self.seen.get(), 5)

    async def connect(self, **options) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ends = await asyncio.open_connection("127.0.0.1", self.port, **options)
        self.writers.append(ends[1])
        return ends

    async def close(self) -> None:
        await self.server.drain(0)
        self.wheel.close()
        for writer in self.writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def read_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    length = 0
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length: "):
            length = int(line[16:])
    return head, await reader.readexactly(length)


@pytest.fixture(params=["uvloop", "asyncio"])
def play(request) -> Iterator[Callable[..., None]]:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run(story: Story, **limits) -> None:
        async def scene() -> None:
            stage = Stage(ServerLimits(**limits))
            await stage.server.listen(stage.sock)
            try:
                await story(stage)
            finally:
                await stage.close()

        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(scene())

    yield run


def test_keep_alive_and_no_delay(play):
    async def story(stage):
        reader, writer = await stage.connect()
        for i in range(3):
            writer.write(b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab" % i)
            request, reply = await stage.next()
            assert (request.target, request.body) == (b"/%d" % i, b"ab")
            assert request.peer == "127.0.0.1"
            reply.respond(200, b"", b"%d" % i)
            assert (await read_answer(reader))[1] == b"%d" % i
        (connection,) = stage.server.open_connections
        sock = connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert stage.server.connections == 1

    play(story)


def test_pipelined_in_order(play):
    async def story(stage):
        reader, writer = await stage.connect()
        writer.write(b"".join(GET % i for i in range(20)))
        for i in range(20):
            request, reply = await stage.next()
            assert request.target == b"/%d" % i
            assert stage.seen.empty()
            reply.start(200, b"")
            reply.write(b"%d" % i)
            await asyncio.sleep(0)
            reply.end()
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readuntil(b"0\r\n\r\n") == (
                b"%x\r\n%d\r\n0\r\n\r\n" % (len(b"%d" % i), i)
            )

    play(story)


def test_chunked_up_and_continue(play):
    async def story(stage):
        reader, writer = await stage.connect()
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        for piece in (b"3\r\nabc\r\n", b"2\r", b"\nde\r\n0\r\n", b"\r\n"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.002)
        request, reply = await stage.next()
        assert request.body == b"abcde"
        reply.respond(204, b"", b"")
        assert (await read_answer(reader))[0].startswith(b"HTTP/1.1 204 ")

    play(story)


def test_a_refused_upload_sees_its_refusal(play):
    async def story(stage):
        reader, writer = await stage.connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(40):  # a client that sends on without looking
            writer.write(b"x" * 250_000)
            await writer.drain()
        head, body = await read_answer(reader)
        assert head.startswith(b"HTTP/1.1 413 ")
        assert body == b"body_too_large"
        assert await reader.read() == b""
        assert stage.seen.empty()

    play(story)


def test_a_megabyte_of_headers_is_refused(play):
    async def story(stage):
        reader, writer = await stage.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n")
        head, _ = await read_answer(reader)
        assert head.startswith(b"HTTP/1.1 431 ")
        assert stage.seen.empty()

    play(story)


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("is_reset", [False, True])
def test_a_client_that_leaves_is_noticed_once(play, is_streaming, is_reset):
    async def story(stage):
        _, writer = await stage.connect()
        writer.write(GET % 1)
        _, reply = await stage.next()
        gone: asyncio.Queue[int] = asyncio.Queue()
        reply.on_gone = lambda: gone.put_nowait(1)
        if is_streaming:
            reply.start(200, b"")
            reply.write(b"x")
        if is_reset:
            writer.transport.abort()
        else:
            writer.close()
        await asyncio.wait_for(gone.get(), 5)
        assert not reply.is_open
        reply.abort()
        await asyncio.sleep(0.02)
        assert gone.empty()

    play(story)


def test_a_slow_reader_pauses_the_flow_and_gets_everything(play):
    class Source:
        """Writes as fast as it is let, a megabyte in all."""

        def __init__(self, reply: Reply) -> None:
            self.reply, self.left, self.pauses, self.is_paused = reply, 4096, 0, False
            self.backlog_bytes = 0

        def pause_reading(self) -> None:
            self.pauses += 1
            self.is_paused = True

        def resume_reading(self) -> None:
            self.is_paused = False
            self.run()

        def run(self) -> None:
            transport = self.reply._connection._transport
            while self.left and not self.is_paused:
                self.left -= 1
                self.reply.write(b"x" * 4096)
                self.backlog_bytes = max(self.backlog_bytes, transport.get_write_buffer_size())
            if not self.left and self.reply.is_open:
                self.reply.end()

    async def story(stage):
        reader, writer = await stage.connect(limit=1024)
        writer.write(GET % 1)
        _, reply = await stage.next()
        reply.start(200, b"")
        source = Source(reply)
        reply.flow = source
        source.run()
        await asyncio.sleep(0.05)
        assert source.pauses == 1 and source.left > 0
        total = 0
        while reply.is_open or not reader.at_eof():
            data = await asyncio.wait_for(reader.read(65536), 5)
            total += len(data)
            if data.endswith(b"0\r\n\r\n"):
                break
        assert total > 4096 * 4096
        assert source.pauses > 3
        assert source.backlog_bytes < 256 * 1024

    play(story)


def test_time_outs_on_the_clock(play):
    async def story(stage):
        reader, writer = await stage.connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        assert (await read_answer(reader))[0].startswith(b"HTTP/1.1 408 ")
        assert await reader.read() == b""
        reader, writer = await stage.connect()
        assert await asyncio.wait_for(reader.read(), 5) == b""

    play(story, timeout_head_s=0.1, timeout_body_s=0.1, timeout_linger_s=0.05)


def test_drain_lets_the_call_under_way_end(play):
    async def story(stage):
        idle_reader, _ = await stage.connect()
        reader, writer = await stage.connect()
        writer.write(GET % 1)
        _, reply = await stage.next()
        draining = asyncio.ensure_future(stage.server.drain(5))
        assert await asyncio.wait_for(idle_reader.read(), 5) == b""
        with pytest.raises(OSError):
            await stage.connect()
        assert not draining.done()
        reply.respond(200, b"", b"bye")
        head, body = await read_answer(reader)
        assert b"connection: close\r\n" in head and body == b"bye"
        assert await draining is True

    play(story)


def test_drain_cuts_what_does_not_end(play):
    async def story(stage):
        _, writer = await stage.connect()
        writer.write(GET % 1)
        _, reply = await stage.next()
        gone = []
        reply.on_gone = lambda: gone.append(1)
        assert await stage.server.drain(0.05) is False
        assert gone == [1]

    play(story)


def test_serves_unix_sockets(play, tmp_path):
    async def story(stage):
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(tmp_path / "s"))
        await stage.server.listen(sock)
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        stage.writers.append(writer)
        writer.write(GET % 1)
        request, reply = await stage.next()
        assert request.peer == ""
        reply.respond(200, b"", b"x")
        assert (await read_answer(reader))[1] == b"x"

    play(story)
