"""Every fault's reply, read as bytes without a socket."""

import itertools
import json
import math
from collections.abc import Iterator

import pytest

from steelyard.testing.broken_usage import ABSURD
from steelyard.testing.faults import FAULTS, checked, fault_of_model, reply
from steelyard.testing.replies import Answer, Ending, Fault, Pause, Raw, Received, Step

STEPS_READ_MAX = 2_000
"""The endless line has more; nobody needs to read them."""


def received(*, model: str = "m", stream: bool = False, **fields: object) -> Received:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "hello there"}],
        "stream": stream,
        **fields,
    }
    return Received(1, 1, "POST", "/v1/chat/completions", (), json.dumps(body).encode())


def streamed(**fields: object) -> Received:
    return received(stream=True, stream_options={"include_usage": True}, **fields)


def written(steps: Iterator[Step]) -> bytes:
    few = itertools.islice(steps, STEPS_READ_MAX)
    return b"".join(step for step in few if isinstance(step, bytes))


def unchunked(response: bytes) -> bytes:
    rest = response.partition(b"\r\n\r\n")[2]
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


def payloads(response: bytes) -> list[dict]:
    events = unchunked(response).split(b"\n\n")
    data = [line[6:] for event in events for line in event.split(b"\n") if line[:6] == b"data: "]
    return [json.loads(item) for item in data if item != b"[DONE]"]


def body_of(response: bytes) -> dict:
    return json.loads(response.partition(b"\r\n\r\n")[2])


def usages(name: str, argument: str = "") -> list[object]:
    steps = reply(streamed(), Fault(name, argument), Answer(events=3))
    return [event["usage"] for event in payloads(written(steps)) if "usage" in event]


def plain_usage(name: str, argument: str = "") -> object:
    return body_of(written(reply(received(), Fault(name, argument), Answer(events=3)))).get("usage")


@pytest.mark.parametrize("request_", [received(), streamed()], ids=["plain", "streamed"])
@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_says_something_for_both_forms_and_is_told_what_it_does(name, request_):
    steps = list(itertools.islice(reply(request_, Fault(name), Answer()), STEPS_READ_MAX))
    assert steps
    assert all(isinstance(step, bytes | Pause | Ending) for step in steps)
    assert FAULTS[name].__doc__


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_differs_from_the_ordinary_stream(name):
    ordinary = list(reply(streamed(), None, Answer()))
    asked = streamed(max_tokens=2) if name == "overrun" else streamed()
    steps = list(itertools.islice(reply(asked, Fault(name), Answer()), STEPS_READ_MAX))
    assert steps != ordinary


def test_plain_and_streamed_forms_report_the_same_usage():
    plain = body_of(written(reply(received(), None, Answer(events=5))))
    events = payloads(written(reply(streamed(), None, Answer(events=5))))
    assert events[-1]["usage"] == plain["usage"]
    content = "".join(c["delta"].get("content", "") for e in events for c in e["choices"])
    assert content == plain["choices"][0]["message"]["content"]


def test_usage_chunk_comes_only_when_asked_and_is_null_elsewhere():
    asked = payloads(written(reply(streamed(), None, Answer(events=2))))
    assert [event["usage"] for event in asked[:-1]] == [None] * (len(asked) - 1)
    assert asked[-1]["choices"] == []
    unasked = payloads(written(reply(received(stream=True), None, Answer(events=2))))
    assert len(unasked) == len(asked) - 1
    assert not any("usage" in event for event in unasked)


def test_prompt_tokens_count_the_messages_bytes():
    usage = body_of(written(reply(received(), None, Answer())))["usage"]
    message = '[{"role":"user","content":"hello there"}]'
    assert usage["prompt_tokens"] == len(message) // 4
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_output_limit_is_obeyed_and_named():
    body = body_of(written(reply(received(max_tokens=3), None, Answer(events=8))))
    assert body["usage"]["completion_tokens"] == 3
    assert body["choices"][0]["finish_reason"] == "length"
    over = body_of(written(reply(received(max_tokens=3), Fault("overrun"), Answer(events=8))))
    assert over["usage"]["completion_tokens"] > 3


