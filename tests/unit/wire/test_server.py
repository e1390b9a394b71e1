"""What needs no socket; the rest is in tests/integration/test_wire_server.py."""

import asyncio

from steelyard.wire.server import Server, ServerLimits
from steelyard.wire.timers import TimerWheel


def make_server(wheel: TimerWheel) -> Server:
    return Server(lambda request, reply: None, ServerLimits(), wheel, lambda *_: (b"", b""))


def test_draining_nothing_is_done_at_once(wheel):
    server = make_server(wheel)
    assert asyncio.run(server.drain(5.0)) is True
    assert server.is_draining


def test_a_connection_that_comes_while_draining_is_dropped(wheel, transport):
    server = make_server(wheel)
    server.is_draining = True
    connection = server.protocol_factory()
    connection.connection_made(transport)
    assert transport.is_aborted
    connection.connection_lost(None)
    assert server.open_connections == set()


def test_drain_waits_for_the_last_connection(wheel, transport):
    server = make_server(wheel)
    connection = server.protocol_factory()
    connection.connection_made(transport)
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    async def story() -> bool:
        asyncio.get_running_loop().call_later(0.01, connection.connection_lost, None)
        return await server.drain(5.0)

    assert asyncio.run(story()) is True


def test_drain_gives_up_in_time(wheel, transport):
    server = make_server(wheel)
    connection = server.protocol_factory()
    transport.abort = lambda: connection.connection_lost(None)
    connection.connection_made(transport)
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert asyncio.run(server.drain(0.01)) is False
    assert server.open_connections == set()
