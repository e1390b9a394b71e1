"""Translation between chat dialects that differ; see ``neutral`` for what it goes through."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from steelyard.dialects.bridge.codec import Codec


@cache
def available() -> Mapping[str, Codec]:
    """All codecs by their dialect's name: every file of this folder that has a ``CODEC``."""
    found: dict[str, Codec] = {}
    for module in iter_modules(__path__):
        codec = getattr(import_module(f"{__name__}.{module.name}"), "CODEC", None)
        if codec is not None:
            found[codec.name] = codec
    return found
