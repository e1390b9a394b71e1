import json
from typing import Any

import msgspec

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.openai_responses_stream import ResponsesBuilder
from steelyard.domain.usage import Usage
from steelyard.wire.sse import events

BEGIN = n.Begin("r-1", "m", 7)


def stream(*told: n.Event) -> list[dict[str, Any]]:
    builder = ResponsesBuilder()
    return [json.loads(data) for data in events(builder.feed(list(told)) + builder.end())]


def kinds(seen: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in seen]


def test_words_come_with_everything_around_them() -> None:
    seen = stream(BEGIN, n.TextDelta("a"), n.TextDelta("b"), n.Finish(n.STOP), n.Spent(Usage(9, 4)))
    assert kinds(seen) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in seen] == list(range(10))
    assert seen[5] == {
        "type": "response.output_text.delta",
        "item_id": "msg_r-1_0",
        "output_index": 0,
        "content_index": 0,
        "delta": "b",
        "logprobs": [],
        "sequence_number": 5,
    }
    assert seen[6]["text"] == "ab"
    whole = seen[-1]["response"]
    assert (whole["id"], whole["usage"]["total_tokens"]) == ("resp_r-1", 13)
    assert whole["output"] == [seen[8]["item"]]
    assert whole["output"][0]["content"][0]["text"] == "ab"


def test_a_thought_is_a_summary_and_ends_with_its_proof() -> None:
    proof = n.ReasoningProof("c2ln")
    thought = [n.ReasoningDelta("H"), n.ReasoningDelta("m."), proof]
    seen = stream(BEGIN, *thought, n.TextDelta("a"), n.Finish("stop"))
    assert kinds(seen)[2:9] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert seen[8]["item"] == {
        "id": "rs_r-1_0",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "c2ln",
    }
    hidden = n.ReasoningProof("gAAA", is_redacted=True)
    unproven = stream(BEGIN, n.ReasoningDelta("Hm."), hidden, n.Finish(n.STOP))
    first, second = unproven[-1]["response"]["output"]
    assert "encrypted_content" not in first and second["summary"] == []
    assert stream(BEGIN, proof, n.Finish("stop"))[-1]["response"]["output"][0]["summary"]


def test_calls_may_take_turns() -> None:
    seen = stream(
        BEGIN,
        n.TextDelta("I look."),
        n.ToolBegin(0, "c", "f"),
        n.ToolBegin(1, "d", "g"),
        n.ToolDelta(0, '{"a'),
        n.ToolDelta(1, ""),
        n.ToolDelta(7, "lost"),
        n.ToolDelta(0, '":1}'),
        n.Finish(n.TOOL_CALLS),
    )
    deltas = [e for e in seen if e["type"] == "response.function_call_arguments.delta"]
    assert [(e["output_index"], e["delta"]) for e in deltas] == [
        *((1, '{"a'), (1, '":1}')),
        (2, "{}"),
    ]
    done = [e for e in seen if e["type"] == "response.function_call_arguments.done"]
    assert [(e["name"], e["arguments"]) for e in done] == [("f", '{"a":1}'), ("g", "{}")]
    output = seen[-1]["response"]["output"]
    assert [item["id"] for item in output] == ["msg_r-1_0", "fc_r-1_1", "fc_r-1_2"]


def test_a_refusal_is_a_part_of_its_message() -> None:
    seen = stream(BEGIN, n.TextDelta("Well"), n.RefusalDelta("no"), n.Finish(n.REFUSED))
    [message] = seen[-1]["response"]["output"]
    assert message["content"][1] == {"type": "refusal", "refusal": "no"}
    assert [e["content_index"] for e in seen if e["type"] == "response.refusal.delta"] == [1]
    silent = stream(BEGIN, n.TextDelta("We"), n.Finish(n.REFUSED))
    assert silent[-1]["response"]["output"][0]["content"][1]["refusal"] == ""


def test_an_answer_that_was_cut_ends_incomplete() -> None:
    seen = stream(BEGIN, n.TextDelta("a"), n.Finish(n.LENGTH))
    assert kinds(seen)[-1] == "incomplete"
    assert seen[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert seen[-1]["response"]["output"][0]["status"] == "incomplete"
    calls = [n.ToolBegin(0, "c", "f"), n.ToolBegin(1, "d", "g"), n.ToolDelta(1, '{"a')]
    output = stream(BEGIN, n.TextDelta("a"), *calls, n.Finish(n.FILTERED))[-1]["response"]["output"]
    assert [item["status"] for item in output] == ["completed", "completed", "incomplete"]


def test_log_probabilities_go_with_their_words_or_at_their_end() -> None:
    told = msgspec.Raw(b'{"content":[{"token":"a","logprob":-1.5}]}')
    entry = {"token": "a", "logprob": -1.5, "bytes": [97], "top_logprobs": []}
    seen = stream(BEGIN, n.TextDelta("a"), n.LogprobsDelta(told), n.Finish(n.STOP))
    [delta] = [e for e in seen if e["type"] == "response.output_text.delta"]
    [done] = [e for e in seen if e["type"] == "response.output_text.done"]
    assert delta["logprobs"] == done["logprobs"] == [entry]
    builder = ResponsesBuilder()
    for event in (BEGIN, n.TextDelta("a")):
        builder.feed([event])
    assert builder.feed([n.LogprobsDelta(told)]) == b""
    [*_, last] = events(builder.feed([n.Finish(n.STOP)]) + builder.end())
    assert json.loads(last)["response"]["output"][0]["content"][0]["logprobs"] == [entry]
    assert ResponsesBuilder().feed([n.LogprobsDelta(told)]) == b""


def test_faults_and_broken_streams_end_as_failed() -> None:
    seen = stream(BEGIN, n.TextDelta("a"), n.Fault("slow down", "rate_limit_exceeded"))
    assert seen[-1]["type"] == "response.failed"
    assert seen[-1]["response"]["error"] == {
        "code": "rate_limit_exceeded",
        "message": "slow down",
    }
    twice = stream(BEGIN, n.Fault("m", "odd"), n.Fault("again"))
    assert kinds(twice)[2:] == ["failed"]
    assert twice[-1]["response"]["error"]["code"] == "server_error"
    assert stream()[-1]["response"]["status"] == "failed"


def test_of_several_answers_the_first_is_told() -> None:
    seen = stream(
        BEGIN,
        BEGIN,
        n.TextDelta("a"),
        n.TextDelta("b", 1),
        n.TextDelta(""),
        n.ReasoningDelta("", 0),
        n.RefusalDelta("", 1),
        n.RefusalDelta(""),
        n.Finish(n.STOP),
        n.Finish(n.LENGTH, 1),
    )
    assert seen[-1]["type"] == "response.completed"
    assert [e["delta"] for e in seen if e["type"] == "response.output_text.delta"] == ["a"]
    assert kinds(seen).count("created") == 1
