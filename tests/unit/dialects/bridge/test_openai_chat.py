"""The codec as a whole; its parts have their own tests beside this one.

What clients see is held to the models of OpenAI's own SDK, which are made of the published API
description; nothing but ``reasoning_content`` may be there that they do not know.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from openai.types import chat as sdk
from pydantic import BaseModel, TypeAdapter

from contract.bridge_cases import CHATS, REPLIES, TARGET, Answered, Asked
from contract.bridge_meaning import events_of
from steelyard.dialects.bridge.openai_chat import CODEC
from steelyard.domain.errors import DialectViolated, InvalidRequest
from steelyard.wire.sse import events

ASKED = TypeAdapter(
    sdk.completion_create_params.CompletionCreateParamsNonStreaming
    | sdk.completion_create_params.CompletionCreateParamsStreaming
)


def strangers(told: Any, model: Any) -> set[str]:
    """Names in an answer that the SDK's model has no field for."""
    if isinstance(model, BaseModel):
        found = set(model.model_extra or ())
        for name in type(model).model_fields:
            if isinstance(told, dict) and name in told:
                found |= strangers(told[name], getattr(model, name))
        return found
    if isinstance(model, list):
        return {one for a, b in zip(told, model, strict=True) for one in strangers(a, b)}
    return set()


@pytest.mark.parametrize("case", REPLIES, ids=lambda case: case.name)
def test_answers_are_openais(case: Answered) -> None:
    told = json.loads(CODEC.build_reply(case.reply))
    found = strangers(told, sdk.ChatCompletion.model_validate(told, strict=True))
    assert found <= {"reasoning_content"}


@pytest.mark.parametrize("wants_usage", [False, True])
@pytest.mark.parametrize("case", REPLIES, ids=lambda case: case.name)
def test_streams_are_openais(case: Answered, wants_usage: bool) -> None:
    builder = CODEC.event_builder(wants_usage)
    stream = b"".join([*(builder.feed([e]) for e in events_of(case.reply)), builder.end()])
    *chunks, done = events(stream)
    assert done == b"[DONE]"
    for data in chunks:
        told = json.loads(data)
        found = strangers(told, sdk.ChatCompletionChunk.model_validate(told, strict=True))
        assert found <= {"reasoning_content"}
        assert ("usage" in told) == wants_usage
    assert json.loads(chunks[0])["choices"][0]["delta"]["role"] == "assistant"


@pytest.mark.parametrize("case", CHATS, ids=lambda case: case.name)
def test_requests_are_openais(case: Asked) -> None:
    # An offer of OpenAI's: its switches, and no marks of other vendors'.
    features = frozenset(("json_schema", "thinking:effort", "role:developer", "max:completion"))
    target = TARGET._replace(features=features)
    ASKED.validate_json(CODEC.build_request(case.chat, target).body)


def test_what_cannot_be_read_is_somebodys_fault() -> None:
    whole = {"model": b'"m"', "messages": b'[{"role":"user","content":[{"type":"text"', "x": b"1"}
    fields = {name: msgspec.Raw(value) for name, value in whole.items()}
    with pytest.raises(InvalidRequest):
        CODEC.parse_request(fields)
    deep = {"model": b'"m"', "messages": b"[]", "tools": b"[" * 5000 + b"]" * 5000}
    with pytest.raises(InvalidRequest):
        CODEC.parse_request({name: msgspec.Raw(value) for name, value in deep.items()})
    told = b'{"choices":[{"message":{"content":[{"type":"thinking","thinking":5}]}}]}'
    with pytest.raises(DialectViolated):
        CODEC.parse_reply(told)
    assert isinstance(CODEC.event_parser().feed(b"[DONE]"), list)
