"""What an ordinary answer says, read as bytes without a socket."""

import pytest

from steelyard.testing.faults import reply
from steelyard.testing.replies import Answer, Received
from testing.turns import body_of, payloads, received, streamed, written


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


def test_answer_fields_reach_the_body():
    answer = Answer(
        parts=("你", "好"), model="other", extra={"private": 1}, usage={"prompt_tokens": 7}
    )
    body = body_of(written(reply(received(), answer, Answer())))
    assert body["choices"][0]["message"]["content"] == "你好"
    assert (body["model"], body["private"], body["usage"]) == ("other", 1, {"prompt_tokens": 7})


@pytest.mark.parametrize("body", [b"", b"[]", b'{"messages":1}', b"\xff"])
def test_what_is_no_chat_request_is_a_value_error(body):
    wrong = Received(1, 1, "POST", "/v1/chat/completions", (), body)
    with pytest.raises(ValueError):
        reply(wrong, None, Answer())
