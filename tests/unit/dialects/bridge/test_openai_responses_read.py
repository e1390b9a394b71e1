import json
from typing import Any

import msgspec
import pytest

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.openai_responses_read import read_chat
from steelyard.domain.errors import InvalidRequest, Unsupported


def read(**fields: Any) -> n.Chat:
    shape = {"model": "m", "input": "hi", **fields}
    return read_chat({name: msgspec.Raw(json.dumps(v).encode()) for name, v in shape.items()})


def private(chat: n.Chat) -> dict[str, Any]:
    return {name: json.loads(bytes(raw)) for name, raw in chat.private.items()}


def test_a_text_is_the_users_and_instructions_are_the_systems() -> None:
    chat = read(instructions="Be brief.", stream=True)
    assert chat.messages == [
        n.Message(n.SYSTEM, [n.Text("Be brief.")]),
        n.Message(n.USER, [n.Text("hi")]),
    ]
    assert (chat.model, chat.is_stream, chat.private) == ("m", True, {})
    assert read(instructions=None, input=None).messages == []


def test_an_assistants_items_are_one_turn() -> None:
    chat = read(
        input=[
            {"role": "developer", "content": "Be kind."},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "?"}]},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [
                    {"type": "summary_text", "text": "One."},
                    {"type": "summary_text", "text": "Two."},
                ],
                "encrypted_content": "gAAA",
            },
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {"type": "output_text", "text": "I look.", "annotations": []},
                    {"type": "refusal", "refusal": "No."},
                ],
            },
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "arguments": {}},
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "x"},
            {"role": "assistant", "content": "Sunny."},
        ]
    )
    roles = [message.role for message in chat.messages]
    assert roles == ["developer", "user", "assistant", "tool", "tool", "assistant"]
    thought, words, refusal, call, own = chat.messages[2].parts
    assert thought == n.Reasoning("One.\n\nTwo.", "gAAA", "rs_1", False)
    assert (words, refusal) == (n.Text("I look."), n.Refusal("No."))
    assert call == n.ToolCall("c1", "f", '{"a":1}')
    assert isinstance(own, n.Private) and own.kind == "web_search_call"
    assert chat.messages[3].parts == [n.ToolResult("c1", [n.Text("sunny")])]
    [told] = chat.messages[4].parts
    assert isinstance(told, n.Private) and told.kind == "custom_tool_call_output"


@pytest.mark.parametrize(
    ("item", "thought"),
    [
        ({"summary": [], "encrypted_content": "x"}, n.Reasoning("", "x", "rs", True)),
        (
            {"summary": [{"type": "summary_text", "text": ""}], "encrypted_content": "x"},
            n.Reasoning("", "x", "rs", False),
        ),
        (
            {"summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
            n.Reasoning("Hm.", "", "rs", False),
        ),
    ],
)
def test_thoughts_are_told_from_their_proofs(item: dict[str, Any], thought: n.Reasoning) -> None:
    chat = read(input=[{"type": "reasoning", "id": "rs", **item}])
    assert chat.messages == [n.Message(n.ASSISTANT, [thought])]


def test_parts_of_every_kind_are_read() -> None:
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    parts = [
        {"type": "input_text", "text": "long", **mark},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"},
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JV"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "Uk", "format": "mp3"}},
    ]
    [message] = read(input=[{"role": "user", "content": parts}]).messages
    text, data, url, kept, file, far, sound = message.parts
    assert text == n.Text("long", "default")
    assert data == n.Image(data="iVBO", media_type="image/png", detail="low")
    assert url == n.Image("https://example.com/a.png", detail="auto")
    assert isinstance(kept, n.Private) and kept.kind == "content.input_image"
    assert file == n.File("a.pdf", data="JV", media_type="application/pdf")
    assert far == n.File(url="https://example.com/a.pdf")
    assert sound == n.Sound("Uk", "mp3")
    output = [{"type": "input_text", "text": "a"}, parts[1], parts[6]]
    chat = read(input=[{"type": "function_call_output", "call_id": "c", "output": output}])
    [result] = chat.messages[0].parts
    assert isinstance(result, n.ToolResult) and len(result.parts) == 2
    assert "input.function_call_output" in chat.private


def test_what_stands_only_at_the_vendors_is_told() -> None:
    chat = read(input=[{"type": "item_reference", "id": "msg_1"}, {"id": "msg_2"}])
    assert chat.messages == [] and list(chat.private) == ["input.item_reference"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", {"id": "conv_1"}),
        ("prompt", {"id": "pmpt_1"}),
        ("background", True),
    ],
)
def test_what_the_vendor_must_keep_is_refused(name: str, value: object) -> None:
    with pytest.raises(Unsupported, match=name) as caught:
        read(**{name: value})
    assert caught.value.param == name
    assert read(**{name: None}).private == {}


