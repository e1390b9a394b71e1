"""OpenAI chat: what goes in comes out, and a stream is read the same however it is torn."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.base import Answer
from steelyard.dialects.openai_chat import DIALECT
from steelyard.domain.errors import InvalidRequest
from steelyard.gateway.meter import StreamMeter
from steelyard.wire.sse import events

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OWN = {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n"}
OWN |= {"tools", "response_format", "grammar"}
PRIVATE = st.dictionaries(TEXT.filter(lambda name: name not in OWN), VALUES, max_size=5)
USAGE = st.fixed_dictionaries(
    {"prompt_tokens": st.integers(-5, 100)},
    optional={
        "completion_tokens": st.integers(-5, 100) | st.none(),
        "prompt_tokens_details": st.none() | st.just({"cached_tokens": 3}),
    },
)


@given(PRIVATE, st.booleans())
def test_private_fields_make_the_round_trip(private: dict[str, Any], is_spaced: bool) -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "x"}], **private}
    raw = json.dumps(asked, indent=1 if is_spaced else None, ensure_ascii=is_spaced).encode()
    sent = json.loads(DIALECT.write(DIALECT.read(raw), "m", 0, {}))
    assert sent == asked


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "\n", '\\"']), VALUES), max_size=4), st.booleans()
)
def test_a_name_may_stand_once(pairs: list[tuple[str, Any]], is_ascii: bool) -> None:
    raw = b'{"model": "m", "messages" :[{"role": "user"}]'
    for name, value in pairs:
        told = json.dumps(value, ensure_ascii=is_ascii)
        raw += f" , {json.dumps(name)} : {told} ".encode()
    names = [name for name, _ in pairs]
    try:
        DIALECT.read(raw + b" }")
        assert len(set(names)) == len(names)
    except InvalidRequest as error:
        assert "stands twice" in error.message
        assert len(set(names)) < len(names)


@given(st.binary(max_size=80) | TEXT.map(str.encode) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_a_call_or_an_invalid_request(raw: bytes) -> None:
    try:
        DIALECT.read(raw)
    except InvalidRequest as error:
        assert error.message
    facts = DIALECT.read_answer(raw)
    assert facts.usage is None or facts.usage.input_tokens >= 0
    DIALECT.read_error(500, {}, raw)
    DIALECT.without_usage(raw)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A stream as vendors write them: gaps, comments, CRLF, usage anywhere, broken events."""
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    gap = draw(st.sampled_from([",", ", "]))
    parts = []
    for index in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["text", "text", "usage", "null", "comment", "bad", "stop"]))
        event: dict[str, Any] = {"id": f"i{index}", "model": "served", "choices": []}
        if kind != "usage":
            delta = {"delta": {"content": draw(TEXT)}, "finish_reason": None}
            event["choices"] = [delta | ({"finish_reason": "stop"} if kind == "stop" else {})]
        if kind == "usage":
            event["usage"] = draw(USAGE)
        if kind == "null":
            event["usage"] = None
        text = json.dumps(event, separators=(gap, ":"), ensure_ascii=draw(st.booleans()))
        if kind == "bad":
            text = '{"choices":[{"delta"'
        parts.append(": ping" if kind == "comment" else f"data: {text}")
    if draw(st.booleans()):
        parts.append("data: [DONE]")
    return "".join(part + line_end * 2 for part in parts).encode()


def _read(pieces: list[bytes], *, hides: bool) -> tuple[Answer, list[bytes], bool]:
    meter = StreamMeter(DIALECT, hides)
    seen = b"".join(meter.feed(piece) for piece in pieces)
    told = [data for data in events(seen)]
    return meter.answer(), [_plain(data) for data in told], meter.is_done


def _plain(data: bytes) -> bytes:
    """An event's meaning: spaces between its values say nothing."""
    try:
        return json.dumps(json.loads(data)).encode()
    except ValueError:
        return data


@given(streams(), st.lists(st.integers(0, 2000), max_size=8), st.booleans())
def test_any_split_gives_the_same_answer(stream: bytes, cuts: list[int], hides: bool) -> None:
    edges = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
    pieces = [stream[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    whole = _read([stream], hides=hides)
    every = [stream[i : i + 1] for i in range(len(stream))]
    for torn in (_read(pieces, hides=hides), _read(every, hides=hides)):
        assert torn[1:] == whole[1:]
        assert torn[0]._replace(text_bytes=0) == whole[0]._replace(text_bytes=0)
        # The LF of a torn last CRLF is still awaited.
        assert abs(torn[0].text_bytes - whole[0].text_bytes) <= 1


@given(streams())
def test_who_did_not_ask_for_usage_sees_none(stream: bytes) -> None:
    _, told, _ = _read([stream], hides=True)
    for data in told:
        assert b'"usage"' not in data
    _, shown, _ = _read([stream], hides=False)
    assert shown == [_plain(data) for data in events(stream)]
