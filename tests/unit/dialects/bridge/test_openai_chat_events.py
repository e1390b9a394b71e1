from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.openai_chat_events import Builder, Parser
from steelyard.domain.errors import DialectViolated
from steelyard.domain.usage import Usage
from steelyard.wire.sse import events

USAGE = {"prompt_tokens": 3, "completion_tokens": 2}


def chunk(delta: Any = None, finish: str | None = None, **told: Any) -> dict[str, Any]:
    choice = {"index": told.pop("index", 0), "delta": delta or {}, "finish_reason": finish}
    return {"id": "r", "model": "m", "created": 5, "choices": [choice], **told}


def read(*chunks: Any) -> list[n.Event]:
    """What chunks tell, without the begin."""
    parser = Parser()
    found = [e for one in chunks for e in parser.feed(json.dumps(one).encode())]
    return [event for event in found if not isinstance(event, n.Begin)]


def call(index: int | None = 0, call_id: Any = None, name: Any = None, args: Any = None) -> Any:
    told: dict[str, Any] = {"function": {"name": name, "arguments": args}}
    if index is not None:
        told["index"] = index
    if call_id is not None:
        told["id"] = call_id
    return told


def calls(*deltas: Any) -> list[n.Event]:
    return read(*(chunk({"tool_calls": [delta]}) for delta in deltas))


def test_the_begin_is_told_once() -> None:
    parser = Parser()
    first = parser.feed(json.dumps(chunk({"role": "assistant", "content": ""})).encode())
    assert first == [n.Begin("r", "m", 5)]
    assert parser.feed(json.dumps(chunk({"content": "a"})).encode()) == [n.TextDelta("a")]
    assert parser.feed(b"[DONE]") == parser.feed(b" ") == []


def test_words_thoughts_and_refusals() -> None:
    assert read(chunk({"reasoning_content": "t"}), chunk({"reasoning": "u"})) == [
        n.ReasoningDelta("t"),
        n.ReasoningDelta("u"),
    ]
    listed = [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "a"}]
    assert read(chunk({"content": listed})) == [n.ReasoningDelta("t"), n.TextDelta("a")]
    assert read(chunk({"refusal": "no"}), chunk({}, "stop")) == [
        n.RefusalDelta("no"),
        n.Finish(n.REFUSED),
    ]
    assert read(chunk({"content": "b"}, index=1)) == [n.TextDelta("b", 1)]


def test_logprobs_follow_their_words() -> None:
    told = chunk({"content": "a"})
    told["choices"][0]["logprobs"] = {"content": []}
    words, probabilities = read(told)
    assert words == n.TextDelta("a")
    assert isinstance(probabilities, n.LogprobsDelta)
    told["choices"][0]["logprobs"] = None
    assert read(told) == [n.TextDelta("a")]


def test_the_end_is_told_once_whatever_repeats_it() -> None:
    end = chunk({"content": "a"}, "stop")
    assert read(end, chunk({}, "stop"), chunk({}, "")) == [n.TextDelta("a"), n.Finish(n.STOP)]
    told = chunk({}, "stop")
    told["choices"][0]["stop_reason"] = "###"
    assert read(told) == [n.Finish(n.STOP, 0, "###")]
    assert read(chunk({}, "sensitive")) == [n.Finish(n.FILTERED)]


def test_a_vendor_that_breaks_off_is_at_fault() -> None:
    [fault] = read(chunk({}, "insufficient_system_resource"))
    assert fault == n.Fault(
        "The vendor broke off: insufficient_system_resource.", "insufficient_system_resource"
    )
    assert read({"error": {"message": "busy", "code": 1305}}) == [n.Fault("busy", "1305")]


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk({}, "stop"), {"choices": [], "usage": USAGE}],
        [chunk({}, "stop", usage=USAGE)],
        [chunk({}, "stop", usage=USAGE), {"choices": [], "usage": USAGE}],
        [
            {
                "choices": [
                    {"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE},
                ]
            }
        ],
    ],
)
def test_usage_wherever_it_stands(chunks: list[Any]) -> None:
    assert read(*chunks) == [n.Finish(n.STOP), n.Spent(Usage(3, 2))]


