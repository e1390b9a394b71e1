"""One connection of the scripted vendor, on a transport that only remembers."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from steelyard.testing.connection import QUEUED_REQUESTS_MAX, Connection
from steelyard.testing.replies import Ending, Pause, Received, Step

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what was written and how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ending = ""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.ending = self.ending or "closed"

    def abort(self) -> None:
        self.ending = "aborted"


class Vendor:
    """Answers from a list and notes what it is told."""

    def __init__(self, *replies: list[Step]) -> None:
        self.replies = list(replies)
        self.noted: list[tuple[str, str]] = []
        self.serial = 0

    def next_serial(self) -> int:
        self.serial += 1
        return self.serial

    def on_request(self, request: Received) -> Iterator[Step]:
        self.noted.append(("full", request.target))
        return iter(self.replies.pop(0) if self.replies else [b"ok"])

    def on_partial(self, request: Received) -> None:
        self.noted.append(("partial", request.target))

    def on_abandoned(self, request: Received) -> None:
        self.noted.append(("abandoned", request.target))

    def on_connected(self, connection: Connection) -> int:
        return 1

    def on_disconnected(self, connection: Connection) -> None:
        self.noted.append(("gone", ""))


def play(vendor: Vendor, story: Callable[[Connection, Wire], None]) -> Wire:
    async def scene() -> Wire:
        connection, wire = Connection(vendor), Wire()
        connection.connection_made(wire)
        story(connection, wire)
        await asyncio.sleep(0.02)
        return wire

    return asyncio.run(scene())


def test_pipelined_requests_wait_for_the_pause_before_them():
    vendor = Vendor([b"a", Pause(0.001), b"b"], [b"c"])
    wire = play(vendor, lambda connection, _: connection.data_received(GET % 1 + GET % 2))
    assert wire.written == b"abc"
    assert vendor.noted == [("full", "/1"), ("full", "/2")]
    assert wire.ending == ""


@pytest.mark.parametrize(
    ("step", "ending"), [(Ending.CLOSE, "closed"), (Ending.RESET, "aborted"), (Ending.HANG, "")]
)
def test_a_reply_ends_as_badly_as_it_says(step: Ending, ending: str):
    wire = play(Vendor([b"a", step]), lambda connection, _: connection.data_received(GET % 1))
    assert (wire.written, wire.ending) == (b"a", ending)


def test_a_full_socket_holds_the_play():
    def story(connection: Connection, wire: Wire) -> None:
        connection.pause_writing()
        connection.data_received(GET % 1)
        assert wire.written == b""
        assert not connection.is_idle
        connection.resume_writing()
        assert connection.is_idle

    assert play(Vendor(), story).written == b"ok"


def test_who_leaves_early_is_noted_by_what_was_left():
    def story(connection: Connection, wire: Wire) -> None:
        connection.data_received(GET % 1 + b"GET /2 HTTP/1.1\r\n")
        connection.connection_lost(None)

    vendor = Vendor([Pause(9.0)])
    play(vendor, story)
    noted = [("full", "/1"), ("partial", "/2"), ("abandoned", "/1"), ("gone", "")]
    assert sorted(vendor.noted) == sorted(noted)


def test_nonsense_and_a_flood_close_the_connection():
    assert play(Vendor(), lambda c, _: c.data_received(b"\x16\x03 no HTTP")).ending == "closed"
    flood = GET % 1 * (QUEUED_REQUESTS_MAX + 2)
    assert play(Vendor([Pause(9.0)]), lambda c, _: c.data_received(flood)).ending == "closed"
