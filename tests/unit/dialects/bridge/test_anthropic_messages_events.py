"""Streams of Anthropic's vendors read, and written for Anthropic's clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.anthropic_messages_events import Builder, Parser
from steelyard.domain.errors import DialectViolated
from steelyard.domain.usage import Usage

USAGE = {"input_tokens": 3, "cache_creation_input_tokens": 10, "output_tokens": 1}
START = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": USAGE}}
STOP = {"type": "content_block_stop", "index": 0}


def begin(**block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": block}


def delta(kind: str, **fields: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": kind, **fields}}


def read(*events: dict[str, Any], parser: Parser | None = None) -> list[n.Event]:
    parser = parser or Parser()
    return [found for event in events for found in parser.feed(json.dumps(event).encode())]


def end(reason: str, **fields: Any) -> dict[str, Any]:
    usage = {"output_tokens": 9}
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, **fields},
        "usage": usage,
    }


# reading


def test_a_stream_of_words() -> None:
    assert read(
        START,
        {"type": "ping"},
        begin(type="text", text=""),
        delta("text_delta", text="hi"),
        delta("citations_delta"),
        STOP,
        end("stop_sequence", stop_sequence="END"),
        {"type": "message_stop"},
        {"type": "of_next_month"},
    ) == [
        n.Begin("msg_1", "m", usage=Usage(13, 1, 0, 10)),
        n.TextDelta("hi"),
        n.Finish(n.STOP, 0, "END"),
        n.Spent(Usage(13, 9, 0, 10)),
    ]


def test_thoughts_and_their_proofs() -> None:
    assert read(
        begin(type="thinking", thinking="", signature=""),
        delta("thinking_delta", thinking="hm"),
        delta("signature_delta", signature="s"),
        STOP,
        begin(type="redacted_thinking", data="d"),
        STOP,
    ) == [
        n.ReasoningDelta("hm"),
        n.ReasoningProof("s"),
        n.ReasoningProof("d", is_redacted=True),
    ]


def test_blocks_that_come_whole() -> None:
    assert read(
        begin(type="text", text="hi"),
        begin(type="thinking", thinking="hm", signature="s"),
        begin(type="tool_use", id="t", name="f", input={"a": 1}),
        STOP,
    ) == [
        n.TextDelta("hi"),
        n.ReasoningDelta("hm"),
        n.ReasoningProof("s"),
        n.ToolBegin(0, "t", "f"),
        n.ToolDelta(0, '{"a": 1}'),
    ]


def test_calls_are_counted_without_the_vendors_own() -> None:
    own = begin(type="server_tool_use", id="s", name="web_search", input={})
    call = begin(type="tool_use", id="t", name="f", input={})
    other = {**begin(type="tool_use", id="u", name="g", input={}), "index": 5}
    assert read(
        own,
        delta("input_json_delta", partial_json='{"q"'),
        STOP,
        call,
        delta("input_json_delta", partial_json=""),
        delta("input_json_delta", partial_json='{"a"'),
        delta("input_json_delta", partial_json=":1}"),
        STOP,
        other,
        {**STOP, "index": 5},
    ) == [
        n.ToolBegin(0, "t", "f"),
        n.ToolDelta(0, '{"a"'),
        n.ToolDelta(0, ":1}"),
        n.ToolBegin(1, "u", "g"),
        n.ToolDelta(1, "{}"),
    ]


def test_the_models_own_no_comes_before_the_end() -> None:
    told = end("refusal", stop_details={"type": "refusal", "explanation": "Not this."})
    assert read(told) == [n.RefusalDelta("Not this."), n.Finish(n.REFUSED)]


def test_the_tier_of_the_beginning_holds() -> None:
    start = {**START, "message": {**START["message"], "usage": {**USAGE, "speed": "fast"}}}  # type: ignore[dict-item]
    assert read(start, end("end_turn"))[-1] == n.Spent(Usage(13, 9, 0, 10), "fast")


def test_an_error_is_a_fault() -> None:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    assert read({"type": "error", "error": error}) == [n.Fault("Overloaded", "overloaded_error")]
    assert read({"type": "error"}) == [n.Fault("The vendor reported an error.")]


@pytest.mark.parametrize("data", [b"", b"[DONE]", b"[]", b'{"type":1}', b'{"index":0}'])
def test_what_is_no_event_is_the_vendors_fault(data: bytes) -> None:
    with pytest.raises(DialectViolated):
        Parser().feed(data)


# writing


def told(stream: bytes) -> list[dict[str, Any]]:
    """The events' data, each of which repeats its event's name."""
    found = []
    for block in stream.split(b"\n\n")[:-1]:
        name, _, data = block.partition(b"\ndata: ")
        event = json.loads(data)
        assert name == b"event: " + event["type"].encode()
        found.append(event)
    return found


def blocks(*events: n.Event) -> list[tuple[str, str]]:
    """Each block's type and everything said in it; one is closed before the next one opens."""
    builder = Builder()
    stream = b"".join([*(builder.feed([event]) for event in events), builder.end()])
    found: list[tuple[str, str]] = []
    is_open = False
    for event in told(stream):
        kind = event["type"]
        if kind == "content_block_start":
            assert (event["index"], is_open) == (len(found), False)
            is_open = True
            block = event["content_block"]
            found.append((block["type"], block.get("data", "") or block.get("name", "")))
        elif kind == "content_block_delta":
            assert (event["index"], is_open) == (len(found) - 1, True)
            said = "".join(v for k, v in event["delta"].items() if k != "type")
            found[-1] = (found[-1][0], found[-1][1] + said)
        elif kind == "content_block_stop":
            assert (event["index"], is_open) == (len(found) - 1, True)
            is_open = False
    assert not is_open
    return found


