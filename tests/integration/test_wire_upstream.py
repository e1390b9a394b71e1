"""The pool on real sockets, against an upstream that follows a script."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trustme
import uvloop

from steelyard.wire.timers import TimerWheel
from steelyard.wire.upstream import Failure, Origin, Pool, PoolLimits, Timeouts, tls_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
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


@pytest.fixture(params=["uvloop", "asyncio"])
def play(request):
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run(script: Script, story, *, tls=None, client_tls=None, **limits) -> None:
        async def scene() -> None:
            stage = Stage(script, tls)
            await stage.open(PoolLimits(**limits), client_tls)
            try:
                await story(stage)
            finally:
                await stage.close()

        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(scene())

    return run


async def polite(peer: Peer) -> None:
    """Answers every request with its own target."""
    while True:
        target = await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(target) + target)


async def silent(peer: Peer) -> None:
    await peer.reader.read()


def test_connections_are_used_again_the_youngest_first(play):
    async def story(stage):
        first, second = stage.send(b"/1"), stage.send(b"/2")
        assert stage.pool.waiting_count == 2
        assert [await first.outcome(), await second.outcome()] == [b"/1", b"/2"]
        assert stage.pool.free_count == 2
        for i in range(10):
            assert await stage.send(b"/%d" % i).outcome() == b"/%d" % i
        assert stage.pool.connects == stage.pool.open_count == 2
        assert stage.pool.calls == 12

    play(polite, story)


def test_the_pool_is_bounded_and_calls_wait_in_order(play):
    async def story(stage):
        calls = [stage.send(b"/%d" % i) for i in range(6)]
        last = await calls[5].outcome()
        assert (last.kind, last.phase, last.is_sent) == ("overflow", "connect", False)
        assert [await call.outcome() for call in calls[:5]] == [b"/%d" % i for i in range(5)]
        assert stage.pool.connects == 2

    play(polite, story, connections_max=2, queue_max=5)


def test_a_call_that_waits_too_long_was_not_sent(play):
    async def story(stage):
        first = stage.send(b"/1")
        failure = await stage.send(b"/2", Timeouts(connect_s=0.05)).outcome()
        assert (failure.kind, failure.phase, failure.is_sent) == ("timeout", "connect", False)
        third = stage.send(b"/3")
        third.handle.cancel()
        assert stage.pool.waiting_count == 0
        first.handle.cancel()
        assert stage.pool.failures == {"timeout": 1}
        await asyncio.sleep(0.02)
        assert not first.done.done() and not third.done.done()
        assert stage.pool.open_count == 0

    play(silent, story, connections_max=1)


def test_nobody_listens(play):
    async def story(stage):
        stage.listener.close()
        await asyncio.sleep(0.01)
        failures = [await stage.send().outcome() for _ in range(2)]
        assert {(f.kind, f.phase, f.is_sent) for f in failures} == {("connect", "connect", False)}
        assert "Error" in failures[0].detail

    play(polite, story)


@pytest.mark.parametrize("idle_s", [0.0, 0.3])
def test_a_kept_connection_that_was_closed_is_replaced_silently(play, idle_s):
    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        peer.writer.close()

    async def story(stage):
        assert await stage.send().outcome() == b"ok"
        if idle_s:
            await asyncio.sleep(idle_s)
        else:
            while stage.pool.free_count:
                await asyncio.sleep(0.001)
        assert await stage.send().outcome() == b"ok"
        assert stage.pool.connects == 2
        assert stage.pool.failures == {}

    play(once, story)


def test_a_close_the_loop_has_not_seen_yet_is_found_by_looking(play):
    async def story(stage):
        assert await stage.send(b"/1").outcome() == b"/1"
        await asyncio.sleep(0.2)
        (connection,) = stage.pool._free
        stage.peers[0].writer.transport.abort()
        # Both ends live on one loop: let the peer's end close, but not ours read about it.
        sock = stage.peers[0].writer.get_extra_info("socket")
        connection.transport.pause_reading()
        await asyncio.sleep(0.02)
        assert sock.fileno() == -1 or stage.peers[0].writer.transport.is_closing()
        assert await stage.send(b"/2").outcome() == b"/2"
        assert stage.pool.connects == 2

    play(polite, story)


def test_a_connection_lost_after_the_request_is_a_failure_and_no_resend(play):
    seen = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.say(OK)
        seen.append(await peer.request())
        peer.writer.close()

    async def story(stage):
        assert await stage.send(b"/1").outcome() == b"ok"
        failure = await stage.send(b"/2").outcome()
        assert (failure.kind, failure.phase, failure.is_sent) == ("closed", "first_byte", True)
        assert seen == [b"/1", b"/2"]

    play(script, story)


def test_a_second_answer_reaches_no_other_call(play):
    async def script(peer: Peer) -> None:
        while True:
            target = await peer.request()
            await peer.say(OK)
            if target == b"/1":
                await asyncio.sleep(0.01)
                await peer.say(OK.replace(b"ok", b"no"))

    async def story(stage):
        assert await stage.send(b"/1").outcome() == b"ok"
        await asyncio.sleep(0.05)
        assert stage.pool.free_count == 0
        assert await stage.send(b"/2").outcome() == b"ok"
        assert stage.pool.connects == 2

    play(script, story)


@pytest.mark.parametrize(
    ("said", "is_reset", "kind", "phase"),
    [
        (b"", False, "closed", "first_byte"),
        (b"", True, "reset", "first_byte"),
        (OK[:-1], False, "closed", "idle"),
        (OK[:-1], True, "reset", "idle"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
            False,
            "closed",
            "idle",
        ),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", True, "reset", "idle"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", False, "protocol", "first_byte"),
    ],
)
def test_an_upstream_that_breaks_off(play, said, is_reset, kind, phase):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(said)
        await asyncio.sleep(0.02)
        peer.reset() if is_reset else peer.writer.close()

    async def story(stage):
        failure = await stage.send().outcome()
        assert (failure.kind, failure.phase, failure.is_sent) == (kind, phase, True)
        assert failure.has_head is (phase == "idle")
        await asyncio.sleep(0.01)
        assert stage.pool.open_count == 0

    play(script, story)


def test_an_answer_that_ends_with_its_connection(play):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.0 200 OK\r\n\r\nhello")
        peer.writer.close()

    async def story(stage):
        assert await stage.send().outcome() == b"hello"

    play(script, story)


@pytest.mark.parametrize(
    ("said", "timeouts", "phase"),
    [
        (b"", Timeouts(first_byte_s=0.05), "first_byte"),
        (OK[:-1], Timeouts(idle_s=0.05), "idle"),
        (OK[:-1], Timeouts(total_s=0.05), "total"),
    ],
)
def test_time_outs_on_the_clock(play, said, timeouts, phase):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(said)
        await peer.reader.read()

    async def story(stage):
        loop = asyncio.get_running_loop()
        began = loop.time()
        failure = await stage.send(timeouts=timeouts).outcome()
        assert (failure.kind, failure.phase) == ("timeout", phase)
        assert 0.03 < loop.time() - began < 1.0

    play(script, story)


def test_pausing_holds_the_upstream_back_and_stops_no_clock_but_idle(play):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
        for _ in range(500):
            await peer.say(b"x" * 100_000)

    async def story(stage):
        call = stage.send(timeouts=Timeouts(idle_s=0.1, total_s=20.0))
        await call.begun.wait()
        call.handle.pause_reading()
        await asyncio.sleep(0.3)
        held = sum(len(part) for part in call.told[1:])
        assert held < 2_000_000
        assert not call.done.done()
        call.handle.resume_reading()
        assert len(await call.outcome()) == 50_000_000

    play(script, story)


def test_close_ends_everything(play):
    async def story(stage):
        calls = [stage.send(b"/%d" % i) for i in range(3)]
        while not stage.pool.open_count:
            await asyncio.sleep(0.001)
        stage.pool.close()
        outcomes = [await call.outcome() for call in calls]
        assert [failure.kind for failure in outcomes] == ["cancelled"] * 3
        late = await stage.send().outcome()
        assert (late.kind, late.is_sent) == ("cancelled", False)
        assert stage.pool.open_count == stage.pool.free_count == 0

    play(silent, story, connections_max=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("vendor.test").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority, tmp_path) -> str:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


def test_tls_keeps_alive_and_resumes(play, server_tls, ca_file):
    async def script(peer: Peer) -> None:
        for _ in range(2):
            target = await peer.request()
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(target) + target)
        peer.writer.close()

    async def story(stage):
        reused = []
        for i in range(4):
            assert await stage.send(b"/%d" % i).outcome() == b"/%d" % i
            peer = stage.peers[-1]
            reused.append(peer.writer.get_extra_info("ssl_object").session_reused)
            while i == 1 and stage.pool.free_count:
                await asyncio.sleep(0.001)
        assert reused == [False, False, True, True]
        assert stage.pool.connects == 2

    play(script, story, tls=server_tls, client_tls=tls_context(ca_file))


def test_tls_is_verified(play, server_tls):
    async def story(stage):
        failure = await stage.send().outcome()
        assert (failure.kind, failure.phase, failure.is_sent) == ("tls", "connect", False)

    play(polite, story, tls=server_tls, client_tls=tls_context())


def test_unix_sockets(tmp_path):
    async def scene() -> None:
        path = str(tmp_path / "s")

        async def serve(reader, writer) -> None:
            await polite(Peer(reader, writer))

        async def guarded(reader, writer) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                await serve(reader, writer)
            writer.close()

        listener = await asyncio.start_unix_server(guarded, path)
        loop = asyncio.get_running_loop()
        wheel = TimerWheel(loop)
        pool = Pool(Origin(uds=path), PoolLimits(), wheel, loop)
        notes = Notes()
        pool.send(b"GET /uds HTTP/1.1\r\nHost: x\r\n\r\n", notes, TIMEOUTS)
        assert await notes.outcome() == b"/uds"
        pool.close()
        wheel.close()
        listener.close()
        await asyncio.sleep(0.02)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())
