"""How often calls used what: all of a measurement that a bill at other prices needs.

Sums of tokens would not do. A price may hang on a call's length, on whether it thought, on its
service tier, and every line of the ledger is rounded by itself; so equal calls are counted and
unlike ones are kept apart. Pure values; ``pricebook.tallied`` prices them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from steelyard.domain.errors import UnbalancedEntry
from steelyard.domain.usage import COUNTS, Usage, usage_of


class Used(NamedTuple):
    """Calls that used the same."""

    usage: Usage
    """Of each of them."""
    tier: str = ""
    """Service tier that they were served in; empty for the ordinary one."""
    calls: int = 1


@dataclass(frozen=True)
class Tally:
    """Calls by what they used; in order, each kind once, so that equal ones compare equal."""

    lines: tuple[Used, ...] = ()

    @classmethod
    def of(cls, usage: Usage, tier: str = "") -> Tally:
        """The tally of one call."""
        return cls((Used(usage, tier),))

    @classmethod
    def over(cls, lines: Iterable[Used]) -> Tally:
        """The tally of calls in any order."""
        lines = tuple(lines)
        if len(lines) == 1:  # nearly every item of a weighing is one call
            return cls(lines)
        counts: dict[tuple[str, Usage], int] = {}
        for usage, tier, count in lines:
            counts[tier, usage] = counts.get((tier, usage), 0) + count
        return cls(tuple(Used(usage, tier, n) for (tier, usage), n in sorted(counts.items())))

    @property
    def calls(self) -> int:
        """Calls in all."""
        return sum(line.calls for line in self.lines)

    @cached_property
    def total(self) -> Usage:
        """What all calls used together, item by item."""
        counts = [0] * COUNTS
        extras: dict[str, int] = {}
        for usage, _, calls in self.lines:
            pairs = zip(counts, usage[:-1], strict=True)
            counts = [each + calls * count for each, count in pairs]
            for item, count in usage.extras:
                extras[item] = extras.get(item, 0) + calls * count
        return Usage._make((*counts, tuple(sorted(extras.items()))))

    @cached_property
    def is_plain(self) -> bool:
        """Whether all calls used tokens alone, in the ordinary tier."""
        return not any(usage.extras or tier for usage, tier, _ in self.lines)

    def plain(self) -> list[list[Any]]:
        """The tally as JSON keeps it; ``tally_of`` reads it back."""
        return [[list(usage), tier, count] for usage, tier, count in self.lines]


def tally_of(plain: Sequence[Any]) -> Tally:
    """What ``Tally.plain`` gave.

    Raises:
        ValueError, TypeError: it is no such list, or a usage in it breaks its own laws.
    """
    lines = []
    for told, tier, count in plain:
        usage = usage_of(told)
        if {type(count), *map(type, usage[:COUNTS])} != {int} or count < 1:
            raise ValueError("counts are whole numbers")
        try:
            usage.check()
        except UnbalancedEntry as error:
            raise ValueError(error.message) from error
        lines.append(Used(usage, str(tier), count))
    return Tally(tuple(lines))  # in the order in which it was told