def test_a_stream_for_a_client() -> None:
    builder = Builder()
    usage = Usage(12, 5, 4)
    stream = builder.feed([n.Begin("r", "m"), n.TextDelta("蓝"), n.TextDelta('"')])
    stream += builder.feed([n.Finish(n.LENGTH), n.Spent(usage, "batch")]) + builder.end()
    seen = told(stream)
    assert [event["type"] for event in seen] == [
        *("message_start", "content_block_start", "content_block_delta", "content_block_delta"),
        *("content_block_stop", "message_delta", "message_stop"),
    ]
    message = seen[0]["message"]
    assert (message["id"], message["model"], message["content"]) == ("r", "m", [])
    assert (message["stop_reason"], message["usage"]["input_tokens"]) == (None, 0)
    assert seen[1]["content_block"] == {"type": "text", "text": ""}
    assert seen[2]["delta"] == {"type": "text_delta", "text": "蓝"}
    assert seen[5]["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    counts = seen[5]["usage"]
    assert (counts["input_tokens"], counts["cache_read_input_tokens"]) == (8, 4)
    assert (counts["output_tokens"], counts["service_tier"]) == (5, "batch")


def test_the_input_is_told_at_the_begin_where_it_is_known() -> None:
    [start] = told(Builder().feed([n.Begin("r", "m", usage=Usage(12, 1, 4))]))
    assert start["message"]["usage"]["input_tokens"] == 8


def test_each_kind_is_a_block_of_its_own() -> None:
    assert blocks(
        n.ReasoningDelta("h"),
        n.ReasoningDelta("m"),
        n.ReasoningProof("."),
        n.ReasoningDelta("more"),
        n.ReasoningProof("d", is_redacted=True),
        n.TextDelta("a"),
        n.RefusalDelta("b"),
        n.ToolBegin(0, "t", "f"),
        n.ToolDelta(0, "{}"),
        n.Finish(n.TOOL_CALLS),
    ) == [
        ("thinking", "hm."),
        ("thinking", "more"),
        ("redacted_thinking", "d"),
        ("text", "ab"),
        ("tool_use", "f{}"),
    ]


def test_a_proof_alone_is_a_thought_that_is_not_shown() -> None:
    assert blocks(n.ReasoningProof("s"), n.TextDelta("a")) == [("thinking", "s"), ("text", "a")]


def test_calls_that_are_mixed_are_put_in_a_row() -> None:
    assert blocks(
        n.ToolBegin(0, "t", "f"),
        n.ToolBegin(1, "u", "g"),
        n.ToolDelta(1, '{"b"'),
        n.ToolDelta(0, '{"a"'),
        n.TextDelta("and "),
        n.TextDelta("so"),
        n.ReasoningDelta("hm"),
        n.ReasoningProof("s"),
        n.ReasoningDelta("again"),
        n.ToolDelta(1, ":2}"),
        n.ToolDelta(0, ":1}"),
        n.ToolBegin(2, "v", "h"),
        n.Finish(n.TOOL_CALLS),
    ) == [
        ("tool_use", 'f{"a":1}'),
        ("tool_use", 'g{"b":2}'),
        ("text", "and so"),
        ("thinking", "hms"),
        ("thinking", "again"),
        ("tool_use", "h"),
    ]


def test_a_call_that_is_whole_makes_room_at_once() -> None:
    builder = Builder()
    builder.feed([n.ToolBegin(0, "t", "f"), n.ToolBegin(1, "u", "g"), n.ToolDelta(0, "{")])
    seen = told(builder.feed([n.ToolDelta(0, "}")]))
    assert [event["type"] for event in seen] == [
        *("content_block_delta", "content_block_stop", "content_block_start")
    ]
    assert builder.feed([n.ToolDelta(0, "late")]) == b""


def test_only_the_first_choice_is_written() -> None:
    assert blocks(
        n.TextDelta("b", 1),
        n.TextDelta("", 0),
        n.ReasoningProof("s", 1),
        n.ToolBegin(0, "t", "f", 1),
        n.ToolDelta(0, "{}", 1),
        n.ToolDelta(0, ""),
        n.TextDelta("a"),
        n.Finish(n.LENGTH, 1),
    ) == [("text", "a")]


def test_a_stream_that_says_nothing_is_whole_too() -> None:
    seen = told(Builder().end())
    assert [event["type"] for event in seen] == ["message_start", "message_delta", "message_stop"]
    assert seen[1]["delta"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("overloaded_error", {"type": "overloaded_error"}),
        ("", {"type": "api_error"}),
        ("server_error", {"type": "api_error", "details": {"error_code": "server_error"}}),
    ],
)
def test_nothing_follows_an_error(code: str, error: dict[str, Any]) -> None:
    builder = Builder()
    [seen] = told(builder.feed([n.Fault("Boom.", code)]))
    assert seen == {"type": "error", "error": {**error, "message": "Boom."}}
    assert builder.end() == b""
