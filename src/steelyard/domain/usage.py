"""What an attempt consumed, per item: totals with named parts.

``input_tokens`` includes ``cache_read_tokens`` and ``cache_write_tokens``; ``output_tokens``
includes ``reasoning_tokens``. A dialect whose vendor counts otherwise converts in its own file.
"""

from __future__ import annotations

from typing import NamedTuple

from steelyard.domain.errors import UnbalancedEntry

COUNT_MAX = 10**9
"""A vendor that reports more than this of anything in one attempt is not believed."""

REPORTED = "reported"
"""The vendor counted."""
ESTIMATED = "estimated"
"""We counted, because the vendor did not (or lied)."""
NO_USAGE = "none"
"""Nothing was consumed."""


class Usage(NamedTuple):
    """Counts of one attempt; totals include their parts."""

    input_tokens: int = 0
    """All input tokens, cached ones included."""
    output_tokens: int = 0
    """All output tokens, reasoning included."""
    cache_read_tokens: int = 0
    """Part of the input that the vendor read from its cache."""
    cache_write_tokens: int = 0
    """Part of the input that the vendor wrote into its cache."""
    reasoning_tokens: int = 0
    """Part of the output that was thinking."""
    requests: int = 1
    """Requests made; priced where a vendor bills per request."""

    def check(self) -> None:
        """Holds the laws of a usage.

        Raises:
            UnbalancedEntry: a count is negative or absurd, or parts pass their total.
        """
        if min(self) < 0 or max(self) > COUNT_MAX:
            raise UnbalancedEntry(f"a usage count is negative or absurd: {tuple(self)}")
        if self.cache_read_tokens + self.cache_write_tokens > self.input_tokens:
            raise UnbalancedEntry("cached input tokens pass all input tokens")
        if self.reasoning_tokens > self.output_tokens:
            raise UnbalancedEntry("reasoning tokens pass all output tokens")

    def plus(self, other: Usage) -> Usage:
        """Both together, item by item."""
        return Usage(*(a + b for a, b in zip(self, other, strict=True)))


NOTHING = Usage(requests=0)
"""No consumption at all: nothing was sent, or the vendor refused."""