def test_tools_and_choices_are_read() -> None:
    tools = [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
        {"type": "function", "name": "g", "description": "G.", "defer_loading": True},
        {"type": "web_search", "search_context_size": "low"},
        {"type": "custom", "name": "patch"},
    ]
    chat = read(tools=tools, tool_choice="required", parallel_tool_calls=False)
    f, g, search, patch = chat.tools
    assert f == n.Tool("f", "", msgspec.Raw(b'{"type": "object"}'), True)
    assert (g.name, g.description, bytes(g.schema), g.is_strict) == ("g", "G.", b"{}", None)
    assert (search.name, patch.name) == ("web_search", "patch")
    assert json.loads(bytes(search.own)) == tools[2]
    assert (chat.tool_choice, chat.is_parallel) == (n.ToolChoice("required"), False)
    assert private(chat) == {"tools.defer_loading": True}
    named = read(tools=tools, tool_choice={"type": "function", "name": "g"})
    assert named.tool_choice == n.ToolChoice("tool", "g")
    own = read(tools=tools, tool_choice={"type": "web_search"})
    assert own.tool_choice == n.ToolChoice("tool", "web_search")
    allowed = [{"type": "function", "name": "g"}, {"type": "web_search"}]
    some = {"type": "allowed_tools", "mode": "required", "tools": allowed}
    chosen = read(tools=tools, tool_choice=some)
    assert [tool.name for tool in chosen.tools] == ["g", "web_search"]
    assert chosen.tool_choice == n.ToolChoice("required")


def test_bounds_and_wishes_are_read() -> None:
    chat = read(
        max_output_tokens=77,
        temperature=0.5,
        top_p=0.9,
        top_logprobs=3,
        user="u",
        service_tier="flex",
        include=["reasoning.encrypted_content", "web_search_call.results"],
        text={"format": {"type": "json_schema", "name": "s", "schema": {}}, "verbosity": "low"},
        reasoning={"effort": "high", "summary": "detailed"},
        store=True,
        truncation="auto",
        metadata={"a": "b"},
    )
    assert (chat.output_max, chat.temperature, chat.top_p, chat.logprobs) == (77, 0.5, 0.9, 3)
    assert (chat.user, chat.tier) == ("u", "flex")
    assert chat.form == n.Form("json_schema", "s")
    assert chat.thinking == n.Thinking("", None, "high", True)
    assert private(chat) == {
        "include": ["web_search_call.results"],
        "verbosity": "low",
        "reasoning.summary": "detailed",
        "store": True,
        "truncation": "auto",
        "metadata": {"a": "b"},
    }


def test_what_asks_for_nothing_is_not_told() -> None:
    chat = read(
        store=False,
        truncation="disabled",
        metadata={},
        background=False,
        stream_options=None,
        include=["message.output_text.logprobs"],
        text={"format": {"type": "text"}},
        reasoning={"effort": None, "summary": None},
    )
    assert (chat.private, chat.form, chat.thinking, chat.logprobs) == ({}, None, None, 0)
    assert read(reasoning={"effort": "none"}).thinking == n.Thinking("off")
    assert read(reasoning={"summary": "auto"}).thinking == n.Thinking(is_shown=True)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"tools": [{"type": "function", "name": 3}]}, "tools"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": 3}]}]}, "input"),
        ({"input": [{"type": "function_call_output", "output": {"a": 1}}]}, "input"),
        ({"input": [7]}, "input"),
    ],
)
def test_a_wrong_type_is_refused_where_it_is(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    assert caught.value.param == param
