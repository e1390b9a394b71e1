"""Whole answers in Anthropic's messages, read and written, and what streams share with them.

Source: package anthropic 2.12.0, ``types/message.py`` and ``types/usage.py`` (read 2026-11-22). The
dialect knows one answer to a request, so of several choices the first is written.
"""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from steelyard.dialects.anthropic_usage import usage_of
from steelyard.dialects.bridge import anthropic_messages_shapes as shapes
from steelyard.dialects.bridge import neutral
from steelyard.dialects.bridge.anthropic_messages_read import read_part
from steelyard.dialects.bridge.anthropic_messages_turns import written_arguments
from steelyard.domain.errors import DialectViolated
from steelyard.domain.usage import Usage

_T = TypeVar("_T")
_encode = msgspec.json.encode
_FINISHES = {
    "end_turn": neutral.STOP,
    "stop_sequence": neutral.STOP,
    "max_tokens": neutral.LENGTH,
    "model_context_window_exceeded": neutral.LENGTH,
    "tool_use": neutral.TOOL_CALLS,
    "pause_turn": neutral.PAUSED,
    "refusal": neutral.REFUSED,
}
"""Why an answer ended; a reason that nobody knows is an ordinary end."""
_WRITTEN = {
    neutral.STOP: "end_turn",
    neutral.LENGTH: "max_tokens",
    neutral.TOOL_CALLS: "tool_use",
    neutral.FILTERED: "refusal",
    neutral.REFUSED: "refusal",
    neutral.PAUSED: "pause_turn",
}
_TIERS = frozenset(("priority", "batch"))
"""Service tiers that the dialect has names for, beside the ordinary one."""


def read_reply(body: bytes) -> neutral.Reply:
    """A whole answer of a vendor.

    Raises:
        DialectViolated: it is none, or the vendor says that it failed.
    """
    answer = decode(body, shapes.answer_decoder)
    if answer.error is not None or answer.type == "error":
        raise DialectViolated(read_fault(answer.error).message)
    if answer.content is None:
        raise DialectViolated("The vendor's answer has no content.")
    parts: list[neutral.Part] = []
    for raw in answer.content:
        shape = decode(raw, shapes.block_decoder)
        part = read_part(shape)
        if part is None:
            parts.append(neutral.Private(shape.type, raw))
        elif not isinstance(part, neutral.Text) or part.text:
            parts.append(part)
    if told := read_refusal(answer.stop_details):
        parts.append(neutral.Refusal(told))
    finish = read_finish(answer.stop_reason)
    choice = neutral.Choice(parts, finish, answer.stop_sequence or "")
    usage, _, served_by, tier = usage_of(answer.usage, None, is_begin=False)
    model = served_by or answer.model or ""
    return neutral.Reply(answer.id or "", model, 0, [choice], usage, tier or "")


def read_finish(reason: str | None) -> str:
    """Why an answer ended, in nobody's words."""
    return _FINISHES.get(reason or "", neutral.STOP)


def read_refusal(details: shapes.StopDetails | None) -> str:
    """Why the model would not, for people; empty where nothing is said."""
    return "" if details is None else details.explanation or ""


def read_fault(trouble: shapes.Trouble | None) -> neutral.Fault:
    """A vendor's error inside an answer that began well."""
    message, code = (None, None) if trouble is None else (trouble.message, trouble.type)
    return neutral.Fault(message or "The vendor reported an error.", code or "")


def decode(data: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[_T]) -> _T:
    """A shape; half a surrogate pair, as in text cut in its middle, is made whole.

    Raises:
        DialectViolated: it is none.
    """
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raw = bytes(data)
        if b"\\ud" not in raw and b"\\uD" not in raw:
            raise DialectViolated(f"It is no message: {error}"[:200]) from error
    try:
        told = json.dumps(json.loads(raw), ensure_ascii=False).encode("utf-8", "replace")
        return decoder.decode(told)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DialectViolated(f"It is no message: {error}"[:200]) from error


def write_reply(reply: neutral.Reply) -> bytes:
    """A whole answer for a client of this dialect."""
    choice = reply.choices[0] if reply.choices else neutral.Choice([])
    blocks = [block for part in choice.parts if (block := _block(part)) is not None]
    return _encode(
        {
            "id": reply.reply_id,
            "type": "message",
            "role": "assistant",
            "model": reply.model,
            "content": blocks,
            "stop_reason": write_finish(choice.finish, choice.stop_sequence),
            "stop_sequence": choice.stop_sequence or None,
            "usage": write_usage(reply.usage or Usage(), reply.tier),
        }
    )


def _block(part: neutral.Part) -> dict[str, object] | None:
    if isinstance(part, neutral.Text | neutral.Refusal):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, neutral.Reasoning):
        if part.is_redacted:
            return {"type": "redacted_thinking", "data": part.signature}
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if isinstance(part, neutral.ToolCall):
        given = written_arguments(part.arguments)
        return {"type": "tool_use", "id": part.call_id, "name": part.name, "input": given}
    return None


def write_finish(reason: str, stop_sequence: str) -> str:
    """Why an answer ended, in Anthropic's words."""
    if stop_sequence and reason == neutral.STOP:
        return "stop_sequence"
    return _WRITTEN.get(reason, "end_turn")


def write_usage(usage: Usage, tier: str) -> dict[str, object]:
    """Usage as Anthropic shows it: the input without what a cache served or took."""
    extras = dict(usage.extras)
    written, hour = usage.cache_write_tokens, extras.get("cache_write_1h", 0)
    shape: dict[str, object] = {
        "input_tokens": usage.input_tokens - usage.cache_read_tokens - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": written - hour,
            "ephemeral_1h_input_tokens": hour,
        },
        "output_tokens": usage.output_tokens,
        "service_tier": tier if tier in _TIERS else "standard",
    }
    if tier == "fast":
        shape["speed"] = "fast"
    if usage.reasoning_tokens:
        shape["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if searches := extras.get("search"):
        shape["server_tool_use"] = {"web_search_requests": searches, "web_fetch_requests": 0}
    return shape
