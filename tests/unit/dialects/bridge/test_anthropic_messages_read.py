"""Anthropic's requests read into chats in nobody's words; what has no word for it is kept."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.anthropic_messages_read import NAME, read_chat
from steelyard.domain.errors import InvalidRequest


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def read(**fields: Any) -> n.Chat:
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return read_chat({name: raw(value) for name, value in {**asked, **fields}.items()})


def parts(*blocks: dict[str, Any], role: str = "user") -> list[n.Message]:
    return read(messages=[{"role": role, "content": list(blocks)}]).messages


def test_the_fields_of_a_chat() -> None:
    chat = read(
        stop_sequences=["a"],
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        stream=True,
        service_tier="standard_only",
        metadata={"user_id": "u", "team": "x"},
        container="c",
    )
    assert (chat.model, chat.output_max, chat.stop, chat.is_stream) == ("m", 9, ["a"], True)
    assert (chat.temperature, chat.top_p, chat.top_k) == (0.5, 0.9, 3)
    assert (chat.tier, chat.user, chat.dialect) == ("standard_only", "u", NAME)
    assert chat.private == {"container": raw("c"), "metadata.team": raw("x")}
    assert read(speed="fast", service_tier="auto").tier == "fast"


@pytest.mark.parametrize(
    "system",
    ["Be brief.", [{"type": "text", "text": "Be brief."}]],
)
def test_the_system_speaks_first(system: object) -> None:
    chat = read(system=system)
    assert [m.role for m in chat.messages] == [n.SYSTEM, n.USER]
    assert chat.messages[0].parts == [n.Text("Be brief.")]


def test_a_system_message_may_stand_anywhere() -> None:
    chat = read(messages=[{"role": "user", "content": "a"}, {"role": "system", "content": "b"}])
    assert [m.role for m in chat.messages] == [n.USER, n.SYSTEM]


def test_results_of_tools_are_messages_of_their_own() -> None:
    found = parts(
        {"type": "tool_result", "tool_use_id": "a", "content": "1"},
        {"type": "tool_result", "tool_use_id": "b", "is_error": True}
        | {"cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "and"},
        {"type": "text", "text": "so"},
    )
    assert found == [
        n.Message(n.TOOL, [n.ToolResult("a", [n.Text("1")])]),
        n.Message(n.TOOL, [n.ToolResult("b", [], True, "default")]),
        n.Message(n.USER, [n.Text("and"), n.Text("so")]),
    ]


def test_a_result_may_hold_pictures_and_what_nobody_else_knows() -> None:
    inner = [
        {"type": "text", "text": "a"},
        {"type": "image", "source": {"type": "url", "url": "u"}},
        {"type": "search_result", "title": "t"},
    ]
    [message] = parts({"type": "tool_result", "tool_use_id": "a", "content": inner})
    [result] = message.parts
    assert isinstance(result, n.ToolResult)
    last = n.Text(json.dumps(inner[2]))
    assert result.parts == [n.Text("a"), n.Image(url="u"), last]


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ({"type": "text", "media_type": "text/plain", "data": "蓝"},)
        + (n.File("t", data=b64encode("蓝".encode()).decode(), media_type="text/plain"),),
        ({"type": "base64", "media_type": "application/pdf", "data": "JV"},)
        + (n.File("t", data="JV", media_type="application/pdf"),),
        ({"type": "url", "url": "u"}, n.File("t", "u")),
        ({"type": "file", "file_id": "f"}, n.File("t", file_id="f")),
    ],
)
def test_documents_come_from_four_places(source: dict[str, str], part: n.Part) -> None:
    [message] = parts({"type": "document", "title": "t", "source": source})
    assert message.parts == [part]


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "thinking", "thinking": "a", "signature": "s"}, n.Reasoning("a", "s")),
        ({"type": "redacted_thinking", "data": "d"}, n.Reasoning("", "d", is_redacted=True)),
        ({"type": "tool_use", "id": "i", "name": "f", "input": {"a": 1}},)
        + (n.ToolCall("i", "f", '{"a": 1}'),),
        ({"type": "tool_use", "id": "i", "name": "f", "caller": {"type": "direct"}},)
        + (n.ToolCall("i", "f", "{}"),),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "i"}},)
        + (n.Image(data="i", media_type="image/png"),),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},)
        + (n.Text("a", "1h"),),
    ],
)
def test_blocks_and_their_parts(block: dict[str, Any], part: n.Part) -> None:
    assert parts(block, role="assistant") == [n.Message(n.ASSISTANT, [part])]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "server_tool_use", "id": "i", "name": "web_search", "input": {}},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "content", "content": "x"}},
        {"type": "document"},
    ],
)
def test_a_block_that_nobody_else_knows_is_kept(block: dict[str, Any]) -> None:
    [message] = parts(block)
    assert message.parts == [n.Private(block["type"], raw(block))]


def test_what_else_a_block_says_is_told() -> None:
    chat = read(
        messages=[
            {"role": "user", "x": 1, "content": [{"type": "text", "text": "a", "citations": [1]}]},
            {"role": "assistant", "content": [{"type": "text", "text": "b", "citations": None}]},
        ],
        tools=[{"name": "f", "input_schema": {}, "defer_loading": True}],
        thinking={"type": "adaptive", "later": 1},
        output_config={"effort": "low", "task": {"a": 1}},
    )
    assert set(chat.private) == {
        *("messages.x", "messages.text.citations", "tools.defer_loading", "thinking.later"),
        "output_config.task",
    }


@pytest.mark.parametrize(
    ("choice", "found", "is_parallel"),
    [
        ({"type": "auto"}, n.ToolChoice("auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, n.ToolChoice("required"), False),
        ({"type": "tool", "name": "f", "disable_parallel_tool_use": False},)
        + (n.ToolChoice("tool", "f"), True),
        ({"type": "none"}, n.ToolChoice("none"), None),
    ],
)
def test_whether_a_tool_must_be_called(
    choice: object, found: n.ToolChoice, is_parallel: bool | None
) -> None:
    chat = read(tool_choice=choice)
    assert (chat.tool_choice, chat.is_parallel) == (found, is_parallel)


def test_tools_are_the_clients_or_the_vendors() -> None:
    own = {"type": "web_search_20260318", "name": "web_search", "max_uses": 2}
    mine = {
        **{"type": "custom", "name": "f", "description": "d", "input_schema": {"type": "object"}},
        **{"strict": True, "cache_control": {"type": "ephemeral", "ttl": "5m"}},
    }
    chat = read(tools=[own, mine])
    assert chat.tools == [
        n.Tool("web_search", own=raw(own)),
        n.Tool("f", "d", raw({"type": "object"}), True, "5m"),
    ]


@pytest.mark.parametrize(
    ("fields", "wish"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}},)
        + (n.Thinking("on", 2000, "", False),),
        ({"thinking": {"type": "adaptive", "display": "summarized"}},)
        + (n.Thinking("auto", is_shown=True),),
        ({"thinking": {"type": "disabled"}}, n.Thinking("off")),
        ({"output_config": {"effort": "max"}}, n.Thinking(effort="max")),
        ({"thinking": {"type": "between_tools"}}, None),
        ({}, None),
    ],
)
def test_how_much_the_model_shall_think(fields: dict[str, Any], wish: n.Thinking | None) -> None:
    assert read(**fields).thinking == wish


def test_the_form_of_the_answer() -> None:
    form = read(output_config={"format": {"type": "json_schema", "schema": {"a": 1}}}).form
    assert form == n.Form("json_schema", "", raw({"a": 1}))


def test_a_mark_for_all_stands_behind_the_last_part() -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "x"}]},
    ]
    chat = read(messages=messages, cache_control={"type": "ephemeral", "ttl": "1h"})
    assert chat.messages[0].parts == [n.Text("a", "1h")]
    assert read(messages=[], cache_control={"type": "ephemeral"}).messages == []


@pytest.mark.parametrize(
    ("fields", "says", "param"),
    [
        ({"max_tokens": "9"}, "int", "max_tokens"),
        ({"messages": [{"role": "robot", "content": ""}]}, "no role 'robot'", "messages"),
        ({"messages": [{"role": "user", "content": [{"text": "a"}]}]}, "messages.0", "messages"),
        ({"messages": [{"role": "user"}]}, "missing", "messages"),
        ({"tools": [{"name": 1}]}, "tools.0", "tools"),
        ({"tool_choice": {"type": "tool"}}, "names no tool", "tool_choice"),
        ({"tool_choice": {"type": "some"}}, "names no tool", "tool_choice"),
        ({"thinking": {"type": 1}}, "Expected", "thinking"),
    ],
)
def test_a_wrong_type_is_named(fields: dict[str, Any], says: str, param: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as caught:
        read(**fields)
    assert caught.value.param == param
