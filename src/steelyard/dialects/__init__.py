"""Bytes to calls and back, one file a dialect; pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from steelyard.dialects.base import Dialect


@cache
def available() -> Mapping[str, Dialect]:
    """All dialects by name: every file of this folder that has a ``DIALECT``."""
    found: dict[str, Dialect] = {}
    for module in iter_modules(__path__):
        dialect = getattr(import_module(f"{__name__}.{module.name}"), "DIALECT", None)
        if dialect is not None:
            found[dialect.name] = dialect
    return found
