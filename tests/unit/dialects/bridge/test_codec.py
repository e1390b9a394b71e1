from __future__ import annotations

import inspect

import pytest

from contract.bridge_cases import CODECS
from steelyard.dialects.bridge import codec


def methods(protocol: type) -> list[str]:
    return [name for name, _ in inspect.getmembers(protocol, inspect.isfunction) if name[0] != "_"]


def test_there_are_codecs() -> None:
    assert "openai_chat" in CODECS


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("method", methods(codec.Codec))
def test_every_codec_has_every_method_as_it_is_described(name: str, method: str) -> None:
    described = inspect.signature(getattr(codec.Codec, method)).parameters
    own = inspect.signature(getattr(type(CODECS[name]), method)).parameters
    assert list(own) == list(described)


@pytest.mark.parametrize("name", CODECS)
def test_streams_are_of_their_own(name: str) -> None:
    one = CODECS[name]
    assert one.event_parser() is not one.event_parser()
    assert one.event_builder(True) is not one.event_builder(True)
    for made, protocol in (
        (one.event_parser(), codec.EventParser),
        (one.event_builder(False), codec.EventBuilder),
    ):
        assert all(callable(getattr(made, method)) for method in methods(protocol))


def test_a_target_is_told_in_full() -> None:
    target = codec.Target("m", 1, 2, {}, frozenset())
    assert (target.model, target.output_cap, target.output_max) == ("m", 1, 2)
    assert codec.Written(b"", ("seed",)).dropped == ("seed",)
