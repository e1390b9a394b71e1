"""Whole answers of Anthropic's vendors read, and written for Anthropic's clients."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from steelyard.dialects.bridge import anthropic_messages_shapes as shapes
from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.anthropic_messages_answers import (
    decode,
    read_fault,
    read_finish,
    read_reply,
    write_finish,
    write_reply,
    write_usage,
)
from steelyard.domain.errors import DialectViolated
from steelyard.domain.usage import Usage


def read(*content: dict[str, Any], **fields: Any) -> n.Reply:
    shape = {"type": "message", "id": "msg_1", "model": "m", "content": list(content), **fields}
    return read_reply(json.dumps(shape).encode())


def written(*parts: n.Part, **fields: Any) -> Any:
    usage = fields.pop("usage", None)
    tier = fields.pop("tier", "")
    reply = n.Reply("r", "m", 1, [n.Choice(list(parts), **fields)], usage, tier)
    return json.loads(write_reply(reply))


def test_the_parts_of_an_answer() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    reply = read(
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        search,
        {"type": "text", "text": "", "citations": None},
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        stop_reason="tool_use",
        usage={
            "input_tokens": 1,
            "output_tokens": 2,
            "cache_read_input_tokens": 3,
            "service_tier": "priority",
        },
    )
    [choice] = reply.choices
    assert choice.parts == [
        n.Reasoning("hm", "s"),
        n.Reasoning("", "d", is_redacted=True),
        n.Private("server_tool_use", msgspec.Raw(json.dumps(search).encode())),
        n.Text("hi"),
        n.ToolCall("t", "f", "{}"),
    ]
    assert (reply.reply_id, reply.model, reply.tier) == ("msg_1", "m", "priority")
    assert (choice.finish, reply.usage) == (n.TOOL_CALLS, Usage(4, 2, 3))


def test_the_models_own_no_has_its_words() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "Not this."}
    [choice] = read(stop_reason="refusal", stop_details=details).choices
    assert (choice.parts, choice.finish) == ([n.Refusal("Not this.")], n.REFUSED)
    assert read(stop_reason="refusal", stop_details=None).choices[0].parts == []


def test_a_stop_word_is_named() -> None:
    [choice] = read(stop_reason="stop_sequence", stop_sequence="END").choices
    assert (choice.finish, choice.stop_sequence) == (n.STOP, "END")


def test_a_vendors_own_fallback_is_who_answered() -> None:
    rounds = [{"type": "fallback_message", "model": "other"}]
    usage = {"input_tokens": 1, "output_tokens": 1, "iterations": rounds}
    assert read(usage=usage).model == "other"


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": -1, "output_tokens": 1}, 7])
def test_a_usage_that_cannot_be_is_none(usage: object) -> None:
    assert read(usage=usage).usage is None


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("end_turn", n.STOP),
        ("stop_sequence", n.STOP),
        ("max_tokens", n.LENGTH),
        ("model_context_window_exceeded", n.LENGTH),
        ("tool_use", n.TOOL_CALLS),
        ("pause_turn", n.PAUSED),
        ("refusal", n.REFUSED),
        ("of_next_month", n.STOP),
        (None, n.STOP),
    ],
)
def test_why_an_answer_ended(reason: str | None, found: str) -> None:
    assert read_finish(reason) == found


@pytest.mark.parametrize(
    ("reason", "stop", "told"),
    [
        (n.STOP, "", "end_turn"),
        (n.STOP, "END", "stop_sequence"),
        (n.LENGTH, "", "max_tokens"),
        (n.TOOL_CALLS, "", "tool_use"),
        (n.FILTERED, "", "refusal"),
        (n.REFUSED, "", "refusal"),
        (n.PAUSED, "", "pause_turn"),
        ("?", "", "end_turn"),
    ],
)
def test_why_it_ended_in_anthropics_words(reason: str, stop: str, told: str) -> None:
    assert write_finish(reason, stop) == told


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'{"type":"message"}',
        b'{"type":"error","error":{"type":"api_error","message":"Boom."}}',
        b'{"type":"error"}',
        b'{"content":[{"text":"no type"}]}',
    ],
)
def test_what_is_no_answer_is_the_vendors_fault(body: bytes) -> None:
    with pytest.raises(DialectViolated):
        read_reply(body)


def test_a_fault_has_a_message() -> None:
    assert read_fault(None) == n.Fault("The vendor reported an error.")
    assert read_fault(shapes.Trouble("t", "m")) == n.Fault("m", "t")


def test_half_a_surrogate_pair_is_made_whole() -> None:
    found = decode(b'{"type":"text","text":"a\\ud83d"}', shapes.block_decoder)
    assert found.text == "a?"
    with pytest.raises(DialectViolated):
        decode(b'{"type":1,"text":"a\\ud83d"}', shapes.block_decoder)


def test_an_answer_for_a_client() -> None:
    shape = written(
        n.Reasoning("hm", "s"),
        n.Reasoning("", "d", is_redacted=True),
        n.Text(""),
        n.Text("hi"),
        n.Refusal("no"),
        n.ToolCall("t", "f", '{"a":'),
        n.Private("x", msgspec.Raw(b"{}")),
        finish=n.STOP,
        stop_sequence="END",
    )
    assert shape["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "hi"},
        {"type": "text", "text": "no"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"INVALID_JSON": '{"a":'}},
    ]
    assert (shape["type"], shape["role"], shape["id"]) == ("message", "assistant", "r")
    assert (shape["stop_reason"], shape["stop_sequence"]) == ("stop_sequence", "END")
    assert shape["usage"]["output_tokens"] == 0


def test_an_answer_without_any_choice_is_an_empty_one() -> None:
    shape = json.loads(write_reply(n.Reply("r", "m", 0, [])))
    assert (shape["content"], shape["stop_reason"]) == ([], "end_turn")


def test_usage_is_shown_as_anthropic_does() -> None:
    usage = Usage(112, 50, 10, 100, 7, 1, (("cache_write_1h", 40), ("search", 2)))
    assert write_usage(usage, "fast") == {
        "input_tokens": 2,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 10,
        "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
        "output_tokens": 50,
        "service_tier": "standard",
        "speed": "fast",
        "output_tokens_details": {"thinking_tokens": 7},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
    }
    plain = write_usage(Usage(5, 3), "batch")
    assert (plain["service_tier"], plain.get("speed")) == ("batch", None)
