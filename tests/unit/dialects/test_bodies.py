"""Bodies that vendors could read otherwise than we do are refused, and it says why."""

from __future__ import annotations

import msgspec
import pytest

from steelyard.dialects.bodies import read_body
from steelyard.domain.errors import InvalidRequest


class Shape(msgspec.Struct):
    """What is looked into."""

    model: str
    seed: int | None = None


DECODER = msgspec.json.Decoder(Shape)


def test_fields_keep_their_bytes() -> None:
    fields, shape = read_body('{"model":"m","x":1.50e+1,"ключ":[1]}'.encode(), DECODER)
    assert fields["x"] == msgspec.Raw(b"1.50e+1")
    assert fields["ключ"] == msgspec.Raw(b"[1]")
    assert shape.model == "m"


@pytest.mark.parametrize(
    ("raw", "says", "param"),
    [
        (b"\xff", "not UTF-8: byte 0", None),
        (b'{"model":"\xe6"}', "not UTF-8: byte 10", None),
        (b"[]", "must be a JSON object", None),
        (b"{", "not valid JSON", None),
        (b"{}", "missing", "model"),
        (b'{"model":1}', "Expected `str`", "model"),
        (b'{"model":"m","x":' + b"[" * 5000 + b"]" * 5000 + b"}", "deeply", None),
        (b'{"model":"m","model":"m"}', "'model' stands twice", None),
        (b'{"model":"m", "user":"a" , "us\\u0065r":"b"}', "'user' stands twice", None),
        (b'{"model":"m", "seed": 12, "seed": 1}', "'seed' stands twice", None),
        (b'{"model":"m", "seed": 1, "top_k": 1, "seed": 1}', "'seed' stands twice", None),
    ],
)
def test_a_malformed_body_says_where(raw: bytes, says: str, param: str | None) -> None:
    with pytest.raises(InvalidRequest, match=says) as caught:
        read_body(raw, DECODER)
    assert caught.value.param == param


def test_spaces_and_escapes_are_fine() -> None:
    fields, _ = read_body(b' { "mod\\u0065l" : "m" , "x" : { "x" : 1 } } ', DECODER)
    assert set(fields) == {"model", "x"}
