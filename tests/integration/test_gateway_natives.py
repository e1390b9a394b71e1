"""Vendors who are spoken to in their own words, behind every door of chats, booked to the token.

What they answer are the documented shapes that ``tests/fixtures/dialects`` keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from gateway_rig import CREDENTIAL, PATH, Rig, cost_of

from steelyard.config.model import Channel
from steelyard.config.presets import packaged_vendors
from steelyard.control.configuration.channels import channel_body, channel_entry
from steelyard.domain.usage import REPORTED, Usage
from steelyard.gateway.snapshot import ChannelEntry, Core
from steelyard.testing.replies import LAST_CHUNK, Pause, Raw, head, http_chunk, json_response
from steelyard.testing.worker import FEATURES, KEY

FIXTURES = Path(__file__).parents[1] / "fixtures" / "dialects"
HELLO = [{"role": "user", "content": "天空是什么颜色?"}]
DOORS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai_chat": (PATH, {"model": "model-a", "messages": HELLO}),
    "anthropic_messages": (
        "/v1/messages",
        {"model": "model-a", "max_tokens": 500, "messages": HELLO},
    ),
    "openai_responses": ("/v1/responses", {"model": "model-a", "input": HELLO}),
}
TOOL = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


REFUSED = {
    "gemini": {"error": {"code": 400, "message": "no such thing", "status": "INVALID_ARGUMENT"}},
    "dashscope": {"code": "InvalidParameter", "message": "no such thing", "request_id": "r"},
    "coze": {"code": 4000, "msg": "no such thing", "detail": {"logid": "2"}},
}


class Native(NamedTuple):
    """A vendor and what it takes to reach it."""

    dialect: str
    vendor: str
    model: str
    header: str
    prefix: str
    plain_path: str
    stream_path: str


NATIVES = {
    "gemini_generate": Native(
        *("gemini_generate", "gemini", "gemini-3.8-flash", "x-goog-api-key", ""),
        "/v1/models/gemini-3.8-flash:generateContent",
        "/v1/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
    ),
    "dashscope_generation": Native(
        *("dashscope_generation", "dashscope", "qwen-plus", "authorization", "Bearer "),
        "/v1/services/aigc/text-generation/generation",
        "/v1/services/aigc/text-generation/generation",
    ),
    "dashscope_multimodal": Native(
        *("dashscope_multimodal", "dashscope", "qwen3-vl-plus", "authorization", "Bearer "),
        "/v1/services/aigc/multimodal-generation/generation",
        "/v1/services/aigc/multimodal-generation/generation",
    ),
    "coze_chat": Native(
        *("coze_chat", "coze", "7379462189365198898", "authorization", "Bearer "),
        "/v1/v3/chat",
        "/v1/v3/chat",
    ),
}


def rig_of(native: Native) -> Rig:
    """A worker whose one channel speaks as the vendor does, with its table of errors."""
    table = channel_entry("c", channel_body(Channel(vendor=native.vendor), packaged_vendors()))

    def spoken(entry: ChannelEntry) -> ChannelEntry:
        return msgspec.structs.replace(
            entry,
            dialect=native.dialect,
            credential_header=native.header,
            credential_prefix=native.prefix,
            errors=table.errors,
        )

    def change(core: Core) -> Core:
        channels = {name: spoken(entry) for name, entry in core.channels.items()}
        return msgspec.structs.replace(core, channels=channels)

    features = FEATURES | {"thinking:effort", "thinking:enable"}
    return Rig(change=change, upstream_model=native.model, features=features)


@pytest.fixture(scope="module", params=NATIVES)
def native(request: pytest.FixtureRequest) -> Iterator[tuple[Native, Rig]]:
    found = NATIVES[request.param]
    with rig_of(found) as made:
        yield found, made


@pytest.fixture(scope="module")
def gemini() -> Iterator[Rig]:
    with rig_of(NATIVES["gemini_generate"]) as made:
        yield made


@pytest.fixture
def coze() -> Iterator[Rig]:
    """Anew for each test: a channel rests after such failures."""
    with rig_of(NATIVES["coze_chat"]) as made:
        yield made


def answer_of(dialect: str, case: str) -> Raw:
    """A fixture's answer; a stream in pieces that cut through its events."""
    whole = (FIXTURES / dialect / case / "upstream.http").read_bytes()
    told, _, body = whole.partition(b"\r\n\r\n")
    if b"text/event-stream" not in told:
        return Raw((json_response(int(told.split()[1]), json.loads(body)),))
    return streamed(body)


