"""Streams of a vendor that speaks OpenAI's responses dialect, read.

Source: the published OpenAI API description, ``ResponseStreamEvent``. Vendors differ in which of
the events they send that only repeat others: what came in no delta is taken from the event that
closes its part or item.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from steelyard.dialects.bridge import neutral
from steelyard.dialects.bridge import openai_responses_shapes as shapes
from steelyard.dialects.bridge.openai_responses_read import content_of, part_of_item, sealed
from steelyard.dialects.bridge.openai_responses_replies import (
    as_chat_logprobs,
    read_ending,
    trouble_of,
)
from steelyard.domain.errors import DialectViolated

_BEGINS = ("response.created", "response.in_progress", "response.queued")
_Found = list[neutral.Event]


class ResponsesParser:
    """Reads one stream."""

    def __init__(self) -> None:
        self._is_begun = False
        self._finish = neutral.STOP
        self._has_logprobs = False
        # By the place of their item: how many calls came before it, what has been told of it.
        self._calls: dict[int, int] = {}
        self._told: dict[int, str] = {}
        self._parts: dict[int, int] = {}
        self._handlers: dict[str, Callable[[shapes.Event], _Found]] = {
            "response.output_text.delta": self._text,
            "response.output_text.done": self._text_done,
            "response.function_call_arguments.delta": self._arguments,
            "response.reasoning_summary_text.delta": self._thought,
            "response.reasoning_text.delta": self._thought,
            "response.refusal.delta": self._refusal,
            "response.output_item.added": self._added,
            "response.output_item.done": self._done,
            "response.completed": self._end,
            "response.incomplete": self._end,
            "response.failed": self._end,
            "error": self._error,
            **dict.fromkeys(_BEGINS, self._begin),
        }

    def feed(self, data: bytes) -> list[neutral.Event]:
        """The events in the data of one SSE event; unknown ones say nothing.

        Raises:
            DialectViolated: it is nothing that this dialect could say.
        """
        if data == b"[DONE]":
            return []
        try:
            event = shapes.event_decoder.decode(data)
            handler = self._handlers.get(event.type)
            return [] if handler is None else handler(event)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise DialectViolated(f"The vendor's event is none of a response: {error}") from error

    def _begin(self, event: shapes.Event) -> _Found:
        if self._is_begun:
            return []
        self._is_begun = True
        answer = shapes.answer_decoder.decode(event.response)
        created_s = int(answer.created_at or 0)
        return [neutral.Begin(answer.id or "", answer.model or "", created_s)]

    def _text(self, event: shapes.Event) -> _Found:
        self._told[event.output_index] = "text"
        found: _Found = [neutral.TextDelta(event.delta or "")]
        if event.logprobs:
            self._has_logprobs = True
            found.append(neutral.LogprobsDelta(as_chat_logprobs(event.logprobs)))
        return found

    def _text_done(self, event: shapes.Event) -> _Found:
        """What the words' end says that no delta told."""
        found: _Found = []
        if event.text and event.output_index not in self._told:
            self._told[event.output_index] = "text"
            found.append(neutral.TextDelta(event.text))
        if event.logprobs and not self._has_logprobs:
            found.append(neutral.LogprobsDelta(as_chat_logprobs(event.logprobs)))
        self._has_logprobs = False
        return found

    def _refusal(self, event: shapes.Event) -> _Found:
        self._told[event.output_index] = "text"
        self._finish = neutral.REFUSED
        return [neutral.RefusalDelta(event.delta or "")]

    def _thought(self, event: shapes.Event) -> _Found:
        place = event.output_index
        # A thought may be told and summed up too: the first of the two is what counts.
        if self._told.setdefault(place, event.type) != event.type:
            return []
        part = event.content_index + event.summary_index
        gap = "\n\n" if self._parts.get(place, part) != part else ""
        self._parts[place] = part
        return [neutral.ReasoningDelta(gap + (event.delta or ""))]

    def _arguments(self, event: shapes.Event) -> _Found:
        index = self._calls.get(event.output_index)
        if index is None:
            raise DialectViolated("The vendor sent arguments of a call that has not begun.")
        self._told[event.output_index] = "arguments"
        return [neutral.ToolDelta(index, event.delta or "")]

    def _added(self, event: shapes.Event) -> _Found:
        if shapes.head_decoder.decode(event.item).type != "function_call":
            return []
        item = shapes.item_decoder.decode(event.item)
        index = self._calls[event.output_index] = len(self._calls)
        if self._finish == neutral.STOP:
            self._finish = neutral.TOOL_CALLS
        found: _Found = [neutral.ToolBegin(index, item.call_id or "", item.name or "")]
        if item.arguments:
            self._told[event.output_index] = "arguments"
            found.append(neutral.ToolDelta(index, item.arguments))
        return found

    def _done(self, event: shapes.Event) -> _Found:
        """What an item holds that no delta told."""
        place, kind = event.output_index, shapes.head_decoder.decode(event.item).type or ""
        is_told = place in self._told
        if kind == "message":
            content = shapes.item_decoder.decode(event.item).content
            words = self._words(content_of(content))
            return [] if is_told else words
        if kind == "function_call":
            found = [] if place in self._calls else self._added(event)
            is_told = place in self._told
            arguments = shapes.item_decoder.decode(event.item).arguments
            if arguments and not is_told:
                found.append(neutral.ToolDelta(self._calls[place], arguments))
            return found
        thought = part_of_item(kind, event.item)
        if not isinstance(thought, neutral.Reasoning):
            return []
        found = []
        if thought.text and not is_told:
            found.append(neutral.ReasoningDelta(thought.text))
        if thought.signature:
            is_redacted = thought.is_redacted and not is_told
            proof = sealed(thought.item_id, thought.signature)
            found.append(neutral.ReasoningProof(proof, 0, thought.item_id, is_redacted))
        return found

    def _words(self, parts: list[neutral.Part]) -> _Found:
        found: _Found = []
        for part in parts:
            if isinstance(part, neutral.Text) and part.text:
                found.append(neutral.TextDelta(part.text))
            elif isinstance(part, neutral.Refusal):
                self._finish = neutral.REFUSED
                if part.text:
                    found.append(neutral.RefusalDelta(part.text))
        return found

    def _end(self, event: shapes.Event) -> _Found:
        answer = shapes.answer_decoder.decode(event.response)
        if event.type == "response.failed":
            return [neutral.Fault(*trouble_of(answer.error))]
        answer.status = event.type.rpartition(".")[2]
        try:
            ending = read_ending(answer, event.response, self._finish)
        except DialectViolated as error:
            return [neutral.Fault(error.message)]
        found: _Found = [] if self._is_begun else self._begin(event)
        found.append(neutral.Finish(ending.finish))
        if ending.usage is not None:
            found.append(neutral.Spent(ending.usage, ending.tier))
        return found

    def _error(self, event: shapes.Event) -> _Found:
        if event.message:
            return [neutral.Fault(event.message[:500], str(event.code or ""))]
        return [neutral.Fault(*trouble_of(event.error))]
