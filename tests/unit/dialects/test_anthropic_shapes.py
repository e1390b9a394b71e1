"""The decoders read what is named and pass over the rest; what it means is the dialect's."""

from __future__ import annotations

import inspect

import msgspec
import pytest

from steelyard.dialects import anthropic_shapes as shapes


def structs() -> list[type[msgspec.Struct]]:
    found = (value for _, value in inspect.getmembers(shapes, inspect.isclass))
    return [one for one in found if issubclass(one, msgspec.Struct)]


def test_every_shape_has_room_for_fields_that_it_does_not_know() -> None:
    assert structs()
    for shape in structs():
        assert not shape.__struct_config__.forbid_unknown_fields, shape.__name__


@pytest.mark.parametrize("content", ['"hi"', '[{"type":"text","text":"hi"}]', "[]"])
def test_a_message_has_its_content_in_one_of_two_forms(content: str) -> None:
    raw = f'{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":{content}}}]}}'
    assert shapes.request_decoder.decode(raw).messages[0].role == "user"


@pytest.mark.parametrize(
    "raw", ["{}", '{"model":"m","messages":[]}', '{"model":"m","max_tokens":1}', "[]"]
)
def test_without_model_messages_and_bound_it_is_no_call(raw: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        shapes.request_decoder.decode(raw)


def test_what_an_event_leaves_unsaid_is_not_zero() -> None:
    usage = shapes.usage_decoder.decode(b'{"output_tokens":0}')
    assert (usage.output_tokens, usage.input_tokens) == (0, None)
