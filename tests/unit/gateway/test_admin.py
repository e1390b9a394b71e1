import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from steelyard.gateway.admin import AdminRelay
from steelyard.wire.server import Reply, Request
from steelyard.wire.timers import TimerWheel


class FakeReply:
    """A reply that remembers what it was given."""

    def __init__(self) -> None:
        self.is_open, self.is_started = True, False
        self.flow: object = None
        self.on_gone: object = None
        self.told: list[Any] = []
        self.ended = asyncio.Event()

    def start(self, status: int, headers: bytes) -> None:
        self.is_started = True
        self.told.append((status, headers))

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def end(self) -> None:
        self.ended.set()

    def abort(self) -> None:
        self.told.append("abort")
        self.ended.set()

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        self.told.append((status, body))
        self.ended.set()


ASKED = SimpleNamespace(
    method=b"POST",
    target=b"/api/keys?x=1",
    headers={b"host": b"localhost", b"cookie": b"a=1", b"connection": b"close", b"te": b"x"},
    peer="127.0.0.1",
    body=b"hello",
)


def carry(folder: Path, answer: bytes | None) -> tuple[FakeReply, bytes]:
    """What a request comes to when control answers so, or is not there."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(5))
        writer.write(answer or b"")
        await writer.drain()
        writer.close()

    async def scenario() -> FakeReply:
        wheel = TimerWheel(asyncio.get_running_loop())
        path = str(folder / "s")
        server = await asyncio.start_unix_server(serve, path) if answer is not None else None
        relay, reply = AdminRelay(path, wheel), FakeReply()
        relay.carry(cast(Request, ASKED), cast(Reply, reply))
        async with asyncio.timeout(5):
            await reply.ended.wait()
        relay.close()
        if server is not None:
            server.close()
        wheel.close()
        await asyncio.sleep(0.01)
        return reply

    return asyncio.run(scenario()), b"".join(heard)


def test_a_request_is_carried_there_and_back(tmp_path: Path) -> None:
    told = b"HTTP/1.1 201 Created\r\nx-a: 1\r\ncontent-length: 4\r\nkeep-alive: 5\r\n\r\ndone"
    reply, heard = carry(tmp_path, told)
    assert reply.told == [(201, b"x-a: 1\r\n"), b"done"]
    assert reply.flow is None
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /api/keys?x=1 HTTP/1.1"
    assert b"cookie: a=1" in head
    assert b"x-forwarded-for: 127.0.0.1" in head
    assert b"connection:" not in head
    assert b"te: x" not in head
    assert body == b"hello"


def test_without_control_the_caller_is_told(tmp_path: Path) -> None:
    reply, _ = carry(tmp_path, None)
    [(status, body)] = reply.told
    assert status == 503
    assert b"control_unavailable" in body


def test_an_answer_that_breaks_off_is_not_passed_as_whole(tmp_path: Path) -> None:
    reply, _ = carry(tmp_path, b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf")
    assert reply.told[-1] == "abort"
