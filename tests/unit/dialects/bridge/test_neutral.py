from __future__ import annotations

import inspect
import typing

import msgspec
import pytest

from steelyard.dialects.bridge import neutral as n


def structs() -> list[type[msgspec.Struct]]:
    found = (value for _, value in inspect.getmembers(n, inspect.isclass))
    return [one for one in found if issubclass(one, msgspec.Struct)]


def test_reasons_and_roles_are_words_apart() -> None:
    reasons = {n.STOP, n.LENGTH, n.TOOL_CALLS, n.FILTERED, n.REFUSED, n.PAUSED}
    assert len(reasons) == 6
    assert len({n.SYSTEM, n.DEVELOPER, n.USER, n.ASSISTANT, n.TOOL}) == 5


@pytest.mark.parametrize("shape", structs(), ids=lambda shape: shape.__name__)
def test_nothing_is_shared_between_two_values(shape: type[msgspec.Struct]) -> None:
    """Fields are appended with defaults, and a default list or dict is a new one each time."""
    needed = [field for field in msgspec.structs.fields(shape) if field.required]
    first, second = (shape(*("" for _ in needed)) for _ in range(2))
    for name in shape.__struct_fields__[len(needed) :]:
        value = getattr(first, name)
        if isinstance(value, list | dict):
            assert value is not getattr(second, name), name


def test_every_event_of_a_choice_says_which() -> None:
    whole_stream = {n.Begin, n.Spent, n.Fault}
    for event in set(typing.get_args(n.Event)) - whole_stream:
        assert "choice" in event.__struct_fields__, event.__name__


def test_the_least_chat_leaves_everything_open() -> None:
    chat = n.Chat("m", [])
    left = [getattr(chat, name) for name in chat.__struct_fields__[2:]]
    assert not any(left)
