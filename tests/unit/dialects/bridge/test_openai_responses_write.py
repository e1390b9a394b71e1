import json
from typing import Any

import msgspec
import pytest

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.codec import Target
from steelyard.dialects.bridge.openai_responses_write import write_chat

ASK = n.Message(n.USER, [n.Text("hi")])


def written(
    *messages: n.Message, features: tuple[str, ...] = (), cap: int = 0, **fields: Any
) -> tuple[dict[str, Any], tuple[str, ...]]:
    chat = n.Chat("m", list(messages) or [ASK], **fields)
    found = write_chat(chat, Target("theirs", cap, 4096, {}, frozenset(features)))
    return json.loads(found.body), found.dropped


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def test_a_chat_is_written() -> None:
    system = n.Message(n.SYSTEM, [n.Text("Be brief."), n.Text("Be kind.")])
    later = n.Message(n.SYSTEM, [n.Text("Still.")])
    body, dropped = written(system, ASK, later, is_stream=True)
    assert body == {
        "model": "theirs",
        "store": False,
        "stream": True,
        "instructions": "Be brief.\nBe kind.",
        "input": [{"role": "user", "content": "hi"}, {"role": "system", "content": "Still."}],
    }
    assert dropped == ()
    assert written(system)[0]["input"][0]["role"] == "system"  # input may not be empty


def test_defaults_give_way() -> None:
    chat = n.Chat("m", [ASK], temperature=0.5)
    defaults = {"temperature": raw(1), "store": raw(True)}
    body = json.loads(write_chat(chat, Target("t", 0, 9, defaults, frozenset())).body)
    assert (body["temperature"], body["store"]) == (0.5, True)


