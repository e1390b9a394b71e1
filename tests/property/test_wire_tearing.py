"""Law: however the network tears a conversation, both of its ends read the same messages."""

from collections.abc import Callable
from math import inf
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from steelyard.wire.call import Failure, Origin, PoolLimits, Timeouts
from steelyard.wire.chunked import LAST_CHUNK, encode_chunk
from steelyard.wire.connection import Connection
from steelyard.wire.serving import ServerLimits, ServerState
from steelyard.wire.timers import TimerWheel
from steelyard.wire.upstream import Pool
from steelyard.wire.upstream_connection import UpstreamConnection


class StillLoop:
    """A loop in which no time passes."""

    def time(self) -> float:
        return 0.0

    def call_at(self, when: float, callback: Callable[[], object]) -> "StillLoop":
        return self

    def cancel(self) -> None:
        pass


class Transport:
    """Takes what is written; is told to close."""

    def __init__(self) -> None:
        self.is_closed = False

    def write(self, data: bytes) -> None:
        pass

    def write_eof(self) -> None:
        self.is_closed = True

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, name: str) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return 0


def framed(body: list[bytes], is_chunked: bool) -> bytes:
    """Returns the last header line, the empty line, and the body."""
    if is_chunked:
        chunks = b"".join(encode_chunk(part) for part in body) + LAST_CHUNK
        return b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    whole = b"".join(body)
    return b"Content-Length: %d\r\n\r\n" % len(whole) + whole


BODIES = st.lists(st.binary(min_size=1, max_size=20), max_size=4)
MESSAGES = st.lists(st.tuples(BODIES, st.booleans()), min_size=1, max_size=5)
CUTS = st.lists(st.integers(0, 600), max_size=25)
BROKEN = st.sampled_from([b"", b"", b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\n\n", b"GET "])


def torn(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    pieces = [stream[start:end] for start, end in zip(edges, edges[1:], strict=False)]
    return [piece for piece in pieces if piece]


@given(MESSAGES, BROKEN, CUTS, st.booleans())
def test_requests(messages, broken, cuts, is_answered_at_once):
    seen: list[bytes] = []
    waiting: list[Any] = []

    def handle(request, reply):
        seen.append(request.body)
        waiting.append(reply)
        if is_answered_at_once:
            reply.respond(200, b"", b"")

    wheel = TimerWheel(StillLoop())  # type: ignore[arg-type]
    server = ServerState(handle, ServerLimits(), wheel, lambda *_: (b"", b""))
    connection = Connection(server)
    transport = Transport()
    connection.connection_made(transport)  # type: ignore[arg-type]
    stream = b"".join(b"POST / HTTP/1.1\r\nHost: x\r\n" + framed(*message) for message in messages)
    for piece in torn(stream + broken, cuts):
        connection.data_received(piece)
        while waiting and not is_answered_at_once:
            waiting.pop(0).respond(200, b"", b"")
    assert seen == [b"".join(body) for body, _ in messages]
    assert transport.is_closed is broken.startswith((b"GARB", b"GET /"))
    assert server.requests == len(messages)


class Notes:
    """A sink that puts the body together."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.outcome: object = None

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self.status = status

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_end(self) -> None:
        assert self.outcome is None
        self.outcome = "end"

    def on_failed(self, failure: Failure) -> None:
        assert self.outcome is None
        self.outcome = failure.kind


@given(BODIES, st.booleans(), st.sampled_from([b"", b"x", b"HTTP/1.1 200 OK\r\n\r\n"]), CUTS)
def test_answers(body, is_chunked, extra, cuts):
    wheel = TimerWheel(StillLoop())  # type: ignore[arg-type]
    pool = Pool(Origin(), PoolLimits(), wheel, StillLoop())  # type: ignore[arg-type]
    connection = UpstreamConnection(pool)
    transport = Transport()
    connection.connection_made(transport)  # type: ignore[arg-type]
    notes = Notes()
    pool.send(b"REQUEST", notes, Timeouts(idle_s=inf))
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + framed(body, is_chunked)
    for piece in torn(answer + extra, cuts):
        connection.data_received(piece)
    assert (notes.status, notes.body, notes.outcome) == (200, b"".join(body), "end")
    assert transport.is_closed is (extra != b"")
    assert pool.free_count == (extra == b"")


@given(BODIES, st.booleans(), CUTS, st.integers(1, 200))
def test_an_answer_cut_short_is_never_an_end(body, is_chunked, cuts, missing):
    wheel = TimerWheel(StillLoop())  # type: ignore[arg-type]
    pool = Pool(Origin(), PoolLimits(), wheel, StillLoop())  # type: ignore[arg-type]
    connection = UpstreamConnection(pool)
    connection.connection_made(Transport())  # type: ignore[arg-type]
    notes = Notes()
    pool.send(b"REQUEST", notes, Timeouts())
    answer = b"HTTP/1.1 200 OK\r\n" + framed(body, is_chunked)
    for piece in torn(answer[: -min(missing, len(answer))], cuts):
        connection.data_received(piece)
    connection.connection_lost(None)
    assert notes.outcome == "closed"
    assert b"".join(body).startswith(notes.body)
