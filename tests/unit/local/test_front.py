from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from steelyard.local.front import Front, FrontLimits

CHAT = "/v1/chat/completions"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@dataclass
class Engine:
    """A stand-in for llama.cpp's server that keeps what it got."""

    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    active: int = 0
    most_active: int = 0
    lost: int = 0
    is_free: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: answer at once; else wait, noticing a reset connection."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.partition("Content-Length: ")[2].split()[0])
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(length))
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        loop = asyncio.get_running_loop()
        gone = loop.create_task(reader.read(1))
        free = loop.create_task(self.is_free.wait())
        await asyncio.wait({gone, free}, return_when=asyncio.FIRST_COMPLETED)
        self.active -= 1
        free.cancel()
        if gone.done():
            self.lost += 1
            gone.exception()
        else:
            gone.cancel()
            writer.write(ANSWER)
        writer.close()


@dataclass
class Stand:
    """A door before the engine, and a client."""

    engine: Engine
    port: int

    async def send(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        return reader, writer

    async def ask(self, data: bytes) -> tuple[int, bytes, bytes]:
        """Return status, head and body of the answer."""
        reader, writer = await self.send(data)
        head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), head, body

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)


def request(
    path: str = CHAT, key: str | None = "sk-door", body: bytes = b"{}", method: str = "POST"
) -> bytes:
    auth = f"Authorization: Bearer {key}\r\n" if key is not None else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{auth}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def stand(**limits: object) -> AsyncIterator[Stand]:
    engine = Engine()
    engine.is_free.set()
    behind = await asyncio.start_server(engine.serve, "127.0.0.1", 0)
    front = Front(
        key="sk-door",
        engine_port=behind.sockets[0].getsockname()[1],
        engine_key="sk-inner",
        limits=FrontLimits(**limits),  # type: ignore[arg-type]
    )
    door = await asyncio.start_server(front.serve, "127.0.0.1", 0)
    async with behind, door:
        yield Stand(engine, door.sockets[0].getsockname()[1])


def run(story: Callable[[Stand], Awaitable[None]], **limits: object) -> None:
    async def main() -> None:
        async with stand(**limits) as at:
            await story(at)

    asyncio.run(main())


def test_a_request_passes_and_its_answer_comes_back_unchanged() -> None:
    async def story(at: Stand) -> None:
        reader, writer = await at.send(request(body=b'{"a":1}'))
        assert await reader.read() == ANSWER
        writer.close()
        assert at.engine.bodies == [b'{"a":1}']
        assert "Authorization: Bearer sk-inner\r\n" in at.engine.heads[0]
        assert "sk-door" not in at.engine.heads[0]

    run(story)


def test_a_chunked_body_is_joined() -> None:
    async def story(at: Stand) -> None:
        head = f"POST {CHAT} HTTP/1.1\r\nauthorization: bearer sk-door\r\n"
        chunks = "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n3\r\n   \r\n0\r\n\r\n"
        assert (await at.ask((head + chunks).encode()))[0] == 200
        assert at.engine.bodies == [b"{}   "]

    run(story)


@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/v1/models", "/tokenize", "/slots"])
@pytest.mark.parametrize("key", [None, "", "sk-wrong", "sk-dooré"])
def test_every_route_wants_the_key(path: str, key: str | None) -> None:
    async def story(at: Stand) -> None:
        status, _, body = await at.ask(request(path, key))
        assert (status, json.loads(body)["error"]["code"]) == (401, "invalid_api_key")
        assert at.engine.heads == []

    run(story)


@pytest.mark.parametrize("path", ["/slots", "/v1/messages", "/completion", "/", "//v1/models"])
def test_other_routes_stay_shut(path: str) -> None:
    async def story(at: Stand) -> None:
        assert (await at.ask(request(path)))[0] == 404
        assert at.engine.heads == []

    run(story)


def test_health_needs_no_key_and_no_slot() -> None:
    async def story(at: Stand) -> None:
        status, _, body = await at.ask(request("/health", None, b"", "GET"))
        assert (status, json.loads(body)) == (200, {"status": "ok"})

    run(story)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (request(body=b"x" * 101), 413),
        (b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * 40000, 413),
        (b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400),
    ],
)
def test_bad_requests_are_refused(data: bytes, status: int) -> None:
    async def story(at: Stand) -> None:
        assert (await at.ask(data))[0] == status

    run(story, body_bytes_max=100)


