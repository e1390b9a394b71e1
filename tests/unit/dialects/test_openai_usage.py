"""Usage as OpenAI's chat tells it: read once, for the books and for what a client is shown."""

from __future__ import annotations

import json

import msgspec
import pytest

from steelyard.dialects import openai_shapes as shapes
from steelyard.dialects.openai_usage import counted, read_usage
from steelyard.domain.errors import UnbalancedEntry
from steelyard.domain.usage import Usage

TOLD = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_cache_hit_tokens": 3}


def raw(told: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(told).encode())


def test_what_is_told_is_read() -> None:
    assert read_usage(raw(TOLD)) == (Usage(9, 4, 3), "")
    assert counted(shapes.usage_decoder.decode(raw(TOLD))) == Usage(9, 4, 3)


@pytest.mark.parametrize(
    ("told", "fault"),
    [(None, "usage unreadable: "), ({**TOLD, "prompt_tokens": 2}, "usage not believed: ")],
)
def test_what_is_not_believed_says_why_and_is_never_zero(told: object, fault: str) -> None:
    usage, said = read_usage(raw(told))
    assert usage is None
    assert said.startswith(fault)


def test_nonsense_raises_where_the_quick_reading_must_know() -> None:
    with pytest.raises(UnbalancedEntry):
        counted(shapes.Usage(prompt_tokens=-1))
