"""Faults in the vendor's HTTP: framing and connection. Called through `faults.FAULTS`; pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from steelyard.testing.replies import (
    DONE,
    Ending,
    Pause,
    Step,
    Turn,
    completion,
    encode,
    events,
    head,
    http_chunk,
    ordinary,
    own_headers,
    paced,
    plain,
    stream_head,
)


def cut_mid_event(turn: Turn) -> Iterator[Step]:
    """FIN in the middle of an event, after some whole ones (default 2); or mid-body."""
    if not turn.call.is_stream:
        whole = plain(turn, completion(turn))
        yield whole[:-20]
        yield Ending.CLOSE
        return
    count = int(turn.number(2))
    told = events(turn)
    yield stream_head(turn)
    yield from paced(turn, told[:count])
    yield http_chunk(told[count])[:-15]
    yield Ending.CLOSE


def cut_before_usage(turn: Turn) -> Iterator[Step]:
    """FIN after the finish reason, where the usage would have come."""
    if not turn.call.is_stream:
        yield plain(turn, completion(turn)).partition(b'"usage"')[0]
        yield Ending.CLOSE
        return
    yield stream_head(turn)
    yield from paced(turn, [event for event in events(turn) if b'"choices":[]' not in event])
    yield Ending.CLOSE


def cut_before_terminator(turn: Turn) -> Iterator[Step]:
    """Everything was said, `[DONE]` too, but the chunked body's end is missing."""
    yield stream_head(turn)
    yield from paced(turn, [*events(turn), DONE])
    yield Ending.CLOSE


def early_close(turn: Turn) -> Iterator[Step]:
    """FIN instead of an answer."""
    yield Ending.CLOSE


def reset(turn: Turn) -> Iterator[Step]:
    """RST instead of an answer."""
    yield Ending.RESET


def reset_mid_stream(turn: Turn) -> Iterator[Step]:
    """RST after some events (default 2), a moment later so that they arrive."""
    yield stream_head(turn)
    yield from paced(turn, events(turn)[: int(turn.number(2))])
    yield Pause(0.02)
    yield Ending.RESET


def garbage(turn: Turn) -> Iterator[Step]:
    """Bytes that are no HTTP."""
    yield b"\x16\x03\x01\x00 this is not HTTP\r\n\r\n"


def two_responses(turn: Turn) -> Iterator[Step]:
    """A second response that nobody asked for, in the same write; its content says so."""
    [first] = [b"".join(step for step in ordinary(turn) if isinstance(step, bytes))]
    yield first + plain(turn, {**completion(turn), "stolen": True})


def late_response(turn: Turn) -> Iterator[Step]:
    """The second response comes when the connection lies idle (default 0.05 s later)."""
    yield from ordinary(turn)
    yield Pause(turn.number(0.05))
    yield plain(turn, {**completion(turn), "stolen": True})


def huge_header(turn: Turn) -> Iterator[Step]:
    """A response header of the given bytes (default 1,000,000)."""
    body = encode(completion(turn))
    fields = [("x-padding", "x" * int(turn.number(1_000_000)))]
    yield head(200, [*fields, ("content-length", str(len(body)))]) + body


def connection_close(turn: Turn) -> Iterator[Step]:
    """A sound answer that says `connection: close`, and does."""
    steps = ordinary(turn)
    first = next(steps)
    while isinstance(first, Pause):
        yield first
        first = next(steps)
    if isinstance(first, bytes):
        yield first.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
    yield from steps
    yield Ending.CLOSE


def close_delimited(turn: Turn) -> Iterator[Step]:
    """A body without length or chunks, ended by FIN (RFC 9112, 6.3, rule 8)."""
    kind = "text/event-stream" if turn.call.is_stream else "application/json"
    yield head(200, [("content-type", kind), *own_headers(turn), ("connection", "close")])
    yield from [*events(turn), DONE] if turn.call.is_stream else [encode(completion(turn))]
    yield Ending.CLOSE


def silent_close(turn: Turn) -> Iterator[Step]:
    """A sound answer, then FIN although nothing announced it: the pool holds a dead connection."""
    yield from ordinary(turn)
    yield Ending.CLOSE


def slow_trickle(turn: Turn) -> Iterator[Step]:
    """The answer in pieces of 16 bytes with the given seconds between (default 0.01)."""
    yield from _split(turn, 16, turn.number(0.01))


def one_byte(turn: Turn) -> Iterator[Step]:
    """Every byte of the answer is a write of its own."""
    yield from _split(turn, 1, 0.0)


def bad_chunk(turn: Turn) -> Iterator[Step]:
    """A chunk size that is no number, after some events (default 2)."""
    yield stream_head(turn)
    yield from paced(turn, events(turn)[: int(turn.number(2))])
    yield b"zz\r\nwhat?\r\n"


def short_length(turn: Turn) -> Iterator[Step]:
    """`content-length` says 10 bytes less than come."""
    body = encode(completion(turn))
    fields = [("content-type", "application/json"), ("content-length", str(len(body) - 10))]
    yield head(200, fields) + body


def two_lengths(turn: Turn) -> Iterator[Step]:
    """Two `content-length` that differ: where the answer ends is anybody's guess."""
    body = encode(completion(turn))
    lengths = [("content-length", str(len(body))), ("content-length", str(len(body) + 5))]
    yield head(200, [("content-type", "application/json"), *lengths]) + body


def interim(turn: Turn) -> Iterator[Step]:
    """Interim responses (100, 103) before the answer, which a client has to skip."""
    yield head(100, []) + head(103, [("link", "</style.css>; rel=preload")])
    yield from ordinary(turn)


def _split(turn: Turn, size: int, gap_s: float) -> Iterator[Step]:
    whole = b"".join(step for step in ordinary(turn) if isinstance(step, bytes))
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
        yield Pause(gap_s)


HTTP_FAULTS: Final[Mapping[str, Callable[[Turn], Iterator[Step]]]] = {
    "cut-mid-event": cut_mid_event,
    "cut-before-usage": cut_before_usage,
    "cut-before-terminator": cut_before_terminator,
    "early-close": early_close,
    "reset": reset,
    "reset-mid-stream": reset_mid_stream,
    "garbage": garbage,
    "two-responses": two_responses,
    "late-response": late_response,
    "huge-header": huge_header,
    "connection-close": connection_close,
    "close-delimited": close_delimited,
    "silent-close": silent_close,
    "slow-trickle": slow_trickle,
    "one-byte": one_byte,
    "bad-chunk": bad_chunk,
    "short-length": short_length,
    "two-lengths": two_lengths,
    "interim": interim,
}