def test_a_turn_with_thoughts_words_and_calls_is_written_item_by_item() -> None:
    answer = n.Message(
        n.ASSISTANT,
        [
            n.Reasoning("Hm.", "gAAA", "rs_9"),
            n.Text("I "),
            n.Text("look."),
            n.ToolCall("c1", "f", ""),
            n.Refusal("No."),
            n.Private("web_search_call", raw({"type": "web_search_call", "id": "ws_1"})),
            n.Image("https://example.com/a.png"),
        ],
    )
    results = n.Message(
        n.TOOL,
        [
            n.ToolResult("c1", [n.Text("a"), n.Text("b")]),
            n.ToolResult("c2", [n.Image(data="iV", media_type="image/png")], is_error=True),
            n.ToolResult("c3", [n.Text("broken")], is_error=True),
        ],
    )
    body, dropped = written(ASK, answer, results)
    thought, words, call, no, search, first, second, third = body["input"][1:]
    assert thought == {
        "type": "reasoning",
        "id": "rs_9",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "gAAA",
    }
    assert words == {"role": "assistant", "content": "I look."}
    assert call == {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    assert no["content"] == [{"type": "refusal", "refusal": "No."}] and no["id"] == "msg_4"
    assert search == {"type": "web_search_call", "id": "ws_1"}
    assert (first["output"], third["output"]) == ("a\nb", "Error:\nbroken")
    assert [part["type"] for part in second["output"]] == ["input_text", "input_image"]
    assert second["output"][1]["image_url"] == "data:image/png;base64,iV"
    assert dropped == ("messages.assistant.image",)


def test_words_beside_a_refusal_keep_their_order() -> None:
    body, _ = written(ASK, n.Message(n.ASSISTANT, [n.Text("Well."), n.Refusal("No.")]))
    assert [part["type"] for part in body["input"][1]["content"]] == ["output_text", "refusal"]


@pytest.mark.parametrize(
    ("thought", "features", "item", "dropped"),
    [
        (n.Reasoning("Hm.", "c2ln"), (), None, ()),
        (n.Reasoning("Hm."), ("reasoning:back",), {"type": "reasoning_text", "text": "Hm."}, ()),
        (n.Reasoning("", "c2ln", "", True), ("reasoning:back",), None, ("messages.reasoning",)),
    ],
)
def test_foreign_thoughts_are_given_back_only_where_they_are_wanted(
    thought: n.Reasoning, features: tuple[str, ...], item: Any, dropped: tuple[str, ...]
) -> None:
    body, left_out = written(ASK, n.Message(n.ASSISTANT, [thought]), features=features)
    assert left_out == dropped
    given = [one for one in body["input"] if one.get("type") == "reasoning"]
    assert [one["content"] for one in given] == ([[item]] if item else [])
    assert all("encrypted_content" not in one for one in given)


@pytest.mark.parametrize("signature", ["gAAA", "rs_9:gAAA"])
def test_the_vendors_own_thoughts_come_back_under_their_ids(signature: str) -> None:
    item_id = "" if ":" in signature else "rs_9"
    thoughts: list[n.Part] = [
        n.Reasoning("Hm.", signature, item_id),
        n.Reasoning("", signature, item_id, True),
        n.Reasoning("", signature, item_id),
    ]
    body, dropped = written(ASK, n.Message(n.ASSISTANT, thoughts))
    told, hidden, silent = body["input"][1:]
    assert told["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert hidden["summary"] == []
    assert silent["summary"] == [{"type": "summary_text", "text": ""}]
    for item in (told, hidden, silent):
        assert (item["id"], item["encrypted_content"]) == ("rs_9", "gAAA")
    assert dropped == ()


def test_private_parts_of_others_turns_stay_in_their_order() -> None:
    output = n.Private("computer_call_output", raw({"type": "computer_call_output"}))
    body, dropped = written(n.Message(n.TOOL, [output]), ASK, logprobs=0)
    assert body["input"][0] == {"type": "computer_call_output"}
    assert (body["include"], "top_logprobs" in body) == (["message.output_text.logprobs"], False)
    assert dropped == ()
    form = n.Form("json_schema")
    told = written(form=form)[0]["text"]["format"]
    assert told == {"type": "json_schema", "name": "answer", "schema": {}}


def test_parts_of_the_input_are_written() -> None:
    parts: list[n.Part] = [
        n.Text("?"),
        n.Image("https://example.com/a.png", detail="low"),
        n.File("a.pdf", data="JV", media_type="application/pdf"),
        n.File(url="https://example.com/a.pdf"),
        n.File(file_id="file-1"),
        n.File("empty"),
        n.Refusal("no"),
        n.Sound("Uk", "wav"),
        n.Private("content.input_image", raw({"type": "input_image", "file_id": "file-2"})),
    ]
    body, dropped = written(n.Message(n.USER, parts, name="Li"))
    assert body["input"][0]["content"] == [
        {"type": "input_text", "text": "?"},
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
        {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": "data:application/pdf;base64,JV",
        },
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_text", "text": "no"},
        {"type": "input_image", "file_id": "file-2"},
    ]
    assert dropped == ("messages.name", "messages.file", "messages.sound")


def test_cache_marks_are_written_where_they_are_known() -> None:
    marked = n.Message(n.USER, [n.Text("long", "5m")])
    body, dropped = written(marked, features=("cache:breakpoint",))
    assert body["input"][0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}
    assert dropped == ()
    answer = n.Message(n.ASSISTANT, [n.Text("a", "5m")])
    result = n.Message(n.TOOL, [n.ToolResult("c", [n.Text("a")], cache="5m")])
    tool = n.Tool("f", cache="5m")
    for unmarked in (marked, answer, result, n.Message(n.SYSTEM, [n.Text("s", "5m")])):
        body, dropped = written(ASK, unmarked)
        assert dropped == ("cache_control",)
        assert body["input"][0]["content"] == "hi"
    assert written(tools=[tool])[1] == ("cache_control",)


def test_tools_are_written() -> None:
    schema = msgspec.Raw(b'{"type":"object"}')
    own = raw({"type": "web_search", "search_context_size": "low"})
    tools = [n.Tool("f", "F.", schema, True), n.Tool("g"), n.Tool("web_search", own=own)]
    patch = n.Tool("patch", own=raw({"type": "custom", "name": "patch"}))
    body, _ = written(tools=[*tools, patch], is_parallel=False)
    f, g, search, custom = body["tools"]
    assert f == {
        "type": "function",
        "name": "f",
        "description": "F.",
        "parameters": {"type": "object"},
        "strict": True,
    }
    assert g["parameters"] == {"type": "object", "properties": {}} and g["strict"] is False
    assert (search["search_context_size"], custom["name"]) == ("low", "patch")
    assert body["parallel_tool_calls"] is False
    choices = {"f": ("function", "f"), "web_search": ("web_search",), "patch": ("custom", "patch")}
    for name, told in choices.items():
        chosen, _ = written(tools=[*tools, patch], tool_choice=n.ToolChoice("tool", name))
        assert tuple(chosen["tool_choice"].values()) == told
    assert written(tools=tools, tool_choice=n.ToolChoice("none"))[0]["tool_choice"] == "none"
    assert written(tool_choice=n.ToolChoice("required"))[1] == ("tool_choice",)
    assert written(tool_choice=n.ToolChoice("none"))[1] == ()


def test_form_and_thinking_are_written() -> None:
    form = n.Form("json_schema", "s", msgspec.Raw(b'{"type":"object"}'), True, "A thing.")
    body, _ = written(form=form, private={"verbosity": raw("low")})
    assert body["text"] == {
        "format": {
            "type": "json_schema",
            "name": "s",
            "schema": {"type": "object"},
            "strict": True,
            "description": "A thing.",
        },
        "verbosity": "low",
    }
    assert written(form=n.Form("json_object"))[0]["text"] == {"format": {"type": "json_object"}}
    assert "text" not in written(form=n.Form())[0]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (n.Thinking("off"), {"effort": "none"}),
        (n.Thinking("on", 500), {"effort": "minimal"}),
        (n.Thinking("on", 1024), {"effort": "low"}),
        (n.Thinking("on", 30_000), {"effort": "high"}),
        (n.Thinking("auto", effort="xhigh", is_shown=True), {"effort": "xhigh", "summary": "auto"}),
        (n.Thinking("on", is_shown=False), None),
    ],
)
def test_thinking_is_written_as_an_effort(wish: n.Thinking, told: Any) -> None:
    assert written(thinking=wish)[0].get("reasoning") == told
    body, _ = written(thinking=wish, features=("reasoning:back",))
    is_on = wish.mode != "off"
    assert body.get("include") == (["reasoning.encrypted_content"] if is_on else None)


