"""Anthropic's messages: what goes in comes out, plain and streamed answers cost the same."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.anthropic_messages import DIALECT, estimated_tokens, read_count
from steelyard.dialects.base import Answer
from steelyard.domain.errors import InvalidRequest
from steelyard.gateway.meter import StreamMeter

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OWN = {"model", "messages", "max_tokens", "stream", "tools", "thinking", "output_config", "speed"}
OWN |= {"service_tier"}
PRIVATE = st.dictionaries(TEXT.filter(lambda name: name not in OWN), VALUES, max_size=5)
COUNTS = st.integers(0, 10**6)
ASKED = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}


@given(PRIVATE, st.booleans())
def test_private_fields_make_the_round_trip(private: dict[str, Any], is_spaced: bool) -> None:
    asked = {**ASKED, **private}
    raw = json.dumps(asked, indent=1 if is_spaced else None, ensure_ascii=is_spaced).encode()
    assert json.loads(DIALECT.write(DIALECT.read(raw), "m", 0, {})) == asked


@given(st.binary(max_size=80) | TEXT.map(str.encode) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_a_call_or_an_invalid_request(raw: bytes) -> None:
    for read in (DIALECT.read, read_count):
        try:
            assert estimated_tokens(read(raw), 0.25) > 0
        except InvalidRequest as error:
            assert error.message
    for facts in (DIALECT.read_answer(raw), DIALECT.read_event(raw)):
        assert facts.usage is None or facts.usage.input_tokens >= 0
    DIALECT.read_error(500, {}, raw)
    DIALECT.is_end(raw)


@given(st.lists(VALUES, max_size=3))
def test_any_content_is_read_or_refused(content: list[Any]) -> None:
    messages = [{"role": "user", "content": [{"type": "tool_result", "content": content}]}]
    for blocks in (content, messages[0]["content"]):
        asked = {**ASKED, "messages": [{"role": "user", "content": blocks}]}
        try:
            DIALECT.read(json.dumps(asked | {"x": {"type": "image"}}).encode())
        except InvalidRequest as error:
            assert error.param == "messages"


@st.composite
def answers(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A whole answer, and its events; what has not changed may be left out of the last ones."""
    written = draw(COUNTS)
    hour = draw(st.integers(0, written))
    usage: dict[str, Any] = {
        "input_tokens": draw(COUNTS),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": draw(COUNTS),
        "cache_creation": {
            "ephemeral_5m_input_tokens": written - hour,
            "ephemeral_1h_input_tokens": hour,
        },
        "service_tier": draw(st.sampled_from(["standard", "priority"])),
    }
    output = draw(st.integers(1, 10**6))
    said = draw(st.lists(TEXT, max_size=4))
    whole = {
        "type": "message",
        "id": "msg_1",
        "model": "served",
        "content": [{"type": "text", "text": "".join(said)}],
        "stop_reason": "end_turn",
        "usage": {**usage, "output_tokens": output},
    }
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    told: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for text in said:
        delta = {"type": "text_delta", "text": text}
        told.append({"type": "content_block_delta", "index": 0, "delta": delta})
    repeated = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    for so_far in (*draw(st.lists(st.integers(0, output), max_size=2)), output):
        again = {name: usage[name] for name in repeated if draw(st.booleans())}
        delta = {"stop_reason": "end_turn"} if so_far == output else {"stop_reason": None}
        told.append(
            {"type": "message_delta", "delta": delta, "usage": {**again, "output_tokens": so_far}}
        )
    return whole, [*told, {"type": "message_stop"}]


def stream_of(told: list[dict[str, Any]]) -> bytes:
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in told).encode()


def metered(stream: bytes, step: int) -> Answer:
    meter = StreamMeter(DIALECT, hides_usage=False)
    pieces = [meter.feed(stream[at : at + step]) for at in range(0, len(stream), step)]
    assert b"".join(pieces) == stream
    return meter.answer()


@given(answers(), st.integers(1, 300))
def test_a_stream_however_torn_comes_to_what_the_plain_answer_says(
    answer: tuple[dict[str, Any], list[dict[str, Any]]], step: int
) -> None:
    whole, told = answer
    plain = DIALECT.read_answer(json.dumps(whole).encode())
    seen = metered(stream_of(told), step)
    assert seen._replace(text_bytes=0) == plain
    assert plain.usage is not None


@given(answers(), st.data())
def test_a_stream_that_is_cut_says_that_its_output_is_not_counted(
    answer: tuple[dict[str, Any], list[dict[str, Any]]], data: st.DataObject
) -> None:
    whole, told = answer
    kept = [event for event in told if event["type"] in {"message_start", "content_block_delta"}]
    seen = metered(stream_of(kept[: data.draw(st.integers(1, len(kept)))]), 1 << 20)
    plain = DIALECT.read_answer(json.dumps(whole).encode())
    assert seen.usage is not None
    assert plain.usage is not None
    assert seen.is_partial
    assert seen.usage._replace(output_tokens=0) == plain.usage._replace(output_tokens=0)
