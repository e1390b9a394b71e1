"""Usage as Anthropic's messages tell it, in our terms.

Apart from the dialect because its bridge counts the same. ``input_tokens`` there is what no cache
served or took, so the totals are made here; in a stream each event tells what it knows.
"""

from __future__ import annotations

import msgspec

from steelyard.dialects import anthropic_shapes as shapes
from steelyard.dialects.base import STANDARD_TIERS, TEXT_MAX
from steelyard.domain.errors import UnbalancedEntry
from steelyard.domain.usage import Usage

TIER_MAX = 16
"""Characters kept of a service tier's name."""

_make = tuple.__new__
"""Makes a named tuple at a third of the cost of its own constructor."""


def tier_named(named: str) -> str:
    """A service tier in our terms: empty for the ordinary one, whatever it is called."""
    return "" if named in STANDARD_TIERS else named[:TIER_MAX]


def tier_of(shape: shapes.Usage) -> str | None:
    """The tier that served; the fast mode is priced apart whatever the tier."""
    if shape.speed == "fast":
        return "fast"
    if shape.service_tier is None:
        return None if shape.speed is None else ""
    return tier_named(shape.service_tier)


def served_by(shape: shapes.Usage) -> str:
    """The model that answered in the place of the one asked; empty if none did."""
    for iteration in shape.iterations or ():
        if iteration.type == "fallback_message" and iteration.model:
            return iteration.model[:TEXT_MAX]
    return ""


def usage_of(
    raw: msgspec.Raw, so_far: Usage | None, *, is_begin: bool
) -> tuple[Usage | None, str, str, str | None]:
    """The usage, checked, or why it is not believed; then who served and in which tier.

    A refused one is never read as zero.
    """
    if bytes(raw) == b"null":
        return None, "", "", None
    try:
        shape = shapes.usage_decoder.decode(raw)
    except msgspec.MsgspecError as error:
        return None, f"usage unreadable: {error}"[:TEXT_MAX], "", None
    if is_begin and shape.output_tokens is None:
        shape.output_tokens = 0
    try:
        return counted(shape, so_far), "", served_by(shape), tier_of(shape)
    except UnbalancedEntry as error:
        return None, f"usage not believed: {error.message}"[:TEXT_MAX], "", tier_of(shape)


def counted(shape: shapes.Usage, so_far: Usage | None) -> Usage:
    """The usage in our terms: what the vendor leaves out of its totals is added.

    Raises:
        UnbalancedEntry: a count is missing, negative or absurd, or parts pass their total.
    """
    fresh, output = shape.input_tokens, shape.output_tokens
    read, written = shape.cache_read_input_tokens, shape.cache_creation_input_tokens
    if output is None:
        raise UnbalancedEntry("it has no output_tokens")
    if fresh is not None and min(fresh, read or 0, written or 0) < 0:
        raise UnbalancedEntry("a usage count is negative")
    for one in shape.iterations or ():
        if one.type == "compaction":
            # A summary made on the way is billed, but in no total.
            output += one.output_tokens
            if fresh is not None:
                fresh += one.input_tokens
                read = (read or 0) + (one.cache_read_input_tokens or 0)
                written = (written or 0) + (one.cache_creation_input_tokens or 0)
    if so_far is not None:
        cached = so_far.cache_read_tokens + so_far.cache_write_tokens
        fresh = so_far.input_tokens - cached if fresh is None else fresh
        read = so_far.cache_read_tokens if read is None else read
        written = so_far.cache_write_tokens if written is None else written
    if fresh is None:
        raise UnbalancedEntry("its input was never told")
    read, written = read or 0, written or 0
    parts = shape.output_tokens_details
    thought = so_far.reasoning_tokens if so_far is not None else 0
    if parts is not None and parts.thinking_tokens is not None:
        thought = parts.thinking_tokens
    extras = _extras(shape, so_far, written)
    counts = (fresh + read + written, output, read, written, min(thought, output), 1, extras)
    usage = _make(Usage, counts)
    usage.check()
    return usage


def _extras(shape: shapes.Usage, so_far: Usage | None, written: int) -> tuple[tuple[str, int], ...]:
    """Writes into the cache that last an hour, and searches of the vendor's own."""
    if so_far is None and shape.cache_creation is None and shape.server_tool_use is None:
        return ()
    known = dict(so_far.extras) if so_far is not None else {}
    hour, searches = known.get("cache_write_1h", 0), known.get("search", 0)
    if shape.cache_creation is not None:
        hour = shape.cache_creation.ephemeral_1h_input_tokens or 0
    elif so_far is not None and hour and hour == so_far.cache_write_tokens:
        # All of it lasted an hour, so what was added since then does.
        hour = written
    if shape.server_tool_use is not None:
        searches = shape.server_tool_use.web_search_requests or 0
    pairs = (("cache_write_1h", hour), ("search", searches))
    return tuple(pair for pair in pairs if pair[1])
