"""Usage as OpenAI's chat tells it, in our terms; for the dialect, which books, and its translation.

Totals include their parts here as with us. Vendors differ in where cached tokens stand.
"""

from __future__ import annotations

import msgspec

from steelyard.dialects import openai_shapes as shapes
from steelyard.dialects.base import TEXT_MAX
from steelyard.domain.errors import UnbalancedEntry
from steelyard.domain.usage import Usage

_make = tuple.__new__


def read_usage(raw: msgspec.Raw) -> tuple[Usage | None, str]:
    """The usage, checked, or why it is not believed; a refused one is never read as zero."""
    try:
        shape = shapes.usage_decoder.decode(raw)
    except msgspec.MsgspecError as error:
        return None, f"usage unreadable: {error}"[:TEXT_MAX]
    try:
        return counted(shape), ""
    except UnbalancedEntry as error:
        return None, f"usage not believed: {error.message}"[:TEXT_MAX]


def counted(shape: shapes.Usage) -> Usage:
    """The usage in our terms.

    Raises:
        UnbalancedEntry: a count is negative or absurd, or parts pass their total.
    """
    incoming, parts = shape.prompt_tokens_details, shape.completion_tokens_details
    cached, written, reasoning = shape.prompt_cache_hit_tokens or 0, 0, 0
    extras: tuple[tuple[str, int], ...] = ()
    if incoming is not None:
        if incoming.cached_tokens is not None:
            cached = incoming.cached_tokens
        written = incoming.cache_write_tokens or 0
        if incoming.audio_tokens:
            # Nobody says how much of it was cached: the dearer reading is that none was.
            uncached = max(0, shape.prompt_tokens - cached - written)
            extras = (("input_audio", min(incoming.audio_tokens, uncached)),)
    if parts is not None:
        reasoning = parts.reasoning_tokens or 0
        if parts.audio_tokens:
            extras = (*extras, ("output_audio", parts.audio_tokens))
    usage = _make(
        Usage,
        (shape.prompt_tokens, shape.completion_tokens, cached, written, reasoning, 1, extras),
    )
    usage.check()
    return usage
