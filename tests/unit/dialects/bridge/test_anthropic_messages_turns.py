"""Turns as Anthropic's vendors take them: user and assistant in alternation, system on top."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec
import pytest

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.anthropic_messages_turns import Turns, marked, written_arguments

ASK = n.Message(n.USER, [n.Text("hi")])
HI = {"type": "text", "text": "hi"}


def written(*messages: n.Message, **told: Any) -> tuple[list[Any], Turns]:
    turns = Turns(frozenset(told.get("features", ())), told.get("is_own", False))
    return [(turn["role"], turn["content"]) for turn in turns.write(list(messages))], turns


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def said(role: str, *parts: n.Part) -> n.Message:
    return n.Message(role, list(parts))


def test_the_system_and_the_developer_stand_on_top() -> None:
    found, turns = written(said(n.SYSTEM, n.Text("a")), said(n.DEVELOPER, n.Text("b", "1h")), ASK)
    assert found == [("user", [HI])]
    mark = {"type": "ephemeral", "ttl": "1h"}
    assert turns.system == [text("a"), {**text("b"), "cache_control": mark}]
    assert not turns.dropped


def test_a_later_system_message_is_the_users_and_is_told() -> None:
    late = said(n.DEVELOPER, n.Text("be brief"))
    found, turns = written(ASK, late)
    assert found == [("user", [HI, text("<system>\nbe brief\n</system>")])]
    assert list(turns.dropped) == ["messages.system"]
    found, turns = written(ASK, late, features=("role:system",))
    assert found == [("user", [HI]), ("system", [text("be brief")])]
    assert not turns.dropped


def test_roles_take_turns_and_results_are_the_users() -> None:
    found, _ = written(
        ASK,
        ASK,
        said(n.ASSISTANT, n.Text("a"), n.ToolCall("c:1", "f", "{}")),
        said(n.ASSISTANT, n.ToolCall("c.2", "g", "")),
        said(n.USER, n.Text("quick")),
        said(n.TOOL, n.ToolResult("c:1", [n.Text("1")])),
        said(n.TOOL, n.ToolResult("c.2", [], is_error=True)),
    )
    call = {"type": "tool_use", "id": "c_1", "name": "f", "input": {}}
    other = {"type": "tool_use", "id": "c_2", "name": "g", "input": {}}
    one = {"type": "tool_result", "tool_use_id": "c_1", "content": "1"}
    two = {"type": "tool_result", "tool_use_id": "c_2", "is_error": True}
    assert [role for role, _ in found] == ["user", "assistant", "user"]
    assert msgspec.json.decode(msgspec.json.encode(found[1][1])) == [text("a"), call, other]
    assert found[2][1] == [one, two, text("quick")]


def test_the_user_begins_even_if_nobody_spoke() -> None:
    assert written()[0] == [("user", [text(".")])]
    found, _ = written(said(n.ASSISTANT, n.Text("a \n")))
    assert found == [("user", [text(".")]), ("assistant", [text("a")])]


def test_empty_texts_vanish() -> None:
    found, turns = written(said(n.USER, n.Text(""), n.Text("hi")), said(n.USER, n.Text("")))
    assert found == [("user", [HI])]
    assert not turns.dropped


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (n.Refusal("No."), text("No.")),
        (n.Reasoning("a", "s"), {"type": "thinking", "thinking": "a", "signature": "s"}),
        (n.Reasoning("", "d", is_redacted=True), {"type": "redacted_thinking", "data": "d"}),
        (n.Image(url="u"), {"type": "image", "source": {"type": "url", "url": "u"}}),
        (
            n.Image(data="i", media_type="image/gif"),
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/gif", "data": "i"},
            },
        ),
        (
            n.File("t", data=b64encode("蓝".encode()).decode(), media_type="text/plain"),
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "蓝"},
                "title": "t",
            },
        ),
        (
            n.File(data="not base64", media_type="text/plain"),
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "not base64"},
            },
        ),
        (
            n.File(data="JV"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JV"},
            },
        ),
        (
            n.File(file_id="f"),
            {"type": "document", "source": {"type": "file", "file_id": "f"}},
        ),
    ],
)
def test_parts_and_their_blocks(part: n.Part, block: dict[str, Any]) -> None:
    found, turns = written(ASK, said(n.ASSISTANT, part), ASK)
    assert found[1] == ("assistant", [block])
    assert not turns.dropped


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (n.Sound("x", "wav"), "messages.sound"),
        (n.Reasoning("unproven"), "messages.reasoning"),
        (n.File("empty"), "messages.file"),
        (n.Private("web_search", msgspec.Raw(b"{}")), "messages.web_search"),
    ],
)
def test_what_has_no_place_is_told(part: n.Part, name: str) -> None:
    found, turns = written(said(n.USER, n.Text("hi"), part))
    assert found == [("user", [HI])]
    assert list(turns.dropped) == [name]


def test_a_name_of_who_speaks_is_told() -> None:
    assert list(written(n.Message(n.USER, [n.Text("a")], "bob"))[1].dropped) == ["messages.name"]


def test_thoughts_without_proof_go_back_where_they_are_wanted() -> None:
    found, turns = written(
        ASK, said(n.ASSISTANT, n.Reasoning("a"), n.Text("b")), ASK, features=("reasoning:back",)
    )
    assert found[1][1][0] == {"type": "thinking", "thinking": "a", "signature": ""}
    assert not turns.dropped


def test_private_parts_of_the_same_dialect_go_as_they_are() -> None:
    block = {"type": "server_tool_use", "id": "i"}
    part = n.Private("server_tool_use", msgspec.Raw(msgspec.json.encode(block)))
    assert written(said(n.USER, part), is_own=True)[0] == [("user", [block])]


def test_a_result_holds_texts_pictures_and_documents() -> None:
    parts: list[n.Text | n.Image | n.File] = [n.Text("a"), n.Image(url="u"), n.File(url="v")]
    found, _ = written(said(n.TOOL, n.ToolResult("c", parts, cache="5m")))
    [(_, [block])] = found
    assert [inner["type"] for inner in block["content"]] == ["text", "image", "document"]
    assert block["cache_control"] == {"type": "ephemeral", "ttl": "5m"}


@pytest.mark.parametrize(
    ("parts", "lacks"),
    [
        ([n.Text("a")], False),
        ([n.Text("a"), n.ToolCall("c", "f", "{}")], True),
        ([n.Reasoning("t", "s"), n.ToolCall("c", "f", "{}")], False),
        ([n.Reasoning("", "d", is_redacted=True), n.ToolCall("c", "f", "{}")], False),
    ],
)
def test_a_call_without_its_thought_is_noticed(parts: list[n.Part], lacks: bool) -> None:
    assert written(ASK, n.Message(n.ASSISTANT, parts))[1].lacks_thought is lacks
    assert written(ASK)[1].lacks_thought is False


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ("", b"{}"),
        (" \n", b"{}"),
        ('{"a": 1.0}', b'{"a": 1.0}'),
        ('{"a":', b'{"INVALID_JSON":"{\\"a\\":"}'),
        ("[1]", b'{"INVALID_JSON":"[1]"}'),
        ('{"a":' + "[" * 9000, None),
    ],
)
def test_arguments_are_an_object_whatever_the_model_wrote(
    arguments: str, given: bytes | None
) -> None:
    told = msgspec.json.encode(written_arguments(arguments))
    assert told == given or (given is None and told.startswith(b'{"INVALID_JSON":'))


@pytest.mark.parametrize(
    ("cache", "mark"),
    [
        ("default", {"type": "ephemeral"}),
        ("5m", {"type": "ephemeral", "ttl": "5m"}),
        ("1h", {"type": "ephemeral", "ttl": "1h"}),
        ("30m", {"type": "ephemeral"}),
    ],
)
def test_marks_last_as_long_as_the_vendor_knows(cache: str, mark: dict[str, str]) -> None:
    assert marked({}, cache) == {"cache_control": mark}
    assert marked({}, "") == {}