def streamed(body: bytes) -> Raw:
    named = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]
    pieces = [body[at : at + 97] for at in range(0, len(body), 97)]
    return Raw((head(200, named), *(http_chunk(piece) for piece in pieces), LAST_CHUNK))


def usage_of(dialect: str, case: str) -> Usage:
    told = json.loads((FIXTURES / dialect / case / "usage.json").read_bytes())
    extras = tuple((item, count) for item, count in told.pop("extras", ()))
    return Usage(**told, extras=extras)


def ask(rig: Rig, door: str, **more: Any) -> httpx.Response:
    path, body = DOORS[door]
    base, told = rig.url.removesuffix(PATH), {"authorization": f"Bearer {KEY}"}
    return httpx.post(base + path, json={**body, **more}, headers=told, timeout=10)


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def said(door: str, answer: httpx.Response) -> str:
    """The words of an answer, plain or streamed."""
    is_stream = answer.headers["content-type"].startswith("text/event-stream")
    if door == "openai_chat":
        if not is_stream:
            return str(answer.json()["choices"][0]["message"]["content"])
        choices = [one for event in events(answer) for one in event["choices"]]
        return "".join(one["delta"].get("content") or "" for one in choices)
    if door == "anthropic_messages":
        if not is_stream:
            blocks = answer.json()["content"]
            return "".join(block.get("text", "") for block in blocks)
        return "".join(one.get("delta", {}).get("text", "") for one in events(answer))
    if not is_stream:
        items = [item for item in answer.json()["output"] if item["type"] == "message"]
        return "".join(part["text"] for item in items for part in item["content"])
    deltas = [e for e in events(answer) if e["type"] == "response.output_text.delta"]
    return "".join(delta["delta"] for delta in deltas)


@pytest.mark.parametrize("door", DOORS)
def test_a_plain_answer_is_translated_and_booked_exactly(
    native: tuple[Native, Rig], door: str
) -> None:
    how, rig = native
    rig.script(answer_of(how.dialect, "plain"))
    answer = ask(rig, door)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert said(door, answer) == ("A sky." if "multimodal" in how.dialect else "蓝色。")
    asked = rig.vendor.received[-1]
    assert (asked.method, asked.target) == ("POST", how.plain_path)
    assert asked.header(how.header) == how.prefix + CREDENTIAL
    assert asked.header("x-dashscope-sse") is None
    [booked] = rig.booked(answer)
    settled, usage = booked.settled, usage_of(how.dialect, "plain")
    assert (settled.outcome, settled.usage_source) == ("completed", REPORTED)
    assert (settled.usage, settled.cost_pico) == (usage, cost_of(usage))


@pytest.mark.parametrize("door", DOORS)
def test_a_streamed_answer_is_translated_and_booked_exactly(
    native: tuple[Native, Rig], door: str
) -> None:
    how, rig = native
    rig.script(answer_of(how.dialect, "streamed"))
    answer = ask(rig, door, stream=True)
    assert answer.status_code == 200, answer.text
    assert said(door, answer) == ("A sky." if "multimodal" in how.dialect else "蓝色。")
    asked = rig.vendor.received[-1]
    assert asked.target == how.stream_path
    wants = "enable" if how.vendor == "dashscope" else None
    assert asked.header("x-dashscope-sse") == wants
    [booked] = rig.booked(answer)
    settled, usage = booked.settled, usage_of(how.dialect, "streamed")
    assert (settled.outcome, settled.usage_source) == ("completed", REPORTED)
    assert (settled.usage, settled.cost_pico) == (usage, cost_of(usage))


@pytest.mark.parametrize("is_stream", [False, True])
def test_what_the_vendor_refuses_costs_nothing(native: tuple[Native, Rig], is_stream: bool) -> None:
    how, rig = native
    rig.script(Raw((json_response(400, REFUSED[how.vendor]),)))
    answer = ask(rig, "openai_chat", stream=is_stream)
    assert answer.status_code == 400
    assert "no such thing" in answer.json()["error"]["message"]
    [booked] = rig.booked(answer)
    assert booked.settled.cost_pico == 0


