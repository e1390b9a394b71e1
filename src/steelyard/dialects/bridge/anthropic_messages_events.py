"""Streams in Anthropic's messages, read and written.

Source: package anthropic 2.12.0, ``types/raw_*_event.py`` and ``lib/streaming`` (read 2026-11-22).
A stream is a row of blocks, one open at a time. Other dialects may mix theirs: what comes for a
block that is not open waits until the open one is whole.
"""

from __future__ import annotations

import msgspec

from steelyard.dialects.anthropic_usage import usage_of
from steelyard.dialects.bridge import anthropic_messages_shapes as shapes
from steelyard.dialects.bridge import neutral
from steelyard.dialects.bridge.anthropic_messages_answers import (
    decode,
    read_fault,
    read_finish,
    read_refusal,
    write_finish,
    write_usage,
)
from steelyard.domain.usage import Usage

_encode = msgspec.json.encode
_STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_MESSAGE_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_EMPTY = frozenset((b"{}", b"null", b""))
_TEXT, _THOUGHT, _REDACTED, _TOOL = "text", "thinking", "redacted_thinking", "tool_use"
_PROVEN = "proven"
"""A thought whose signature came: the next one is another block."""
_ERRORS = frozenset(
    (
        *("invalid_request_error", "authentication_error", "billing_error", "permission_error"),
        *("not_found_error", "rate_limit_error", "timeout_error", "api_error", "overloaded_error"),
    )
)
"""Types of errors that clients of the dialect know."""


class _Call:
    """A tool call that is being read."""

    __slots__ = ("has_arguments", "index")

    def __init__(self, index: int) -> None:
        self.index = index
        self.has_arguments = False


class Parser:
    """Reads one stream of a vendor."""

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}
        """Calls by the index of their block."""
        self._usage: Usage | None = None
        self._tier = ""

    def feed(self, data: bytes) -> list[neutral.Event]:
        """The events in the data of one SSE event.

        Raises:
            DialectViolated: it is no JSON, or a field has a type that nobody gives it.
        """
        event = decode(data, shapes.event_decoder)
        kind, delta = event.type, event.delta
        if kind == "content_block_delta" and delta is not None:
            return self._read_delta(delta, event.index)
        if kind == "content_block_start" and event.content_block is not None:
            return self._read_start(event.content_block, event.index)
        if kind == "content_block_stop":
            call = self._calls.get(event.index)
            if call is None or call.has_arguments:
                return []
            # An answer that is not streamed has an empty object there.
            return [neutral.ToolDelta(call.index, "{}")]
        if kind == "message_start" and event.message is not None:
            return [self._read_begin(event.message)]
        if kind == "message_delta":
            return self._read_end(event)
        if kind == "error":
            return [read_fault(event.error)]
        return []

    def _read_delta(self, delta: shapes.Delta, block: int) -> list[neutral.Event]:
        if delta.text:
            return [neutral.TextDelta(delta.text)]
        if delta.partial_json:
            call = self._calls.get(block)
            if call is None:
                return []  # a tool that the vendor runs itself
            call.has_arguments = True
            return [neutral.ToolDelta(call.index, delta.partial_json)]
        if delta.thinking:
            return [neutral.ReasoningDelta(delta.thinking)]
        if delta.signature:
            return [neutral.ReasoningProof(delta.signature)]
        return []

    def _read_start(self, block: shapes.Block, place: int) -> list[neutral.Event]:
        kind = block.type
        found: list[neutral.Event] = []
        if kind == _TOOL:
            call = self._calls[place] = _Call(len(self._calls))
            found.append(neutral.ToolBegin(call.index, block.id or "", block.name or ""))
            if bytes(block.input) not in _EMPTY:
                # Some vendors of the dialect do not cut arguments into pieces.
                call.has_arguments = True
                found.append(neutral.ToolDelta(call.index, bytes(block.input).decode()))
        elif kind == _TEXT and block.text:
            found.append(neutral.TextDelta(block.text))
        elif kind == _REDACTED and block.data:
            found.append(neutral.ReasoningProof(block.data, is_redacted=True))
        elif kind == _THOUGHT:
            if block.thinking:
                found.append(neutral.ReasoningDelta(block.thinking))
            if block.signature:
                found.append(neutral.ReasoningProof(block.signature))
        return found

    def _read_begin(self, message: shapes.Answer) -> neutral.Event:
        self._usage, _, served_by, tier = usage_of(message.usage, None, is_begin=True)
        self._tier = tier or ""
        model = served_by or message.model or ""
        return neutral.Begin(message.id or "", model, usage=self._usage)

    def _read_end(self, event: shapes.Event) -> list[neutral.Event]:
        found: list[neutral.Event] = []
        delta = event.delta
        if delta is not None and delta.stop_reason is not None:
            if told := read_refusal(delta.stop_details):
                found.append(neutral.RefusalDelta(told))
            reason = read_finish(delta.stop_reason)
            found.append(neutral.Finish(reason, 0, delta.stop_sequence or ""))
        usage, _, _, tier = usage_of(event.usage, self._usage, is_begin=False)
        if usage is not None:
            self._usage, self._tier = usage, tier or self._tier
            found.append(neutral.Spent(usage, self._tier))
        return found


