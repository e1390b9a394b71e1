"""Streams in OpenAI's chat dialect, read and written.

Source: the published OpenAI API description, ``CreateChatCompletionStreamResponse``. Vendors
differ: calls have gaps in their indexes or all the same one, an id only at first or anew in each
delta, usage in every event, on the last choice or alone, and the reason of the end twice or never.
"""

from __future__ import annotations

import msgspec

from steelyard.dialects.bridge import neutral
from steelyard.dialects.bridge import openai_chat_shapes as shapes
from steelyard.dialects.bridge.openai_chat_answers import (
    FAULTS,
    decode_answer,
    is_value,
    made_id,
    read_fault,
    read_finish,
    read_stop,
    read_usage,
    spoken,
    write_finish,
    write_logprobs,
    write_tier,
    write_usage,
)
from steelyard.dialects.bridge.openai_chat_read import arguments_text
from steelyard.domain.errors import DialectViolated
from steelyard.domain.usage import Usage

_encode = msgspec.json.encode


class _Call:
    """A tool call that is being read."""

    __slots__ = ("begun", "call_id", "index", "kept")

    def __init__(self, index: int) -> None:
        self.index = index
        self.call_id = ""
        """As the vendor gave it; empty until it does."""
        self.begun = False
        self.kept = ""
        """Arguments that came before the name did."""


class _Reading:
    """What must be known of a choice while it is read."""

    __slots__ = ("calls", "is_over", "is_refused", "places", "reply_id")

    def __init__(self, reply_id: str) -> None:
        self.reply_id = reply_id
        self.calls: list[_Call] = []
        self.places: dict[int, _Call] = {}
        """The latest call at each index of the vendor's."""
        self.is_refused = False
        self.is_over = False


class Parser:
    """Reads one stream of a vendor."""

    def __init__(self) -> None:
        self._has_begun = False
        self._reply_id = ""
        self._choices: dict[int, _Reading] = {}
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> list[neutral.Event]:
        """The events in the data of one SSE event.

        Raises:
            DialectViolated: it is no JSON, or a field has a type that nobody gives it.
        """
        if data.startswith(b"[DONE]") or not data.strip():
            return []
        try:
            return self._read(decode_answer(data))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise DialectViolated(f"The event cannot be read: {error}"[:200]) from error

    def _read(self, answer: shapes.Answer) -> list[neutral.Event]:
        found: list[neutral.Event] = []
        if is_value(answer.error):
            return [read_fault(answer.error)]
        if not self._has_begun and (answer.choices or answer.id):
            self._has_begun, self._reply_id = True, answer.id or ""
            created_s = int(answer.created or 0)
            found.append(neutral.Begin(self._reply_id, answer.model or "", created_s))
        usage = answer.usage
        for choice in answer.choices or ():
            self._read_choice(choice, found)
            if choice.usage is not shapes.NULL and not is_value(usage):
                usage = choice.usage
        if usage is not shapes.NULL:
            counted = read_usage(usage)
            if counted is not None and counted != self._usage:
                self._usage = counted
                found.append(neutral.Spent(counted, answer.service_tier or ""))
        return found

    def _read_choice(self, shape: shapes.Choice, found: list[neutral.Event]) -> None:
        place = shape.index or 0
        state = self._choices.get(place)
        if state is None:
            state = self._choices[place] = _Reading(self._reply_id)
        said = shape.delta
        if said is not None:
            self._read_delta(said, place, state, found)
        if shape.logprobs is not shapes.NULL and is_value(shape.logprobs):
            found.append(neutral.LogprobsDelta(shape.logprobs, place))
        reason = shape.finish_reason
        if reason and not state.is_over:
            state.is_over = True
            self._end(reason, shape, state, found)

    def _read_delta(
        self, said: shapes.Said, place: int, state: _Reading, found: list[neutral.Event]
    ) -> None:
        thought = said.reasoning_content or said.reasoning
        text = said.content
        if isinstance(text, list):
            text, inner = spoken(text)
            thought = thought or inner
        if thought:
            found.append(neutral.ReasoningDelta(thought, place))
        if text:
            found.append(neutral.TextDelta(text, place))
        if said.refusal:
            state.is_refused = True
            found.append(neutral.RefusalDelta(said.refusal, place))
        if said.tool_calls:
            for call in said.tool_calls:
                _read_call(call, place, state, found)
        elif said.function_call is not None:
            _read_call(shapes.ToolCall(function=said.function_call), place, state, found)

    def _end(
        self, reason: str, shape: shapes.Choice, state: _Reading, found: list[neutral.Event]
    ) -> None:
        if reason in FAULTS:
            found.append(neutral.Fault(f"The vendor broke off: {reason}.", reason))
            return
        place = shape.index or 0
        for call in state.calls:
            if not call.begun:
                _begin(call, "", place, state, found)
        told = read_finish(reason, bool(state.calls), state.is_refused)
        found.append(neutral.Finish(told, place, read_stop(shape.stop_reason)))


