"""Faults in what is answered, the HTTP being sound."""

from steelyard.testing.faults import reply
from steelyard.testing.replies import Answer, Fault, Pause
from testing.turns import body_of, received, streamed, written


def test_output_limit_is_obeyed_and_named():
    body = body_of(written(reply(received(max_tokens=3), None, Answer(events=8))))
    assert body["usage"]["completion_tokens"] == 3
    assert body["choices"][0]["finish_reason"] == "length"
    over = body_of(written(reply(received(max_tokens=3), Fault("overrun"), Answer(events=8))))
    assert over["usage"]["completion_tokens"] > 3


def test_a_rate_limit_says_when_only_with_an_argument():
    assert b"retry-after" not in written(reply(received(), Fault("429"), Answer()))
    assert b"retry-after: 2\r\n" in written(reply(received(), Fault("429", "2"), Answer()))


def test_pauses_are_where_they_were_asked_for():
    assert next(reply(received(), Fault("slow-first-byte", "2.5"), Answer())) == Pause(2.5)
    assert next(reply(received(), None, Answer(delay_s=0.25))) == Pause(0.25)
    gaps = [s for s in reply(streamed(), None, Answer(events=4, gap_s=0.005)) if s == Pause(0.005)]
    assert len(gaps) == 4 + 3  # content; role, finish and usage
