import json
from typing import Any

import pytest

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.openai_responses_events import ResponsesParser
from steelyard.domain.errors import DialectViolated
from steelyard.domain.usage import Usage

RESPONSE = {"id": "resp_1", "model": "served", "created_at": 7, "status": "in_progress"}


def read(*told: tuple[str, dict[str, Any]]) -> list[n.Event]:
    parser = ResponsesParser()
    found = []
    for kind, fields in told:
        found += parser.feed(json.dumps({"type": f"response.{kind}", **fields}).encode())
    return found


def ended(kind: str = "completed", **fields: Any) -> tuple[str, dict[str, Any]]:
    return kind, {"response": {**RESPONSE, "status": kind, "output": [], **fields}}


def test_a_stream_of_words_is_read() -> None:
    entry = {"token": "a", "logprob": -0.5}
    found = read(
        ("created", {"response": RESPONSE}),
        ("in_progress", {"response": RESPONSE}),
        ("output_item.added", {"output_index": 0, "item": {"type": "message"}}),
        ("content_part.added", {"output_index": 0, "part": {}}),
        ("output_text.delta", {"delta": "a", "logprobs": [entry]}),
        ("output_text.delta", {"delta": "b"}),
        ("output_text.done", {"text": "ab", "logprobs": [entry]}),
        ("output_item.done", {"item": {"type": "message", "content": [{"type": "output_text"}]}}),
        ("rate_limits.updated", {"limits": {}}),
        ended(usage={"input_tokens": 9, "output_tokens": 4}, service_tier="flex"),
    )
    begin, a, logprobs, b, finish, spent = found
    assert begin == n.Begin("resp_1", "served", 7)
    assert (a, b) == (n.TextDelta("a"), n.TextDelta("b"))
    assert isinstance(logprobs, n.LogprobsDelta) and b'"content":[{"token"' in bytes(logprobs.raw)
    assert (finish, spent) == (n.Finish(n.STOP), n.Spent(Usage(9, 4), "flex"))


def test_what_no_delta_told_is_taken_from_what_closes() -> None:
    text = {"type": "output_text", "text": "ab"}
    refusal = {"type": "refusal", "refusal": "no"}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"text": "Hm."}]}
    entry = {"token": "a", "logprob": -0.5}
    found = read(
        ("output_item.done", {"output_index": 0, "item": thought}),
        ("output_text.done", {"output_index": 1, "text": "xy", "logprobs": [entry]}),
        ("output_item.done", {"output_index": 1, "item": {"type": "message", "content": [text]}}),
        ("output_item.done", {"output_index": 2, "item": call}),
        ("output_item.added", {"output_index": 3, "item": {**call, "arguments": ""}}),
        ("output_item.done", {"output_index": 3, "item": call}),
        ("output_item.done", {"output_index": 4, "item": {"type": "web_search_call"}}),
        (
            "output_item.done",
            {"output_index": 5, "item": {"type": "message", "content": [text, refusal]}},
        ),
        ended(),
    )
    assert isinstance(found.pop(2), n.LogprobsDelta)
    assert found == [
        n.ReasoningDelta("Hm."),
        n.TextDelta("xy"),
        n.ToolBegin(0, "c", "f"),
        n.ToolDelta(0, '{"a":1}'),
        n.ToolBegin(1, "c", "f"),
        n.ToolDelta(1, '{"a":1}'),
        n.TextDelta("ab"),
        n.RefusalDelta("no"),
        n.Begin("resp_1", "served", 7),
        n.Finish(n.REFUSED),
    ]


def test_calls_with_gaps_between_their_places_are_counted_without() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}
    delta = "function_call_arguments.delta"
    found = read(
        ("output_item.added", {"output_index": 2, "item": item}),
        ("output_item.added", {"output_index": 7, "item": {**item, "call_id": "d"}}),
        (delta, {"output_index": 7, "delta": "{}"}),
        (delta, {"output_index": 2, "delta": '{"a'}),
        (delta, {"output_index": 2, "delta": '":1}'}),
        ("function_call_arguments.done", {"output_index": 2, "arguments": '{"a":1}'}),
        ("output_item.done", {"output_index": 2, "item": {**item, "arguments": '{"a":1}'}}),
        ended(),
    )
    assert [(e.index, e.arguments) for e in found if isinstance(e, n.ToolDelta)] == [
        *((1, "{}"), (0, '{"a')),
        (0, '":1}'),
    ]
    assert n.Finish(n.TOOL_CALLS) in found


def test_thoughts_are_read_in_either_shape_and_once() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    summary = "reasoning_summary_text.delta"
    found = read(
        (summary, {"summary_index": 0, "delta": "On"}),
        (summary, {"summary_index": 0, "delta": "e."}),
        (summary, {"summary_index": 1, "delta": "Two."}),
        ("reasoning_text.delta", {"content_index": 0, "delta": "again"}),
        ("output_item.done", {"item": thought}),
        ("reasoning_text.delta", {"output_index": 1, "delta": "raw"}),
        ("output_item.done", {"output_index": 1, "item": {"type": "reasoning", "id": "rs_2"}}),
        ("output_item.done", {"output_index": 2, "item": thought}),
    )
    assert found == [
        n.ReasoningDelta("On"),
        n.ReasoningDelta("e."),
        n.ReasoningDelta("\n\nTwo."),
        n.ReasoningProof("rs_1:gAAA", item_id="rs_1"),
        n.ReasoningDelta("raw"),
        n.ReasoningProof("rs_1:gAAA", item_id="rs_1", is_redacted=True),
    ]


def test_refusals_and_cuts_end_as_they_do() -> None:
    assert read(("refusal.delta", {"delta": "no"}), ended())[0] == n.RefusalDelta("no")
    cut = ended("incomplete", incomplete_details={"reason": "content_filter"})
    assert n.Finish(n.FILTERED) in read(cut)
    assert n.Finish(n.LENGTH) in read(ended("incomplete"))
    message = {"type": "message", "content": [{"type": "refusal", "refusal": ""}, {"type": "new"}]}
    silent = read(("output_item.done", {"item": message}), ended())
    assert silent[1:] == [n.Finish(n.REFUSED)]


def test_faults_are_read_wherever_they_stand() -> None:
    assert read(ended("failed", error={"message": "m", "code": "c"})) == [n.Fault("m", "c")]
    assert read(ended("failed")) == [n.Fault("no reason given")]
    [fault] = read(ended(error={"message": "m"}))
    assert isinstance(fault, n.Fault) and fault.message.endswith("m")
    parser = ResponsesParser()
    assert parser.feed(b'{"type":"error","message":"m","code":"c"}') == [n.Fault("m", "c")]
    assert parser.feed(b'{"type":"error","error":{"message":"m","code":7}}') == [n.Fault("m", "7")]
    assert parser.feed(b"[DONE]") == []


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"\xff",
        b"[]",
        b"[" * 9999,
        b'{"type":"response.created"}',
        b'{"type":"response.output_item.added"}',
        b'{"type":"response.function_call_arguments.delta","output_index":4,"delta":"x"}',
    ],
)
def test_what_is_no_event_is_the_vendors_fault(broken: bytes) -> None:
    with pytest.raises(DialectViolated):
        ResponsesParser().feed(broken)
