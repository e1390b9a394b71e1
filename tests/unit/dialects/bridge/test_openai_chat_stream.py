from __future__ import annotations

import json
from typing import Any

import msgspec

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.openai_chat_stream import Builder
from steelyard.domain.usage import Usage
from steelyard.wire.sse import events


def build(*told: n.Event, wants_usage: bool = False) -> list[Any]:
    builder = Builder(wants_usage)
    return shown(b"".join([*(builder.feed([event]) for event in told), builder.end()]))


def shown(stream: bytes) -> list[Any]:
    assert stream.endswith(b"\n\n") or not stream
    return [one if one == b"[DONE]" else json.loads(one) for one in events(stream)]


BEGIN = n.Begin("r", "m", 5)
HEAD = {"id": "r", "object": "chat.completion.chunk", "created": 5, "model": "m"}


def test_a_stream_looks_like_openais() -> None:
    told = build(BEGIN, n.TextDelta('a"é'), n.Finish(n.STOP), n.Spent(Usage(3, 2)))
    deltas = [({"role": "assistant", "content": "", "refusal": None}, None)]
    deltas += [({"content": 'a"é'}, None), ({}, "stop")]
    assert told == [
        *(
            {
                **HEAD,
                "choices": [{"index": 0, "delta": d, "logprobs": None, "finish_reason": finish}],
            }
            for d, finish in deltas
        ),
        b"[DONE]",
    ]


def test_usage_comes_last_to_who_asks_for_it() -> None:
    told = build(
        n.Begin("r", "m", 5, Usage(3)),
        n.Spent(Usage(3, 2), "priority"),
        n.Finish(n.STOP),
        wants_usage=True,
    )
    *others, usage, done = told
    assert all(one["usage"] is None for one in others)
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 5)
    assert (usage["service_tier"], done) == ("priority", b"[DONE]")
    assert build(BEGIN, wants_usage=True)[-1] == b"[DONE]"
    begun = build(n.Begin("r", "m", 5, Usage(3)), wants_usage=True)
    assert begun[-2]["usage"]["prompt_tokens"] == 3
    assert "service_tier" not in begun[-2]


def deltas(*told: n.Event) -> list[Any]:
    return [one["choices"][0]["delta"] for one in build(BEGIN, *told)[1:-1]]


def test_thoughts_and_refusals() -> None:
    assert deltas(n.ReasoningDelta("t"), n.ReasoningProof("s"), n.RefusalDelta("no")) == [
        {"reasoning_content": "t"},
        {"refusal": "no"},
    ]
    [*_, end, _] = build(n.RefusalDelta("no"), n.Finish(n.REFUSED))
    assert end["choices"][0]["finish_reason"] == "stop"


def test_calls() -> None:
    told = deltas(
        n.ToolBegin(0, "a", "f"),
        n.ToolDelta(0, '{"x"'),
        n.ToolDelta(0, ""),
        n.ToolBegin(1, "b", "g"),
        n.ToolDelta(0, ":1}"),
        n.Finish(n.TOOL_CALLS),
    )
    f = {"name": "f", "arguments": ""}
    g = {"name": "g", "arguments": ""}
    assert told == [
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": f}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x"'}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": g}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        {},
    ]


def test_every_choice_says_first_who_speaks() -> None:
    told = build(BEGIN, n.TextDelta("b", 1), n.Finish(n.STOP, 1), n.Finish(n.STOP, 1))[:-1]
    choices = [one["choices"][0] for one in told]
    assert [one["index"] for one in choices] == [0, 1, 1, 1]
    assert choices[1]["delta"]["role"] == "assistant"
    # Also where a vendor forgot to begin.
    assert build(n.ToolDelta(0, "{}"))[0]["choices"][0]["delta"]["role"] == "assistant"


def test_logprobs_are_with_their_words_or_alone() -> None:
    raw = msgspec.Raw(b'{"content":[],"refusal":null}')
    builder = Builder(wants_usage=False)
    together = [BEGIN, n.TextDelta("a"), n.LogprobsDelta(raw), n.TextDelta("b"), n.Finish(n.STOP)]
    _, first, second, _ = shown(builder.feed(together))
    assert first["choices"][0]["delta"] == {"content": "a"}
    assert first["choices"][0]["logprobs"] == {"content": [], "refusal": None}
    assert second["choices"][0]["logprobs"] is None
    [_, alone] = shown(builder.feed([n.ReasoningDelta("t"), n.LogprobsDelta(raw)]))
    assert alone["choices"][0]["delta"] == {}
    [alone] = shown(builder.feed([n.LogprobsDelta(raw)]))
    assert (alone["choices"][0]["delta"], alone["choices"][0]["logprobs"]["content"]) == ({}, [])


def test_an_error_ends_the_stream() -> None:
    *_, last = build(BEGIN, n.Fault("busy"), wants_usage=True)
    assert last["error"] == {
        "message": "busy",
        "type": "upstream_error",
        "code": "upstream_error",
        "param": None,
    }
