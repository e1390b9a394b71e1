"""Faults in what the vendor answers, its HTTP being sound. Called through `faults.FAULTS`; pure."""

import gzip
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from steelyard.testing.replies import (
    DONE,
    LAST_CHUNK,
    Ending,
    Pause,
    Step,
    Turn,
    completion,
    encode,
    error_body,
    events,
    head,
    http_chunk,
    json_response,
    ordinary,
    paced,
    plain,
    stream,
    stream_head,
)

ENDLESS_LINE_BYTES_MAX: Final = 256 * 1024 * 1024
"""Where the endless line does end, in bytes: nothing here is without bound."""


def slow_first_byte(turn: Turn) -> Iterator[Step]:
    """Nothing for the given seconds (default 1), then the ordinary answer."""
    yield Pause(turn.number(1.0))
    yield from ordinary(turn)


def slow_body(turn: Turn) -> Iterator[Step]:
    """The head at once, the body after the given seconds (default 1)."""
    if turn.call.is_stream:
        whole = stream(turn, events(turn))
        yield next(whole)
        yield Pause(turn.number(1.0))
        yield from whole
        return
    top, _, body = plain(turn, completion(turn)).partition(b"\r\n\r\n")
    yield top + b"\r\n\r\n"
    yield Pause(turn.number(1.0))
    yield body


def hang(turn: Turn) -> Iterator[Step]:
    """No answer, for ever."""
    yield Ending.HANG


def hang_mid_stream(turn: Turn) -> Iterator[Step]:
    """Some events (default 2), then nothing, for ever."""
    yield stream_head(turn)
    yield from paced(turn, events(turn)[: int(turn.number(2))])
    yield Ending.HANG


def rate_limited(turn: Turn) -> Iterator[Step]:
    """429; with an argument, `retry-after` says that many seconds."""
    headers = [("retry-after", turn.argument)] if turn.argument else []
    yield json_response(429, error_body("Too fast.", "requests", "rate_limit_exceeded"), headers)


def balance_exhausted(turn: Turn) -> Iterator[Step]:
    """429 that no waiting heals: the account with the vendor is empty."""
    yield json_response(429, error_body("No money left.", "insufficient_quota"))


def unavailable(turn: Turn) -> Iterator[Step]:
    """503, overloaded."""
    yield json_response(503, error_body("Overloaded.", "server_error"))


def failed(turn: Turn) -> Iterator[Step]:
    """500, which does not say whether anything was done."""
    yield json_response(500, error_body("Something broke.", "server_error"))


def bad_request(turn: Turn) -> Iterator[Step]:
    """400 about the request."""
    yield json_response(400, error_body("Bad parameter.", "invalid_request_error"))


def bad_credential(turn: Turn) -> Iterator[Step]:
    """401 about our credential, which the vendor's message quotes."""
    sent = turn.request.header("authorization") or ""
    body = error_body(f"Wrong key: {sent}", "invalid_request_error", "invalid_api_key")
    yield json_response(401, body)


def error_event(turn: Turn) -> Iterator[Step]:
    """A 200 stream that turns into an error after some events (default 2)."""
    error = error_body("The model crashed.", "server_error")
    yield from stream(turn, [*events(turn)[: int(turn.number(2))], *events(turn, [error])])


def error_in_200(turn: Turn) -> Iterator[Step]:
    """A plain 200 whose body is an error, as with Qianfan and MiniMax."""
    yield json_response(200, error_body("Sensitive word.", "server_error", "1301"))


def empty_200(turn: Turn) -> Iterator[Step]:
    """A 200 without a body."""
    yield head(200, [("content-type", "application/json"), ("content-length", "0")])


def wrong_content_type(turn: Turn) -> Iterator[Step]:
    """A login page with status 200."""
    page = b"<!doctype html><title>Sign in</title>"
    yield head(200, [("content-type", "text/html"), ("content-length", str(len(page)))]) + page