class _Block:
    """A block that is being written, or waits for its turn."""

    __slots__ = ("call", "head", "kind", "kept", "said")

    def __init__(self, kind: str, head: bytes, call: int = -1) -> None:
        self.kind = kind
        self.head = head
        """Its shape in ``content_block_start``."""
        self.call = call
        """Which tool call it is, counted by the sender; -1 for none."""
        self.kept: list[bytes] = []
        """Deltas that wait."""
        self.said: list[str] = []
        """Arguments so far, of a call."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing more can come: of a call, when its arguments are JSON."""
        if self.kind != _TOOL:
            return True
        try:
            msgspec.json.decode("".join(self.said))
        except (msgspec.DecodeError, RecursionError):
            return False
        return True


class Builder:
    """Writes one stream for a client, who always gets its usage."""

    def __init__(self) -> None:
        self._has_begun = False
        self._has_failed = False
        self._open: _Block | None = None
        self._waiting: list[_Block] = []
        self._index = -1
        """Of the block that is open, or was last."""
        self._before = b""
        """What stands before a delta of the open block."""
        self._usage = Usage()
        self._tier = ""
        self._finish: neutral.Finish | None = None

    def feed(self, events: list[neutral.Event]) -> bytes:
        """Whole SSE events, terminators included."""
        if len(events) == 1:
            return self._write(events[0])
        return b"".join([self._write(event) for event in events])

    def end(self) -> bytes:
        """The reason of the end, the usage and the stream's end; nothing follows an error."""
        if self._has_failed:
            return b""
        finish = self._finish or neutral.Finish(neutral.STOP)
        delta = {
            "stop_reason": write_finish(finish.reason, finish.stop_sequence),
            "stop_sequence": finish.stop_sequence or None,
        }
        usage = write_usage(self._usage, self._tier)
        told = _encode({"type": "message_delta", "delta": delta, "usage": usage})
        begun, closed = self._begun(), self._advance(is_over=True)
        return b"".join(
            (begun, closed, b"event: message_delta\ndata: ", told, b"\n\n", _MESSAGE_STOP)
        )

    def _write(self, event: neutral.Event) -> bytes:
        if isinstance(event, neutral.TextDelta):
            return self._say(_TEXT, b'{"type":"text_delta","text":', event.text, event.choice)
        if isinstance(event, neutral.ReasoningDelta):
            mark = b'{"type":"thinking_delta","thinking":'
            return self._say(_THOUGHT, mark, event.text, event.choice)
        if isinstance(event, neutral.ToolDelta):
            return self._write_arguments(event)
        if isinstance(event, neutral.ToolBegin):
            return self._write_call(event)
        if isinstance(event, neutral.Begin):
            return self._begun(event)
        if isinstance(event, neutral.Spent):
            self._usage, self._tier = event.usage, event.tier or self._tier
        elif isinstance(event, neutral.Finish):
            self._finish = self._finish if event.choice else event
        elif isinstance(event, neutral.ReasoningProof):
            return self._write_proof(event)
        elif isinstance(event, neutral.RefusalDelta):
            return self._say(_TEXT, b'{"type":"text_delta","text":', event.text, event.choice)
        elif isinstance(event, neutral.Fault):
            self._has_failed = True
            return _written_fault(event)
        return b""

    def _begun(self, event: neutral.Begin | None = None) -> bytes:
        """``message_start``, where it is not written yet."""
        if self._has_begun:
            return b""
        self._has_begun = True
        event = event or neutral.Begin("", "")
        self._usage = event.usage or self._usage
        message: dict[str, object] = {
            "id": event.reply_id,
            "type": "message",
            "role": "assistant",
            "model": event.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage, self._tier),
        }
        told = _encode({"type": "message_start", "message": message})
        return b"event: message_start\ndata: " + told + b"\n\n"

    def _say(self, kind: str, mark: bytes, text: str, choice: int) -> bytes:
        """More words of a block of text or thought."""
        if choice or not text:
            return b""
        delta = mark + _encode(text)
        block = self._open
        if block is not None and block.kind == kind and not self._waiting:
            return b"".join((self._before, delta, b"}}\n\n"))
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.kind == kind:
            last.kept.append(delta)
            return b""
        head = (
            b'"text","text":""}' if kind == _TEXT else b'"thinking","thinking":"","signature":""}'
        )
        return self._add(_Block(kind, head), delta)

    def _write_proof(self, event: neutral.ReasoningProof) -> bytes:
        if event.choice:
            return b""
        if event.is_redacted:
            head = b'"redacted_thinking","data":' + _encode(event.signature) + b"}"
            return self._add(_Block(_REDACTED, head), b"")
        proof = b'{"type":"signature_delta","signature":'
        written = self._say(_THOUGHT, proof, event.signature, 0)
        block = self._waiting[-1] if self._waiting else self._open
        if block is not None and block.kind == _THOUGHT:
            block.kind = _PROVEN
        return written

    def _write_call(self, event: neutral.ToolBegin) -> bytes:
        if event.choice:
            return b""
        head = b'"tool_use","id":%b,"name":%b,"input":{}}' % (
            _encode(event.call_id),
            _encode(event.name),
        )
        return self._add(_Block(_TOOL, head, event.index), b"")

    def _write_arguments(self, event: neutral.ToolDelta) -> bytes:
        if event.choice or not event.arguments:
            return b""
        delta = b'{"type":"input_json_delta","partial_json":' + _encode(event.arguments)
        block = self._open
        if block is not None and block.call == event.index:
            block.said.append(event.arguments)
            written = b"".join((self._before, delta, b"}}\n\n"))
            return written + self._advance(is_over=False) if self._waiting else written
        for waiting in self._waiting:
            if waiting.call == event.index:
                waiting.said.append(event.arguments)
                waiting.kept.append(delta)
        return b""

    def _add(self, block: _Block, delta: bytes) -> bytes:
        """Opens a block, or lets it wait until the open one is whole."""
        if delta:
            block.kept.append(delta)
        self._waiting.append(block)
        return self._begun() + self._advance(is_over=False)

    def _advance(self, *, is_over: bool) -> bytes:
        """Closes what is whole and opens what waits behind it."""
        written: list[bytes] = []
        while True:
            if self._open is None:
                if not self._waiting:
                    break
                written.append(self._opened(self._waiting.pop(0)))
            elif is_over or (self._waiting and self._open.is_whole):
                written.append(_STOP % self._index)
                self._open = None
            else:
                break
        return b"".join(written)

    def _opened(self, block: _Block) -> bytes:
        self._open = block
        self._index += 1
        self._before = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":'
            % self._index
        )
        start = b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,'
        opened = [start % self._index, b'"content_block":{"type":', block.head, b"}\n\n"]
        for delta in block.kept:
            opened.extend((self._before, delta, b"}}\n\n"))
        return b"".join(opened)


def _written_fault(fault: neutral.Fault) -> bytes:
    error: dict[str, object] = {"type": fault.code, "message": fault.message}
    if fault.code not in _ERRORS:
        error["type"] = "api_error"
        if fault.code:
            error["details"] = {"error_code": fault.code}
    return b"event: error\ndata: " + _encode({"type": "error", "error": error}) + b"\n\n"