def _read_call(
    shape: shapes.ToolCall, place: int, state: _Reading, found: list[neutral.Event]
) -> None:
    function = shape.function
    name = (function.name or "") if function is not None else ""
    call = _call_of(shape, name, state)
    if name and not call.begun:
        _begin(call, name, place, state, found)
    arguments = arguments_text(function.arguments) if function is not None else ""
    if arguments:
        if call.begun:
            found.append(neutral.ToolDelta(call.index, arguments, place))
        else:
            call.kept += arguments


def _call_of(shape: shapes.ToolCall, name: str, state: _Reading) -> _Call:
    """The call that a delta belongs to.

    It is a new one where its index is, or where an id and a name come that are not those of the
    call before: some vendors number all calls 0, others give every delta a new id, but no name.
    """
    known = state.places.get(shape.index) if shape.index is not None else None
    if known is None and shape.index is None and state.calls:
        known = state.calls[-1]
    if known is not None:
        is_other = bool(name and shape.id and known.call_id) and shape.id != known.call_id
        if not is_other or not known.begun:
            known.call_id = known.call_id or shape.id or ""
            return known
    call = _Call(len(state.calls))
    call.call_id = shape.id or ""
    state.calls.append(call)
    if shape.index is not None:
        state.places[shape.index] = call
    return call


def _begin(call: _Call, name: str, place: int, state: _Reading, found: list[neutral.Event]) -> None:
    call.begun = True
    # Fixed from here on: an id that comes later is another one's, or nobody's.
    call.call_id = call.call_id or made_id(state.reply_id, call.index)
    found.append(neutral.ToolBegin(call.index, call.call_id, name, place))
    if call.kept:
        found.append(neutral.ToolDelta(call.index, call.kept, place))


class _Writing:
    """What must be known of a choice while it is written."""

    __slots__ = ("bare_calls", "is_over", "is_refused")

    def __init__(self) -> None:
        self.bare_calls: dict[int, None] = {}
        """Calls that have no arguments yet."""
        self.is_refused = False
        self.is_over = False


