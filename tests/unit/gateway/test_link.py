import asyncio
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.plain_core import MONEY
from steelyard.domain.errors import BudgetExceeded
from steelyard.gateway.leases import Lease
from steelyard.gateway.link import FRAME_BYTES_MAX, OFFERED_BYTES_MAX, Link


class FakeControl:
    """Control's end of a link."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(4), "little")
                self.heard.append(msgspec.msgpack.decode(await reader.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def tell(self, *fields: object) -> None:
        body = msgspec.msgpack.encode(fields)
        self.writers[-1].write(struct.pack("<I", len(body)) + body)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


Scenario = Callable[[Link, FakeControl, list[Any]], Awaitable[None]]


def run(folder: Path, scenario: Scenario, *, is_late: bool = False) -> None:
    async def whole() -> None:
        path = str(folder / "l")
        control, news = FakeControl(), list[Any]()
        link = Link(path, ["hello-fields"], lambda kind, fields: news.append((kind, fields)))
        if is_late:
            await link.open()
            assert not link.is_connected
        server = await asyncio.start_unix_server(control.serve, path)
        if not is_late:
            await link.open()
        try:
            await until(lambda: link.is_connected and control.heard)
            await scenario(link, control, news)
        finally:
            link.close()
            server.close()
            for writer in control.writers:
                writer.close()
            await asyncio.sleep(0.01)

    asyncio.run(whole())


def test_leases_are_asked_for_granted_and_denied(tmp_path: Path) -> None:
    async def scenario(link: Link, control: FakeControl, news: list[Any]) -> None:
        lease = Lease(MONEY)
        lease.used, lease.granted = 5, 7
        link.ask(lease, 10, 99)
        await until(lambda: len(control.heard) == 2)
        # Only what is missing beyond what is left.
        assert control.heard[1] == ["lease", 1, "account:acc_1", "money", 8, 99]
        assert lease.is_asking
        huge = 2**70
        control.tell("lease", 1, 4, str(huge), 123, "CNY")
        control.tell("lease", 1, 4, "1", 123, "CNY")
        control.tell("lease", 77, 4, "1", 123, "CNY")
        control.tell("denied", 77, "x", "y", None)
        control.tell("other", 1, 2)
        await until(lambda: news)
        assert (lease.lease_id, lease.granted, lease.window_end_ns) == (4, huge, 123)
        assert not lease.is_asking
        assert news == [("other", [1, 2])]
        link.ask(lease, huge, 99)
        control.tell("denied", 2, "insufficient_quota", "used up", None)
        await until(lambda: lease.denial)
        assert isinstance(lease.denial, BudgetExceeded)
        lease.used = 6
        link.shrink(lease)
        await until(lambda: len(control.heard) == 4)
        assert control.heard[3] == ["shrink", 4, 6]
        assert lease.granted == 6

    run(tmp_path, scenario)


def test_frames_may_be_torn_anywhere(tmp_path: Path) -> None:
    async def scenario(link: Link, control: FakeControl, news: list[Any]) -> None:
        body = msgspec.msgpack.encode(["news", "x" * 50])
        frame = struct.pack("<I", len(body)) + body
        for byte in frame + frame[:7]:
            link.data_received(bytes([byte]))
        assert news == [("news", ["x" * 50])]

    run(tmp_path, scenario)


def test_control_may_come_later(tmp_path: Path) -> None:
    async def scenario(link: Link, control: FakeControl, news: list[Any]) -> None:
        assert control.heard == [["hello", "hello-fields"]]

    run(tmp_path, scenario, is_late=True)


def test_a_lost_link_ends_all_asking_and_comes_back(tmp_path: Path) -> None:
    async def scenario(link: Link, control: FakeControl, news: list[Any]) -> None:
        lease = Lease(MONEY)
        link.ask(lease, 10, 0)
        control.writers[-1].close()
        await until(lambda: not link.is_connected)
        assert not lease.is_asking
        link.ask(lease, 10, 0)
        link.send("lost")
        assert not lease.is_asking
        await until(lambda: link.is_connected)
        await until(lambda: control.heard.count(["hello", "hello-fields"]) == 2)

    run(tmp_path, scenario)


def test_an_absurd_frame_ends_the_link(tmp_path: Path) -> None:
    async def scenario(link: Link, control: FakeControl, news: list[Any]) -> None:
        control.writers[-1].write(struct.pack("<I", FRAME_BYTES_MAX + 1))
        await until(lambda: not link.is_connected)
        await until(lambda: link.is_connected)

    run(tmp_path, scenario)


@pytest.mark.parametrize("frame", [b"\xc1", b"\x81\xa1a\x01", b"\x90"])
def test_nonsense_ends_the_link_and_not_the_worker(tmp_path: Path, frame: bytes) -> None:
    async def scenario(link: Link, control: FakeControl, news: list[Any]) -> None:
        control.writers[-1].write(struct.pack("<I", len(frame)) + frame)
        await until(lambda: not link.is_connected)
        await until(lambda: link.is_connected)
        assert news == []

    run(tmp_path, scenario)


def test_what_may_be_lost_is_not_sent_while_control_is_behind(tmp_path: Path) -> None:
    async def scenario(link: Link, control: FakeControl, news: list[Any]) -> None:
        link.offer("captured", b"x")
        await until(lambda: len(control.heard) == 2)
        link.send("big", b"x" * (8 * OFFERED_BYTES_MAX))
        link.offer("captured", b"lost")
        link.send("last")
        await until(lambda: control.heard[-1] == ["last"])
        assert [each[0] for each in control.heard[1:]] == ["captured", "big", "last"]

    run(tmp_path, scenario)
