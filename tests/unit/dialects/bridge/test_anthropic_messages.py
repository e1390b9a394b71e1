"""The codec is one dialect in both directions, under its dialect's name."""

from __future__ import annotations

import json

import msgspec
import pytest

from steelyard.dialects.anthropic_messages import DIALECT
from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.anthropic_messages import CODEC
from steelyard.dialects.bridge.codec import Codec, Target
from steelyard.domain.usage import Usage

TARGET = Target("theirs", 0, 4096, {}, frozenset())


def test_it_is_the_codec_of_its_dialect() -> None:
    found: Codec = CODEC
    assert found.name == DIALECT.name


def test_a_request_there_and_back() -> None:
    fields = {
        "model": msgspec.Raw(b'"m"'),
        "max_tokens": msgspec.Raw(b"7"),
        "messages": msgspec.Raw(b'[{"role":"user","content":"hi"}]'),
        "container": msgspec.Raw(b'{"id":"c"}'),
        "thinking": msgspec.Raw(b'{"type":"between_tools"}'),
    }
    written = CODEC.build_request(CODEC.parse_request(fields), TARGET)
    assert written.dropped == ()
    assert json.loads(written.body) == {
        "model": "theirs",
        "max_tokens": 7,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "container": {"id": "c"},
        "thinking": {"type": "between_tools"},
    }


@pytest.mark.parametrize("wants_usage", [True, False])
def test_streams_there_and_back_always_tell_the_usage(wants_usage: bool) -> None:
    builder, parser = CODEC.event_builder(wants_usage), CODEC.event_parser()
    told = [n.Begin("r", "m"), n.TextDelta("hi"), n.Finish(n.STOP), n.Spent(Usage(5, 2))]
    stream = builder.feed(told) + builder.end()
    data = [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: ")]
    seen = [event for one in data for event in parser.feed(one)]
    assert seen == [n.Begin("r", "m", usage=Usage()), *told[1:]]


def test_answers_there_and_back() -> None:
    reply = n.Reply("r", "m", 0, [n.Choice([n.Text("hi")])], Usage(5, 2))
    assert CODEC.parse_reply(CODEC.build_reply(reply)) == reply