def endless_line(turn: Turn) -> Iterator[Step]:
    """A line that does not end before `ENDLESS_LINE_BYTES_MAX`."""
    yield stream_head(turn)
    yield http_chunk(b"data: ")
    piece = http_chunk(b"x" * 65_536)
    for _ in range(ENDLESS_LINE_BYTES_MAX // 65_536):
        yield piece


def big_line(turn: Turn) -> Iterator[Step]:
    """A sound event in one line of the given bytes (default 1,000,000)."""
    size = int(turn.number(1_000_000))
    extra = {"object": "chat.completion.chunk", "choices": [], "padding": "x" * size}
    if not turn.call.is_stream:
        yield plain(turn, {**completion(turn), "padding": "x" * size})
        return
    yield from stream(turn, [*events(turn, [extra]), *events(turn)])


def invalid_utf8(turn: Turn) -> Iterator[Step]:
    """Bytes in the content that are no UTF-8."""
    if turn.call.is_stream:
        told = events(turn)
        told.insert(1, told[1].replace(b"word0", b"\xff\xfe\x80"))
        yield from stream(turn, told)
        return
    body = encode(completion(turn)).replace(b"word0", b"\xff\xfe\x80")
    fields = [("content-type", "application/json"), ("content-length", str(len(body)))]
    yield head(200, fields) + body


def invalid_json(turn: Turn) -> Iterator[Step]:
    """JSON that breaks off, although the HTTP body is whole."""
    if turn.call.is_stream:
        told = events(turn)
        told.insert(1, b'data: {"choices":[{"delta"\n\n')
        yield from stream(turn, told)
        return
    body = encode(completion(turn))[:-9]
    fields = [("content-type", "application/json"), ("content-length", str(len(body)))]
    yield head(200, fields) + body


def gzipped(turn: Turn) -> Iterator[Step]:
    """A gzip body, whatever `accept-encoding` said."""
    whole = b"".join([*events(turn), DONE]) if turn.call.is_stream else encode(completion(turn))
    kind = "text/event-stream" if turn.call.is_stream else "application/json"
    body = gzip.compress(whole, mtime=0)
    fields = [("content-type", kind), ("content-encoding", "gzip")]
    yield head(200, [*fields, ("content-length", str(len(body)))]) + body


def crlf(turn: Turn) -> Iterator[Step]:
    """Events that end in CRLF CRLF, which the event-stream format allows."""
    told = [event.replace(b"\n", b"\r\n") for event in [*events(turn), DONE]]
    yield stream_head(turn)
    yield from paced(turn, told)
    yield LAST_CHUNK


def comments(turn: Turn) -> Iterator[Step]:
    """Comments and keep-alives between the events, and fields that nobody asked for."""
    noise = b": keep-alive\n\nevent: ping\nid: 7\nretry: 10\n\n:\n\n"
    yield from stream(turn, [noise + event for event in events(turn)])


def no_done(turn: Turn) -> Iterator[Step]:
    """A stream that ends well in HTTP, but without `[DONE]`."""
    yield stream_head(turn)
    yield from paced(turn, events(turn))
    yield LAST_CHUNK


def overrun(turn: Turn) -> Iterator[Step]:
    """The vendor ignores the request's limit on output and bills what it said."""
    said = turn.parts(is_capped=False)
    limit = turn.call.output_tokens_max or 0
    usage = {
        "prompt_tokens": turn.call.prompt_tokens,
        "completion_tokens": limit + len(said),
        "total_tokens": turn.call.prompt_tokens + limit + len(said),
    }
    if turn.call.is_stream:
        last = {"object": "chat.completion.chunk", "choices": [], "usage": usage}
        told = [event for event in events(turn) if b'"choices":[]' not in event]
        yield from stream(turn, [*told, *events(turn, [last])])
        return
    yield plain(turn, {**completion(turn), "usage": usage})


ANSWER_FAULTS: Final[Mapping[str, Callable[[Turn], Iterator[Step]]]] = {
    "slow-first-byte": slow_first_byte,
    "slow-body": slow_body,
    "hang": hang,
    "hang-mid-stream": hang_mid_stream,
    "429": rate_limited,
    "balance-exhausted": balance_exhausted,
    "503": unavailable,
    "500": failed,
    "400": bad_request,
    "401": bad_credential,
    "error-event": error_event,
    "error-in-200": error_in_200,
    "empty-200": empty_200,
    "wrong-content-type": wrong_content_type,
    "endless-line": endless_line,
    "big-line": big_line,
    "invalid-utf8": invalid_utf8,
    "invalid-json": invalid_json,
    "gzip": gzipped,
    "crlf": crlf,
    "comments": comments,
    "no-done": no_done,
    "overrun": overrun,
}
