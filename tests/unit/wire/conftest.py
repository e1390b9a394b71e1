"""A clock, a transport and a server without an event loop, for tests that own every byte."""

import heapq
from collections.abc import Callable
from typing import Any

import pytest

from steelyard.wire.connection import Connection
from steelyard.wire.http1 import Request
from steelyard.wire.reply import Reply
from steelyard.wire.serving import ServerLimits, ServerState
from steelyard.wire.timers import TimerWheel


class FakeLoop:
    """Only the parts of a loop that the wheel uses, with time that stands still."""

    def __init__(self) -> None:
        self.clock = 100.0
        self._due: list[tuple[float, int, Any]] = []
        self._count = 0

    def time(self) -> float:
        return self.clock

    def call_at(self, when: float, callback: Callable[[], object]) -> Any:
        self._count += 1
        handle = FakeTimerHandle(callback)
        heapq.heappush(self._due, (when, self._count, handle))
        return handle

    @property
    def is_idle(self) -> bool:
        return all(handle.callback is None for _, _, handle in self._due)

    def advance(self, seconds: float) -> None:
        """Lets time pass, calling what falls due in its order."""
        end = self.clock + seconds
        while self._due and self._due[0][0] <= end:
            when, _, handle = heapq.heappop(self._due)
            self.clock = max(self.clock, when)
            if handle.callback is not None:
                handle.callback()
        self.clock = end


class FakeTimerHandle:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeTransport:
    """Takes what is written; says what was done to it."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.writes = 0
        self.is_closed = self.is_aborted = self.has_eof = False
        self.is_reading = True
        self.buffer_bytes = 0

    def write(self, data: bytes) -> None:
        self.sent += data
        self.writes += 1

    def get_extra_info(self, name: str) -> Any:
        return ("192.0.2.7", 4711) if name == "peername" else None

    def get_write_buffer_size(self) -> int:
        return self.buffer_bytes

    def is_closing(self) -> bool:
        return self.is_closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.has_eof = True

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True

    def pause_reading(self) -> None:
        assert self.is_reading
        self.is_reading = False

    def resume_reading(self) -> None:
        assert not self.is_reading
        self.is_reading = True

    def take(self) -> bytes:
        """Returns what was written since the last time."""
        data = bytes(self.sent)
        self.sent.clear()
        return data


class Client:
    """A client's end of one connection to a server whose handler only takes notes."""

    def __init__(self, loop: FakeLoop, limits: ServerLimits) -> None:
        self.loop = loop
        self.seen: list[tuple[Request, Reply]] = []
        self.on_request: Callable[[Request, Reply], None] | None = None
        self.server = ServerState(self._handle, limits, TimerWheel(loop), self._refuse)  # type: ignore[arg-type]
        self.transport = FakeTransport()
        self.connection = Connection(self.server)
        self.connection.connection_made(self.transport)  # type: ignore[arg-type]

    @property
    def requests(self) -> list[Request]:
        return [request for request, _ in self.seen]

    @property
    def reply(self) -> Reply:
        return self.seen[-1][1]

    def send(self, data: bytes) -> None:
        self.connection.data_received(data)

    def _handle(self, request: Request, reply: Reply) -> None:
        self.seen.append((request, reply))
        if self.on_request is not None:
            self.on_request(request, reply)

    @staticmethod
    def _refuse(status: int, code: str, message: str) -> tuple[bytes, bytes]:
        assert message.endswith(".")
        return b"content-type: text/plain\r\n", code.encode()


@pytest.fixture
def fake_loop() -> FakeLoop:
    return FakeLoop()


@pytest.fixture
def wheel(fake_loop: FakeLoop) -> TimerWheel:
    return TimerWheel(fake_loop)  # type: ignore[arg-type]


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
def make_client(fake_loop: FakeLoop) -> Callable[..., Client]:
    return lambda **limits: Client(fake_loop, ServerLimits(**limits))


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()