def test_bounds_are_written_and_what_has_no_place_is_told() -> None:
    body, dropped = written(
        output_max=500,
        cap=77,
        temperature=0.5,
        top_p=0.25,
        top_k=3,
        stop=["x"],
        seed=1,
        choices=2,
        logprobs=2,
        presence_penalty=0.5,
        frequency_penalty=0.5,
        user="u",
        tier="standard_only",
    )
    assert body.pop("input") and body == {
        "model": "theirs",
        "store": False,
        "max_output_tokens": 77,
        "temperature": 0.5,
        "top_p": 0.25,
        "user": "u",
        "service_tier": "default",
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 2,
    }
    assert set(dropped) == {
        "top_k", "stop", "seed", "n", "presence_penalty", "frequency_penalty",
    }  # fmt: skip
    assert written(output_max=3)[0]["max_output_tokens"] == 16
    assert written(choices=1, frequency_penalty=0.0)[1] == ()


def test_private_fields_go_where_they_came_from() -> None:
    private = {
        "metadata": raw({"a": "b"}),
        "include": raw(["web_search_call.results"]),
        "reasoning.summary": raw("concise"),
        "text.new": raw(1),
        "input.item_reference": raw({"id": "x"}),
    }
    body, dropped = written(private=private, thinking=n.Thinking(effort="low", is_shown=True))
    assert body["metadata"] == {"a": "b"} and body["include"] == ["web_search_call.results"]
    assert body["reasoning"] == {"effort": "low", "summary": "concise"}
    assert body["text"] == {"new": 1}
    assert dropped == ("input.item_reference",)