class Builder:
    """Writes one stream for a client."""

    def __init__(self, wants_usage: bool) -> None:
        self._wants_usage = wants_usage
        self._choices: dict[int, _Writing] = {}
        self._usage: Usage | None = None
        self._tier = ""
        self._has_failed = False
        # As OpenAI does it: who asks for usage finds an empty one in all events but the last.
        nothing = b',"usage":null' if wants_usage else b""
        self._after = b'},"logprobs":null,"finish_reason":null}]' + nothing + b"}\n\n"
        self._nothing = nothing
        self._head = b""
        self._before = b""
        self._begin("", "", 0)

    def _begin(self, reply_id: str, model: str, created_s: int) -> None:
        self._head = b"".join(
            (
                *(b'data: {"id":', _encode(reply_id), b',"object":"chat.completion.chunk"'),
                *(b',"created":%d,"model":' % created_s, _encode(model), b',"choices":['),
            )
        )
        self._before = self._head + b'{"index":0,"delta":{'

    def feed(self, events: list[neutral.Event]) -> bytes:
        """Whole SSE events, terminators included."""
        if len(events) == 1:
            return self._write(events[0])
        written = []
        for place, event in enumerate(events):
            if isinstance(event, neutral.LogprobsDelta) and place:
                before = events[place - 1]
                if isinstance(before, neutral.TextDelta) and before.choice == event.choice:
                    continue  # written with the words that it belongs to
            if isinstance(event, neutral.TextDelta) and place + 1 < len(events):
                after = events[place + 1]
                if isinstance(after, neutral.LogprobsDelta) and after.choice == event.choice:
                    delta = b'"content":' + _encode(event.text)
                    written.append(self._chunk(event.choice, delta, after.raw))
                    continue
            written.append(self._write(event))
        return b"".join(written)

    def end(self) -> bytes:
        """The usage, where the client asked for it, and the stream's end.

        Nothing follows an error: clients raise it where they find it.
        """
        if self._has_failed:
            return b""
        if not self._wants_usage or self._usage is None:
            return b"data: [DONE]\n\n"
        tier = write_tier(self._tier)
        told = b',"service_tier":' + _encode(tier) if tier else b""
        usage = _encode(write_usage(self._usage))
        return self._head + b"]" + told + b',"usage":' + usage + b"}\n\ndata: [DONE]\n\n"

    def _write(self, event: neutral.Event) -> bytes:
        if isinstance(event, neutral.TextDelta):
            return self._chunk(event.choice, b'"content":' + _encode(event.text))
        if isinstance(event, neutral.ReasoningDelta):
            return self._chunk(event.choice, b'"reasoning_content":' + _encode(event.text))
        if isinstance(event, neutral.ToolDelta):
            return self._write_arguments(event)
        if isinstance(event, neutral.ToolBegin):
            return self._write_call(event)
        if isinstance(event, neutral.Begin):
            self._begin(event.reply_id, event.model, event.created_s)
            self._usage = event.usage or self._usage
            return self._opened(0)
        if isinstance(event, neutral.Spent):
            self._usage, self._tier = event.usage, event.tier or self._tier
            return b""
        if isinstance(event, neutral.Finish):
            return self._write_finish(event)
        if isinstance(event, neutral.RefusalDelta):
            opened = self._opened(event.choice)
            self._choices[event.choice].is_refused = True
            return opened + self._chunk(event.choice, b'"refusal":' + _encode(event.text))
        if isinstance(event, neutral.LogprobsDelta):
            return self._chunk(event.choice, b"", event.raw)
        if isinstance(event, neutral.Fault):
            self._has_failed = True
            code = event.code or "upstream_error"
            error = {"message": event.message, "type": "upstream_error", "code": code}
            return b"data: " + _encode({"error": {**error, "param": None}}) + b"\n\n"
        return b""  # a proof of thought has no place in this dialect

    def _opened(self, choice: int) -> bytes:
        """The event that says who speaks, the first of each choice."""
        if choice in self._choices:
            return b""
        self._choices[choice] = _Writing()
        return self._chunk(choice, b'"role":"assistant","content":"","refusal":null')

    def _chunk(self, choice: int, delta: bytes, logprobs: msgspec.Raw | None = None) -> bytes:
        opened = b"" if choice in self._choices else self._opened(choice)
        if choice:
            before = self._head + b'{"index":%d,"delta":{' % choice
        else:
            before = self._before
        if logprobs is None:
            return b"".join((opened, before, delta, self._after))
        told = bytes(write_logprobs(logprobs))
        after = b'},"logprobs":' + told + b',"finish_reason":null}]' + self._nothing + b"}\n\n"
        return b"".join((opened, before, delta, after))

    def _write_call(self, event: neutral.ToolBegin) -> bytes:
        opened = self._opened(event.choice)
        self._choices[event.choice].bare_calls[event.index] = None
        delta = b"".join(
            (
                *(b'"tool_calls":[{"index":%d,"id":' % event.index, _encode(event.call_id)),
                *(b',"type":"function","function":{"name":', _encode(event.name)),
                b',"arguments":""}}]',
            )
        )
        return opened + self._chunk(event.choice, delta)

    def _write_arguments(self, event: neutral.ToolDelta) -> bytes:
        if not event.arguments:
            return b""
        opened = self._opened(event.choice)
        bare = self._choices[event.choice].bare_calls
        if bare:
            bare.pop(event.index, None)
        delta = b'"tool_calls":[{"index":%d,"function":{"arguments":%b}}]' % (
            event.index,
            _encode(event.arguments),
        )
        return opened + self._chunk(event.choice, delta)

    def _write_finish(self, event: neutral.Finish) -> bytes:
        written = [self._opened(event.choice)]
        state = self._choices[event.choice]
        if state.is_over:
            return b""
        state.is_over = True
        # A call without arguments has an empty object of them: clients parse what they get.
        for index in state.bare_calls:
            delta = b'"tool_calls":[{"index":%d,"function":{"arguments":"{}"}}]' % index
            written.append(self._chunk(event.choice, delta))
        reason = write_finish(event.reason, state.is_refused)
        end = b'{"index":%d,"delta":{},"logprobs":null,"finish_reason":"%b"}]' % (
            event.choice,
            reason.encode(),
        )
        return b"".join((*written, self._head, end, self._nothing, b"}\n\n"))
