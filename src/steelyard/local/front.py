"""The door before llama.cpp's own server: key, allowed routes, a bounded queue with a deadline.

llama.cpp's server demands a key but queues without bound and without a deadline, so requests that
nobody waits for any more would keep the few cores busy. This door reads one request per connection,
admits as many as there are slots, and then passes the answer's bytes on as they come. A client that
hangs up closes the connection behind it, which frees the slot, also while the prompt is still read.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httptools

_GENERATING = frozenset({"/v1/chat/completions", "/v1/completions"})
"""Routes that take a slot."""
_QUICK = frozenset({"/v1/models", "/v1/chat/completions/input_tokens", "/tokenize"})
"""Routes that only look something up."""
_READ_BYTES = 64 * 1024
_LINGER_S = 1.0
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    408: "Request Timeout",
    413: "Content Too Large",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class FrontLimits:
    """What the door admits."""

    slots: int = 1
    """Generations at a time."""
    waiting_max: int = 16
    """Requests that may wait for a slot; one more is refused at once."""
    waiting_s: float = 30.0
    """How long a request may wait for a slot."""
    request_s: float = 30.0
    """How long a request may take to arrive."""
    stall_s: float = 60.0
    """How long a client may take nothing of its answer."""
    head_bytes_max: int = 16 * 1024
    body_bytes_max: int = 4 * 1024 * 1024
    """The longest context of the catalogue is far below it."""


@dataclass(slots=True)
class _Request:
    """A request as httptools reports it."""

    limits: FrontLimits
    method: str = ""
    url: bytes = b""
    key: str = ""
    body: bytearray = field(default_factory=bytearray)
    is_complete: bool = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            self.key = key.strip() if scheme.lower() == "bearer" else ""

    def on_body(self, data: bytes) -> None:
        self.body += data
        if len(self.body) > self.limits.body_bytes_max:
            raise _Refused(413, "request_too_large", "the body is too large for any context here")

    def on_message_complete(self) -> None:
        self.is_complete = True

    @property
    def path(self) -> str:
        """The path without its query."""
        return self.url.split(b"?", 1)[0].decode("latin-1")


class _Refused(Exception):
    """The door answers by itself instead of the engine."""

    def __init__(
        self, status: int, code: str, message: str, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s


class Front:
    """Serves connections; ``serve`` is an asyncio stream handler."""

    def __init__(self, *, key: str, engine_port: int, engine_key: str, limits: FrontLimits) -> None:
        self._key = key
        self._engine_port = engine_port
        self._engine_key = engine_key
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.slots)
        self._waiting = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection, then close it."""
        try:
            try:
                request = await self._read(reader)
                self._check(request)
            except _Refused as refusal:
                writer.write(_refusal(refusal))
                await _linger(reader, writer)
            else:
                await self._answer_unless_gone(request, reader, writer)
            await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> _Request:
        request = _Request(self._limits)
        parser = httptools.HttpRequestParser(request)
        seen = 0
        try:
            async with asyncio.timeout(self._limits.request_s):
                while not request.is_complete:
                    data = await reader.read(_READ_BYTES)
                    if not data:
                        raise ConnectionResetError("closed before the request was complete")
                    parser.feed_data(data)
                    seen += len(data)
                    if not request.body and seen > self._limits.head_bytes_max + _READ_BYTES:
                        raise _Refused(413, "head_too_large", "the request head is too large")
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, _Refused):
                raise error.__context__ from None
            raise
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise _Refused(400, "malformed_request", "the request is not HTTP/1.1") from error
        except TimeoutError as error:
            raise _Refused(408, "request_timeout", "the request took too long") from error
        request.method = parser.get_method().decode("ascii")
        return request

    def _check(self, request: _Request) -> None:
        if (request.method, request.path) == ("GET", "/health"):
            return
        if not hmac.compare_digest(request.key.encode(), self._key.encode()):
            raise _Refused(401, "invalid_api_key", "this engine answers its gateway only")
        if request.path not in _GENERATING | _QUICK:
            raise _Refused(404, "not_found", f"no route {request.path}")

    async def _answer_unless_gone(
        self, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer until done or until the client hangs up, whichever comes first."""
        loop = asyncio.get_running_loop()
        answering = loop.create_task(self._answer(request, writer))
        watching = loop.create_task(_until_eof(reader))
        try:
            await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (answering, watching):
                task.cancel()
            results = await asyncio.gather(answering, watching, return_exceptions=True)
        error = results[0]
        if isinstance(error, Exception):
            raise error

    async def _answer(self, request: _Request, writer: asyncio.StreamWriter) -> None:
        try:
            if request.path == "/health":
                writer.write(_message(200, {"status": "ok"}))
            elif request.path in _GENERATING:
                async with self._slot():
                    await self._relay(request, writer)
            else:
                await self._relay(request, writer)
        except _Refused as refusal:
            writer.write(_refusal(refusal))

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Hold a slot.

        Raises:
            _Refused: too many wait already, or none became free in time.
        """
        if self._slots.locked() and self._waiting >= self._limits.waiting_max:
            raise _Refused(503, "engine_busy", "too many requests wait for this model", 1)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.waiting_s):
                await self._slots.acquire()
        except TimeoutError as error:
            raise _Refused(503, "engine_busy", "no slot became free in time", 1) from error
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    async def _relay(self, request: _Request, writer: asyncio.StreamWriter) -> None:
        """Send the request to the engine and its answer's bytes to the client, unchanged."""
        try:
            source, sink = await asyncio.open_connection("127.0.0.1", self._engine_port)
        except OSError as error:
            raise _Refused(502, "engine_gone", "the engine does not answer") from error
        try:
            # The head is ours from scratch: nothing a client writes can change its framing.
            sink.write(
                f"{request.method} {request.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {self._engine_key}\r\nConnection: close\r\n"
                "Content-Type: application/json\r\n"
                f"Content-Length: {len(request.body)}\r\n\r\n".encode("latin-1")
            )
            sink.write(request.body)
            while data := await source.read(_READ_BYTES):
                writer.write(data)
                async with asyncio.timeout(self._limits.stall_s):
                    await writer.drain()
        finally:
            # Not ``close``: a reset tells llama.cpp at once that nobody waits, so the slot is free.
            sink.transport.abort()


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let a client finish writing, briefly: closing on unread bytes would reset the answer away."""
    writer.write_eof()
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            await _until_eof(reader)


async def _until_eof(reader: asyncio.StreamReader) -> None:
    """Return when the client has closed its side; what it still writes is nobody's request."""
    try:
        while await reader.read(_READ_BYTES):
            pass
    except ConnectionError:
        return


def _refusal(refusal: _Refused) -> bytes:
    error = {"message": str(refusal), "type": "engine_error", "code": refusal.code, "param": None}
    return _message(refusal.status, {"error": error}, refusal.retry_after_s)


def _message(status: int, body: object, retry_after_s: int | None = None) -> bytes:
    payload = json.dumps(body).encode()
    retry = f"Retry-After: {retry_after_s}\r\n" if retry_after_s is not None else ""
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(payload)}\r\n{retry}Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + payload