def test_usage_may_grow_be_null_or_be_nonsense() -> None:
    more = {"prompt_tokens": 3, "completion_tokens": 4}
    told = read(
        chunk({}, usage=None),
        chunk({}, usage=USAGE),
        chunk({}, usage={"prompt_tokens": -1}),
        chunk({}, usage=more, service_tier="flex"),
    )
    assert told == [n.Spent(Usage(3, 2)), n.Spent(Usage(3, 4), "flex")]


def test_parallel_calls_with_gaps_are_counted_without() -> None:
    told = calls(
        call(1, "a", "f", ""),
        call(1, None, None, '{"x"'),
        call(5, "b", "g", "{}"),
        call(1, None, None, ":1}"),
    )
    assert told == [
        n.ToolBegin(0, "a", "f"),
        n.ToolDelta(0, '{"x"'),
        n.ToolBegin(1, "b", "g"),
        n.ToolDelta(1, "{}"),
        n.ToolDelta(0, ":1}"),
    ]


def test_calls_that_all_have_one_index() -> None:
    told = calls(call(0, "a", "f", "{}"), call(0, "b", "g", "{}"), call(0, None, None, " "))
    assert [event.index for event in told] == [0, 0, 1, 1, 1]


def test_calls_without_indexes() -> None:
    told = calls(
        call(None, "a", "f", "{"),
        call(None, None, None, "}"),
        call(None, "b", "g", "{}"),
    )
    assert told == [
        n.ToolBegin(0, "a", "f"),
        n.ToolDelta(0, "{"),
        n.ToolDelta(0, "}"),
        n.ToolBegin(1, "b", "g"),
        n.ToolDelta(1, "{}"),
    ]


def test_an_id_anew_in_each_delta_is_no_new_call() -> None:
    told = calls(call(0, "a", "f", "{"), call(0, "b", None, "}"), call(0, "c", "", " "))
    assert told == [
        n.ToolBegin(0, "a", "f"),
        n.ToolDelta(0, "{"),
        n.ToolDelta(0, "}"),
        n.ToolDelta(0, " "),
    ]


def test_a_call_without_an_id_is_given_one() -> None:
    assert calls(call(0, None, "f", {"a": 1})) == [
        n.ToolBegin(0, "call_r_0", "f"),
        n.ToolDelta(0, '{"a": 1}'),
    ]
    old = {"function_call": {"name": "f", "arguments": "{}"}}
    assert read(chunk(old), chunk({"function_call": {"arguments": " "}})) == [
        n.ToolBegin(0, "call_r_0", "f"),
        n.ToolDelta(0, "{}"),
        n.ToolDelta(0, " "),
    ]


def test_a_name_may_come_late_or_never() -> None:
    late = calls(call(0, "a", None, "{"), call(0, None, "f", "}"))
    assert late == [n.ToolBegin(0, "a", "f"), n.ToolDelta(0, "{"), n.ToolDelta(0, "}")]
    never = read(
        chunk({"tool_calls": [{"index": 0, "id": "a"}]}), chunk({}, "stop"), chunk({}, "stop")
    )
    assert never == [n.ToolBegin(0, "a", ""), n.Finish(n.TOOL_CALLS)]


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"choices":7}', b'{"choices":[{"delta":"x"}]}'])
def test_what_is_no_event(data: bytes) -> None:
    with pytest.raises(DialectViolated):
        Parser().feed(data)


def test_what_is_read_late_may_be_wrong_as_well() -> None:
    told = chunk({"content": [{"type": "thinking", "thinking": 5}]})
    with pytest.raises(DialectViolated):
        Parser().feed(json.dumps(told).encode())


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
