"""The pool on real sockets, against an upstream that follows a script."""

import asyncio

import pytest
from upstream_rig import LOOPS, Peer, player, polite, silent

from steelyard.wire.upstream import Timeouts

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(params=LOOPS)
def play(request):
    return player(LOOPS[request.param])


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