CALL = {"functionCall": {"name": "get_weather", "args": {"city": "Rome"}, "id": "c7"}}
SIGNED = {
    "candidates": [
        {
            "content": {"parts": [{**CALL, "thoughtSignature": "EpoD+/c="}], "role": "model"},
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14},
    "modelVersion": "gemini-3.8-flash",
    "responseId": "r-7",
}


def next_turn(door: str, answer: httpx.Response, is_stream: bool) -> dict[str, Any]:
    """The next request of a client that ran the tool, made as its SDK would."""
    if door == "openai_chat":
        tools = [{"type": "function", "function": {"name": "get_weather", "parameters": TOOL}}]
        if is_stream:
            deltas = [one["delta"] for event in events(answer) for one in event["choices"]]
            calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
            [call] = [call for call in calls if "id" in call]
            parts = [one["function"].get("arguments") or "" for one in calls]
            call["function"]["arguments"] = "".join(parts)
            del call["index"]
            turn: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [call]}
        else:
            turn = answer.json()["choices"][0]["message"]
        [call] = turn["tool_calls"]
        result = {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}
        return {"tools": tools, "messages": [*HELLO, turn, result]}
    if door == "anthropic_messages":
        blocks = blocks_of(answer) if is_stream else answer.json()["content"]
        [call] = [block for block in blocks if block["type"] == "tool_use"]
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": "sunny"}
        tools = [{"name": "get_weather", "input_schema": TOOL}]
        turns = [{"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
        return {"tools": tools, "messages": [*HELLO, *turns]}
    ended = events(answer)[-1]["response"] if is_stream else answer.json()
    [call] = [item for item in ended["output"] if item["type"] == "function_call"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    tools = [{"type": "function", "name": "get_weather", "parameters": TOOL}]
    return {"tools": tools, "input": [*HELLO, *ended["output"], result]}


def blocks_of(answer: httpx.Response) -> Sequence[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for event in events(answer):
        if event["type"] == "content_block_start":
            blocks.append(event["content_block"])
        elif event["type"] == "content_block_delta":
            delta, block = event["delta"], blocks[-1]
            if delta["type"] == "signature_delta":
                block["signature"] = delta["signature"]
            elif delta["type"] == "input_json_delta":
                block["input"] = json.loads(delta["partial_json"])
    return blocks


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("door", DOORS)
def test_a_thoughts_signature_comes_back_with_its_call(
    gemini: Rig, door: str, is_stream: bool
) -> None:
    first = Raw((json_response(200, SIGNED),))
    if is_stream:
        first = streamed(b"data: " + json.dumps(SIGNED).encode() + b"\r\n\r\n")
    gemini.script(first, answer_of("gemini_generate", "plain"))
    answer = ask(gemini, door, stream=is_stream)
    assert answer.status_code == 200, answer.text
    again = ask(gemini, door, **next_turn(door, answer, is_stream))
    assert again.status_code == 200, again.text
    asked = json.loads(gemini.vendor.received[-1].body)
    turns = [turn["parts"] for turn in asked["contents"]]
    assert [{**CALL, "thoughtSignature": "EpoD+/c="}] in turns
    told = {"id": "c7", "name": "get_weather", "response": {"output": "sunny"}}
    assert turns[-1] == [{"functionResponse": told}]


def test_a_prompt_that_was_blocked_is_told_as_filtered(gemini: Rig) -> None:
    gemini.script(answer_of("gemini_generate", "blocked"))
    answer = ask(gemini, "openai_chat")
    assert answer.json()["choices"][0]["finish_reason"] == "content_filter"
    [booked] = gemini.booked(answer)
    assert booked.settled.usage == usage_of("gemini_generate", "blocked")


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_code_under_status_200_is_an_error(coze: Rig, is_stream: bool) -> None:
    told = {"code": 4013, "msg": "The chat is too frequent.", "detail": {"logid": "2"}}
    coze.script(Raw((json_response(200, told),)))
    answer = ask(coze, "openai_chat", stream=is_stream)
    assert answer.status_code == 429, answer.text
    [booked] = coze.booked(answer)
    assert booked.settled.cost_pico == 0


def test_a_chat_that_fails_on_its_way_is_an_error_and_no_answer(coze: Rig) -> None:
    body = (FIXTURES / "coze_chat" / "streamed" / "upstream.http").read_bytes()
    _, _, stream = body.partition(b"\r\n\r\n")
    begun, _, _ = stream.partition(b"event:conversation.chat.completed")
    failed = b'data:{"id":"7","last_error":{"code":5000,"msg":"x1"}}\n\n'
    ended = b"event:conversation.chat.failed\n" + failed + b"event:done\ndata:[DONE]\n\n"
    named = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]
    later = (Pause(0.05), http_chunk(ended), LAST_CHUNK)
    coze.script(Raw((head(200, named), http_chunk(begun), *later)))
    answer = ask(coze, "openai_chat", stream=True)
    assert answer.status_code == 200, answer.text
    assert "5000" in events(answer)[-1]["error"]["message"]
    [booked] = coze.booked(answer)
    assert booked.settled.outcome == "cut"
