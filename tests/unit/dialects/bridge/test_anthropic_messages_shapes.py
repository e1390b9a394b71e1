"""The decoders read what is named and pass over the rest; what it means is the codec's."""

from __future__ import annotations

import inspect

import msgspec
import pytest

from steelyard.dialects.bridge import anthropic_messages_shapes as shapes


def structs() -> list[type[msgspec.Struct]]:
    found = (value for _, value in inspect.getmembers(shapes, inspect.isclass))
    return [one for one in found if issubclass(one, msgspec.Struct)]


def test_every_shape_has_room_for_fields_that_it_does_not_know() -> None:
    assert structs()
    for shape in structs():
        assert not shape.__struct_config__.forbid_unknown_fields, shape.__name__


def test_known_fields_are_those_of_the_shapes() -> None:
    assert {"max_tokens", "system", "stop_sequences"} <= shapes.KNOWN_REQUEST
    assert {"name", "input_schema"} <= shapes.KNOWN_TOOL
    known = frozenset(shapes.Block.__struct_fields__) | {"caller"}
    assert all(names <= known for names in shapes.KNOWN_BLOCKS.values())


@pytest.mark.parametrize("kind", ["text", "a_kind_of_next_month"])
def test_blocks_of_all_kinds_share_one_shape(kind: str) -> None:
    raw = f'{{"type":"{kind}","text":"hi","later":[1]}}'
    assert shapes.block_decoder.decode(raw).type == kind


def test_a_block_without_a_type_is_none() -> None:
    with pytest.raises(msgspec.ValidationError):
        shapes.block_decoder.decode(b'{"text":"hi"}')
