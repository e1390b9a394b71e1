"""Frames on a Unix stream: greetings, news, and links that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from steelyard.control.workers.link import LinkServer, WorkerLink


def frame(*fields: object) -> bytes:
    body = msgspec.msgpack.encode(fields)
    return len(body).to_bytes(4, "little") + body


def serve(
    tmp_path: Path, talk: Callable[[LinkServer, Any, Any, list[Any]], Awaitable[None]]
) -> list[Any]:
    """Opens a server and one connection for ``talk``; returns the frames the server took."""
    taken: list[Any] = []

    async def run() -> None:
        def on_hello(link: WorkerLink) -> None:
            link.send("greeting", link.incarnation)

        server = LinkServer(lambda link, kind, fields: taken.append((kind, fields)), on_hello)
        await server.open(tmp_path / "link")
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "link"))
        try:
            await talk(server, reader, writer, taken)
        finally:
            writer.close()
            await server.close()

    asyncio.run(asyncio.wait_for(run(), 10))
    return taken


async def receive(reader: asyncio.StreamReader) -> list[Any]:
    length = int.from_bytes(await reader.readexactly(4), "little")
    found: list[Any] = msgspec.msgpack.decode(await reader.readexactly(length))
    return found


def test_a_worker_is_greeted_and_heard_in_order(tmp_path: Path) -> None:
    async def talk(server: LinkServer, reader: Any, writer: Any, taken: list[Any]) -> None:
        stream = frame("hello", 7, 1, 99, 3) + frame("a", 1) + frame("loaded", 5) + frame("b", 2)
        for begin in range(0, len(stream), 3):  # torn anywhere
            writer.write(stream[begin : begin + 3])
            await writer.drain()
        assert await receive(reader) == ["greeting", 7]
        while len(taken) < 2:
            await asyncio.sleep(0.001)
        (link,) = server.links
        assert (link.incarnation, link.worker, link.pid) == (7, 1, 99)
        assert (link.revision, link.loads) == (5, 1)
        server.broadcast("news", [1])
        assert await receive(reader) == ["news", [1]]

    assert serve(tmp_path, talk) == [("a", [1]), ("b", [2])]


def test_a_link_that_ends_is_forgotten(tmp_path: Path) -> None:
    async def talk(server: LinkServer, reader: Any, writer: Any, taken: list[Any]) -> None:
        writer.write(frame("hello", 7, 1, 99, 3))
        await receive(reader)
        (link,) = server.links
        server.taken.clear()
        writer.close()
        await server.taken.wait()
        assert server.links == set()
        assert not link.is_open
        link.send("nobody hears this")

    serve(tmp_path, talk)


def test_nonsense_ends_the_link(tmp_path: Path) -> None:
    async def talk(server: LinkServer, reader: Any, writer: Any, taken: list[Any]) -> None:
        writer.write(frame("hello", "seven", 1, 99, 3))
        assert await reader.read() == b""
        assert server.links == set()

    serve(tmp_path, talk)


def test_a_socket_left_by_a_dead_control_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").touch()

    async def talk(server: LinkServer, reader: Any, writer: Any, taken: list[Any]) -> None:
        writer.write(frame("hello", 1, 0, 1, 0))
        assert await receive(reader) == ["greeting", 1]

    serve(tmp_path, talk)
