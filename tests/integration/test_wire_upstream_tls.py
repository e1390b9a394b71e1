"""The pool over TLS and Unix sockets."""

import asyncio
import contextlib
import ssl

import pytest
import trustme
import uvloop
from upstream_rig import LOOPS, TIMEOUTS, Notes, Peer, player, polite

from steelyard.wire.timers import TimerWheel
from steelyard.wire.upstream import Origin, Pool, PoolLimits, tls_context


@pytest.fixture(params=LOOPS)
def play(request):
    return player(LOOPS[request.param])


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
