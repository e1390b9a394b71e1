"""Reading a request's JSON body, whatever the dialect: sound, without doubles, of the right types.

Vendors may read a name that stands twice otherwise than we do, and then what is booked is not what
was asked; so such a body is refused.
"""

from __future__ import annotations

import re
from typing import NoReturn, TypeVar

import msgspec

from steelyard.domain.errors import InvalidRequest

_T = TypeVar("_T")

_name_decoder = msgspec.json.Decoder(str)
_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_name_at = re.compile(rb'[\s,]*("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*', re.DOTALL).match
"""A name with its colon, in JSON that is known to be sound."""
_end_at = re.compile(rb"\s*\}").match


def read_body(body: bytes, decoder: msgspec.json.Decoder[_T]) -> tuple[dict[str, msgspec.Raw], _T]:
    """The top level as raw values, and what the decoder makes of the whole.

    Raises:
        InvalidRequest: not UTF-8, no JSON object, a name twice, a wrong type; says where.
    """
    try:
        # msgspec passes over the bytes of strings that nobody decodes; vendors may not.
        if not body.isascii():
            str(body, "utf-8")
        fields = _fields_decoder.decode(body)
        shape = decoder.decode(body)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The body is not UTF-8: byte {error.start} is wrong.") from error
    except RecursionError as error:
        raise InvalidRequest("The body is nested too deeply.") from error
    except msgspec.ValidationError as error:
        _raise_wrong_type(error)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.") from error
    _check_names(body, fields)
    return fields, shape


def _check_names(body: bytes, fields: dict[str, msgspec.Raw]) -> None:
    """Refuses a name that stands twice at the top level.

    Compact JSON without doubles is exactly as long as its names and values with their punctuation;
    only a body that is longer (spaces, escapes or doubles) is walked through, value by value. Of a
    name that stands twice only the last value is known, so the walk meets it too early or again.
    """
    length = 1 + 4 * len(fields) + sum(map(len, fields)) + sum(map(len, fields.values()))
    if length == len(body):
        return
    at, name, is_doubled = body.index(b"{") + 1, "", False
    seen: set[str] = set()
    while not is_doubled and (found := _name_at(body, at)) is not None:
        name = _name_decoder.decode(found[1])
        value = bytes(fields[name])
        at = found.end() + len(value)
        is_doubled = name in seen or not body.startswith(value, found.end())
        seen.add(name)
    # A number may begin like the later one, and then the walk stops in its middle.
    if is_doubled or _end_at(body, at) is None:
        raise InvalidRequest(f"The name {name[:64]!r} stands twice in the body.")


def _raise_wrong_type(error: msgspec.ValidationError) -> NoReturn:
    text = str(error)
    _, _, path = text.partition(" - at `$.")
    param = path.rstrip("`").partition("[")[0].partition(".")[0] or None
    if "missing required field" in text:
        param = text.partition("field `")[2].partition("`")[0]
    if text.startswith("Expected `object`") and param is None:
        raise InvalidRequest("The body must be a JSON object.") from error
    raise InvalidRequest(f"{text}.", param=param) from error
