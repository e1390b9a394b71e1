"""The decoders read what is named and pass over the rest; what it means is the codec's."""

from __future__ import annotations

import inspect

import msgspec
import pytest

from steelyard.dialects.bridge import openai_chat_shapes as shapes


def structs() -> list[type[msgspec.Struct]]:
    found = (value for _, value in inspect.getmembers(shapes, inspect.isclass))
    return [one for one in found if issubclass(one, msgspec.Struct)]


def test_every_shape_has_room_for_fields_that_it_does_not_know() -> None:
    assert structs()
    for shape in structs():
        assert not shape.__struct_config__.forbid_unknown_fields, shape.__name__


def test_known_names_are_the_shapes_fields() -> None:
    assert {"model", "thinking", "top_k"} <= shapes.KNOWN_REQUEST
    assert "cache_control" in shapes.KNOWN_PARTS
    assert "tool_call_id" in shapes.KNOWN_MESSAGE


@pytest.mark.parametrize("content", ["null", '"hi"', '[{"type":"text","text":"hi","x":1}]'])
def test_what_is_said_has_one_of_three_forms(content: str) -> None:
    told = shapes.answer_decoder.decode(f'{{"choices":[{{"delta":{{"content":{content}}}}}]}}')
    assert told.choices is not None
    assert told.choices[0].delta is not None


@pytest.mark.parametrize("arguments", ["null", '"{}"', '{"a":1}'])
def test_arguments_are_kept_as_they_came(arguments: str) -> None:
    told = msgspec.json.decode(f'{{"function":{{"arguments":{arguments}}}}}', type=shapes.ToolCall)
    assert told.function is not None
    assert bytes(told.function.arguments).decode() == arguments