def test_a_request_that_never_ends_is_given_up() -> None:
    async def story(at: Stand) -> None:
        assert (await at.ask(request()[:-1]))[0] == 408

    run(story, request_s=0.05)


def test_no_more_run_at_a_time_than_there_are_slots() -> None:
    async def story(at: Stand) -> None:
        at.engine.is_free.clear()
        asking = [asyncio.ensure_future(at.ask(request())) for _ in range(5)]
        await at.until(lambda: at.engine.active == 2)
        at.engine.is_free.set()
        assert [status for status, _, _ in await asyncio.gather(*asking)] == [200] * 5
        assert at.engine.most_active == 2

    run(story, slots=2)


def test_a_full_queue_refuses_at_once() -> None:
    async def story(at: Stand) -> None:
        at.engine.is_free.clear()
        first = asyncio.ensure_future(at.ask(request()))
        await at.until(lambda: at.engine.active == 1)
        status, head, body = await at.ask(request())
        assert (status, json.loads(body)["error"]["code"]) == (503, "engine_busy")
        assert b"Retry-After: 1" in head
        at.engine.is_free.set()
        assert (await first)[0] == 200

    run(story, waiting_max=0)


def test_waiting_has_a_deadline() -> None:
    async def story(at: Stand) -> None:
        at.engine.is_free.clear()
        first = asyncio.ensure_future(at.ask(request()))
        await at.until(lambda: at.engine.active == 1)
        status, _, body = await at.ask(request())
        assert (status, "in time" in body.decode()) == (503, True)
        at.engine.is_free.set()
        assert (await first)[0] == 200

    run(story, waiting_s=0.05)


def test_a_lookup_does_not_wait_for_a_slot() -> None:
    async def story(at: Stand) -> None:
        at.engine.is_free.clear()
        asking = [asyncio.ensure_future(at.ask(request(p))) for p in (CHAT, "/tokenize")]
        await at.until(lambda: at.engine.active == 2)
        at.engine.is_free.set()
        await asyncio.gather(*asking)

    run(story)


def test_a_client_that_hangs_up_frees_its_slot() -> None:
    async def story(at: Stand) -> None:
        at.engine.is_free.clear()
        _, writer = await at.send(request())
        await at.until(lambda: at.engine.active == 1)
        writer.transport.abort()
        await at.until(lambda: at.engine.lost == 1)
        at.engine.is_free.set()
        assert (await at.ask(request()))[0] == 200

    run(story, waiting_s=1.0)


def test_a_client_that_hangs_up_while_waiting_never_reaches_the_engine() -> None:
    async def story(at: Stand) -> None:
        at.engine.is_free.clear()
        first = asyncio.ensure_future(at.ask(request()))
        await at.until(lambda: at.engine.active == 1)
        _, writer = await at.send(request(body=b"[]"))
        await asyncio.sleep(0.02)
        writer.transport.abort()
        await asyncio.sleep(0.02)
        at.engine.is_free.set()
        assert (await first)[0] == 200
        assert (await at.ask(request()))[0] == 200
        assert b"[]" not in at.engine.bodies

    run(story)


def test_a_client_that_leaves_before_its_request_is_complete() -> None:
    async def story(at: Stand) -> None:
        reader, writer = await at.send(request()[:-1])
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        assert at.engine.heads == []

    run(story)


def test_an_engine_that_is_gone() -> None:
    async def main() -> None:
        front = Front(key="k", engine_port=1, engine_key="i", limits=FrontLimits())
        door = await asyncio.start_server(front.serve, "127.0.0.1", 0)
        async with door:
            at = Stand(Engine(), door.sockets[0].getsockname()[1])
            status, _, body = await at.ask(request(key="k"))
            assert (status, json.loads(body)["error"]["code"]) == (502, "engine_gone")

    asyncio.run(main())


def test_what_a_client_writes_after_its_request_is_ignored() -> None:
    async def story(at: Stand) -> None:
        at.engine.is_free.clear()
        reader, writer = await at.send(request())
        await at.until(lambda: at.engine.active == 1)
        writer.write(request())
        await asyncio.sleep(0.01)
        at.engine.is_free.set()
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
        assert len(at.engine.heads) == 1

    run(story)
