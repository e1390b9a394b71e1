"""Requests of every chat door as chats of one kind, and which cannot become one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.control.captures.chats import chat_of
from steelyard.gateway.capturing import DOORS
from steelyard.weigh.redaction import redact

USER = {"role": "user", "content": "hi"}
MESSAGES = {"model": "m", "max_tokens": 9, "messages": [USER]}
RESPONSES = {"model": "m", "input": [USER]}
SCHEMA = {"type": "object", "properties": {}}
ASKED = {
    "openai_chat": {"model": "m", "messages": [USER]},
    "anthropic_messages": MESSAGES,
    "openai_responses": RESPONSES,
}


def chat(door: str, body: dict[str, Any]) -> Any:
    return chat_of(door, json.dumps(body).encode())


@pytest.mark.parametrize("door", sorted(DOORS))
def test_every_door_that_is_captured_gives_the_same_chat(door: str) -> None:
    found = chat(door, ASKED[door])
    clean = redact(found.request).request
    assert clean == {"messages": [USER]}


def test_turns_tools_and_form_of_the_answer_come_along() -> None:
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "2+2"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "tool_use", "id": "t", "name": "sum", "input": {"a": 2}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "4"}]},
    ]
    tools = [{"name": "sum", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}]
    more = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 3}
    system = [{"type": "text", "text": "Add.", "cache_control": {"type": "ephemeral"}}]
    found = chat(
        "anthropic_messages",
        {**MESSAGES, **more, "system": system, "messages": turns, "tools": tools},
    )
    clean = redact(found.request).request
    assert clean is not None
    assert [m["role"] for m in clean["messages"]] == ["system", "user", "assistant", "tool"]
    assert clean["tools"][0]["function"]["name"] == "sum"
    form = {"type": "json_schema", "name": "x", "schema": SCHEMA}
    items = [USER, {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x"}, USER]
    found = chat(
        "openai_responses",
        {
            **{"model": "m", "instructions": "Add.", "input": items, "text": {"format": form}},
            **{"include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low"}},
        },
    )
    clean = redact(found.request).request
    assert clean is not None and clean["messages"][0] == {"role": "system", "content": "Add."}
    assert clean["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    ("door", "more"),
    [
        ("openai_responses", {"previous_response_id": "resp_1"}),
        ("openai_responses", {"prompt": {"id": "p"}}),
        ("openai_responses", {"tools": [{"type": "web_search"}]}),
        ("openai_responses", {"input": [{"type": "item_reference", "id": "i"}, USER]}),
        ("openai_responses", {"input": 3}),
        ("anthropic_messages", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        ("anthropic_messages", {"messages": [{"role": "user", "content": 3}]}),
        ("anthropic_messages", {"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}),
    ],
)
def test_what_would_be_another_question_elsewhere_is_not_kept(
    door: str, more: dict[str, Any]
) -> None:
    found = chat(door, {**ASKED[door], **more})
    assert (found.request, found.reason) == (None, "the request needs what only its own door knows")


def test_pictures_are_left_to_redaction_which_keeps_none() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    picture = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    found = chat("anthropic_messages", {**MESSAGES, "messages": picture})
    assert redact(found.request).reason == "the request holds more than text"


@pytest.mark.parametrize("body", [b"{", b"[]", b"3", b"[" * 100_000])
def test_what_is_no_request_is_not_kept(body: bytes) -> None:
    for door in DOORS:
        assert chat_of(door, body).reason == "the request is no chat"
    assert chat_of("openai_embeddings", b"{}").reason == "the request is no chat"


@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_request_may_say_that_it_is_not_to_be_kept(door: str) -> None:
    assert chat(door, {**ASKED[door], "store": False}).reason == "the request says store: false"


def test_who_is_named_beside_the_text_is_told() -> None:
    about = {"user": "Anna", "metadata": {"customer_name": "Ben", "user_id": "c", "plan": "Gold"}}
    named = [{**USER, "name": "Dora"}, USER]
    assert chat("openai_chat", {**about, "messages": named}).called == ("Anna", "Ben", "c", "Dora")
    assert chat("openai_responses", {**RESPONSES, "metadata": 3, "user": 4}).called == ()