def test_answer_fields_reach_the_body():
    answer = Answer(
        parts=("你", "好"), model="other", extra={"private": 1}, usage={"prompt_tokens": 7}
    )
    body = body_of(written(reply(received(), answer, Answer())))
    assert body["choices"][0]["message"]["content"] == "你好"
    assert (body["model"], body["private"], body["usage"]) == ("other", 1, {"prompt_tokens": 7})


def test_usage_faults_in_streams():
    [true] = [found for found in usages("usage-on-final-choice") if found]
    assert usages("usage-missing") == []
    assert set(map(str, usages("usage-null"))) == {"None"}
    assert usages("usage-twice")[1] == true != usages("usage-twice")[0]
    assert [found["completion_tokens"] for found in usages("usage-zero-after")] == [3, 0]
    assert [found["completion_tokens"] for found in usages("usage-zero-first")] == [0, 3]
    assert usages("usage-negative")[0]["completion_tokens"] < 0
    cumulative = [found["completion_tokens"] for found in usages("usage-in-every-chunk")]
    assert cumulative == [0, 1, 2, 3, 3]
    [over] = usages("usage-parts-over-total")
    assert over["prompt_tokens_details"]["cached_tokens"] > over["prompt_tokens"]


def test_usage_faults_in_plain_answers():
    assert plain_usage("usage-missing") is None
    assert plain_usage("usage-null") is None
    assert plain_usage("usage-negative")["prompt_tokens"] < 0
    assert plain_usage("usage-zero-after")["completion_tokens"] == 0


@pytest.mark.parametrize("kind", ABSURD)
def test_absurd_usage_comes_in_every_kind(kind):
    found = plain_usage("usage-absurd", kind)["completion_tokens"]
    assert found == ABSURD[kind] or (kind == "nan" and math.isnan(found))
    assert type(found) is type(ABSURD[kind])


def test_a_rate_limit_says_when_only_with_an_argument():
    assert b"retry-after" not in written(reply(received(), Fault("429"), Answer()))
    assert b"retry-after: 2\r\n" in written(reply(received(), Fault("429", "2"), Answer()))


def test_cut_mid_event_leaves_half_an_event_after_whole_ones():
    steps = list(reply(streamed(), Fault("cut-mid-event", "3"), Answer()))
    assert steps[-1] is Ending.CLOSE
    assert b"\n\n" not in steps[-2]
    assert len([step for step in steps if isinstance(step, bytes) and b"\n\n" in step]) == 3


def test_cut_before_usage_keeps_the_finish_reason():
    said = written(reply(streamed(), Fault("cut-before-usage"), Answer()))
    assert b'"finish_reason":"stop"' in said
    assert b"prompt_tokens" not in said


def test_late_response_comes_after_a_whole_answer_and_a_pause():
    *answer, pause, extra = reply(received(), Fault("late-response", "0.5"), Answer())
    assert answer == list(reply(received(), None, Answer()))
    assert pause == Pause(0.5)
    assert b'"stolen":true' in extra


def test_pauses_are_where_they_were_asked_for():
    assert next(reply(received(), Fault("slow-first-byte", "2.5"), Answer())) == Pause(2.5)
    assert next(reply(received(), None, Answer(delay_s=0.25))) == Pause(0.25)
    gaps = [s for s in reply(streamed(), None, Answer(events=4, gap_s=0.005)) if s == Pause(0.005)]
    assert len(gaps) == 4 + 3  # content; role, finish and usage


def test_raw_entries_are_played_as_they_are():
    raw = Raw((b"abc", Pause(1.0), Ending.RESET))
    assert tuple(reply(received(), raw, Answer())) == raw.steps


def test_models_name_faults_and_mistakes_get_the_nearest_name():
    assert fault_of_model("gpt-4o") is None
    assert fault_of_model("fault:429:2") == Fault("429", "2")
    with pytest.raises(ValueError, match="usage-twice"):
        checked(Fault("usage-twise"))


@pytest.mark.parametrize("body", [b"", b"[]", b'{"messages":1}', b"\xff"])
def test_what_is_no_chat_request_is_a_value_error(body):
    wrong = Received(1, 1, "POST", "/v1/chat/completions", (), body)
    with pytest.raises(ValueError):
        reply(wrong, None, Answer())
