"""What the codecs do alike with a client's request, whatever its dialect."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

import msgspec

from steelyard.domain.errors import InvalidRequest

_T = TypeVar("_T")

_encode = msgspec.json.encode


def read_known(
    fields: Mapping[str, msgspec.Raw], names: Collection[str], decoder: msgspec.json.Decoder[_T]
) -> tuple[_T, dict[str, msgspec.Raw]]:
    """The fields that the dialect knows, decoded; and the others, as they are.

    Raises:
        InvalidRequest: a field has a wrong type; says which.
    """
    known = {name: raw for name, raw in fields.items() if name in names}
    try:
        request = decoder.decode(_encode(known))
    except msgspec.MsgspecError as error:
        text = str(error)
        name = text.partition("$.")[2].partition("`")[0].partition("[")[0].partition(".")[0]
        raise InvalidRequest(f"{text}.", param=name or None) from error
    return request, {name: raw for name, raw in fields.items() if name not in known}
