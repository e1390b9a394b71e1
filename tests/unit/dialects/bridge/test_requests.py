"""A client's fields, parted into those a dialect knows and the rest."""

from __future__ import annotations

import msgspec
import pytest

from steelyard.dialects.bridge.requests import read_known
from steelyard.domain.errors import InvalidRequest


class Shape(msgspec.Struct):
    model: str
    tools: list[int] = []


DECODER = msgspec.json.Decoder(Shape)


def fields(**values: bytes) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(value) for name, value in values.items()}


def test_what_is_known_is_decoded_and_the_rest_is_kept() -> None:
    asked = fields(model=b'"m"', extra=b"[1]")
    request, rest = read_known(asked, {"model", "tools"}, DECODER)
    assert request == Shape("m")
    assert rest == {"extra": asked["extra"]}


def test_a_wrong_type_names_the_field() -> None:
    with pytest.raises(InvalidRequest, match="int") as caught:
        read_known(fields(model=b'"m"', tools=b'["a"]'), {"model", "tools"}, DECODER)
    assert caught.value.param == "tools"
