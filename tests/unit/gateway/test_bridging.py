"""Attempts whose vendor speaks otherwise: what is written, what is told, what is metered."""

from __future__ import annotations

import json

import msgspec
import pytest

from gateway.plain_core import channel, offer
from steelyard.dialects import available
from steelyard.domain.errors import ConfigError
from steelyard.domain.usage import Usage
from steelyard.gateway.bridging import Bridge, meter_of, spoken_by, told
from steelyard.gateway.meter import StreamMeter
from steelyard.gateway.snapshot import SpokenEntry
from steelyard.gateway.view import Candidate

CHAT, MESSAGES = available()["openai_chat"], available()["anthropic_messages"]
CANDIDATE = Candidate(offer(), channel())
ASKED = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
CHUNK = b'{"id":"i","object":"chat.completion.chunk","created":1,"model":"m","choices":[%b]%b}'


def call(**fields: object) -> object:
    return MESSAGES.read(json.dumps({**ASKED, **fields}).encode())


def test_a_channel_is_spoken_to_as_the_client_speaks_where_it_can_be() -> None:
    assert spoken_by(CANDIDATE, CHAT) is CHAT
    assert spoken_by(CANDIDATE, MESSAGES) is CHAT
    both = channel()
    both = msgspec.structs.replace(both, speaks={"anthropic_messages": SpokenEntry("http://x/v1")})
    assert spoken_by(Candidate(offer(), both), MESSAGES) is MESSAGES
    strange = msgspec.structs.replace(channel(), dialect="klingon")
    with pytest.raises(ConfigError, match="no dialect 'klingon'"):
        spoken_by(Candidate(offer(), strange), CHAT)


def test_a_request_is_translated_and_says_what_it_lost() -> None:
    bridge = Bridge(MESSAGES, CHAT, 5)
    asked = call(container="c\r\nx: y", stream=False)
    defaults = {"temperature": msgspec.Raw(b"0")}
    body = json.loads(bridge.write(asked, CANDIDATE, 7, defaults))  # type: ignore[arg-type]
    assert body["messages"] == [{"role": "user", "content": "hi"}]
    assert (body["model"], body["temperature"]) == (CANDIDATE.entry.upstream_model, 0)
    assert told(bridge, b"a: b\r\n") == b"a: b\r\nx-steelyard-dropped: container\r\n"
    assert told(None, b"a: b\r\n") == b"a: b\r\n"


def test_a_plain_answer_is_metered_as_told_and_shown_as_asked() -> None:
    bridge = Bridge(MESSAGES, CHAT, 5)
    raw = {
        "id": "i",
        "model": "m",
        "created": 1,
        "choices": [{"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    found = bridge.answer(json.dumps(raw).encode())
    assert found.usage == Usage(3, 2)
    assert json.loads(bridge.shown)["content"] == [{"type": "text", "text": "hello"}]
    assert bridge.answer(b"[]").fault


def streamed(meter: StreamMeter, *parts: bytes) -> bytes:
    return b"".join([meter.feed(b"data: %b\n\n" % part) for part in parts]) + meter.finish_reading()


def test_a_stream_is_read_in_one_dialect_and_shown_in_the_other() -> None:
    bridge = Bridge(MESSAGES, CHAT, 5)
    meter = meter_of(call(stream=True), CANDIDATE, CHAT, bridge)  # type: ignore[arg-type]
    shown = streamed(
        meter,
        CHUNK % (b'{"index":0,"delta":{"role":"assistant","content":""}}', b""),
        CHUNK % (b'{"index":0,"delta":{"content":"hel"}}', b""),
        CHUNK % (b'{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}', b""),
        CHUNK % (b"", b',"usage":{"prompt_tokens":3,"completion_tokens":2}'),
        b"[DONE]",
    )
    shown += meter.closing()
    assert shown.count(b"event: content_block_delta") == 2
    assert shown.rstrip().endswith(b'data: {"type":"message_stop"}')
    assert (meter.usage, meter.is_done) == (Usage(3, 2), True)


def test_a_vendors_error_in_a_stream_is_left_to_the_exchange() -> None:
    bridge = Bridge(MESSAGES, CHAT, 5)
    meter = meter_of(call(stream=True), CANDIDATE, CHAT, bridge)  # type: ignore[arg-type]
    assert streamed(meter, b'{"error":{"message":"no more"}}') == b""
    assert (meter.error, meter.closing()) == ("no more", b"")


def test_whoever_speaks_alike_passes_through() -> None:
    chat = CHAT.read(b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}')
    meter = meter_of(chat, CANDIDATE, CHAT, None)
    assert type(meter) is StreamMeter
    assert meter.closing() == b""
    plain = type("Plain", (), {"name": "plain"})()
    with pytest.raises(ConfigError, match="nothing translates"):
        Bridge(CHAT, plain, 0)
