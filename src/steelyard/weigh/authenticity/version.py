"""How far a reseller's version lags behind the official channel's, by the names that answered.

Pure; fed with when each name was first and last seen to answer, from calls of every day. It tells
lags of what both sides name; a reseller whose answers name nothing, or always the same, is found by
its answers alone. A name is what a vendor says, so this is a finding beside the tests, never one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.domain.answering import Sighting, normal

__all__ = ["Lag", "lags"]


@dataclass(frozen=True, slots=True)
class Lag:
    """When a version came to the reseller, against when it came to the official channel."""

    name: str
    official_ns: int
    """UTC, nanoseconds: first seen at the official channel."""
    seller_ns: int | None
    """First seen at the reseller; None where it has not come yet."""
    behind_ns: int
    """How much later, nanoseconds; until now where it has not come yet. At most so much later: in
    between nobody may have called."""

    @property
    def is_behind(self) -> bool:
        """Whether the reseller still answers with an older version."""
        return self.seller_ns is None


def lags(official: Sequence[Sighting], seller: Sequence[Sighting]) -> list[Lag]:
    """Versions by which the reseller came later, or has not come, the latest version first.

    The version that the official channel was first seen with says nothing: it may have come any
    time before. A version that the reseller has not is behind only where both sides are known to
    name versions alike, and as of the last call that it answered.
    """
    ours, theirs = _first(official), _first(seller)
    if not ours or not theirs:
        return []
    begun_ns = min(theirs.values())
    seen_ns = max(each.last_ns for each in seller)
    is_alike = bool(ours.keys() & theirs.keys())
    found = []
    for name, official_ns in sorted(ours.items(), key=lambda each: (-each[1], each[0]))[:-1]:
        seller_ns = theirs.get(name)
        if seller_ns is not None:
            # Who was not called before it came may have had it from the first hour.
            if begun_ns < official_ns < seller_ns:
                found.append(Lag(name, official_ns, seller_ns, seller_ns - official_ns))
        elif is_alike and seen_ns > official_ns and _is_newest(name, ours):
            found.append(Lag(name, official_ns, None, seen_ns - official_ns))
    return found


def _is_newest(name: str, ours: dict[str, int]) -> bool:
    """A version that was replaced before the reseller had it is no lag any more."""
    return ours[name] == max(ours.values())


def _first(sightings: Sequence[Sighting]) -> dict[str, int]:
    """When each name was first seen; names are compared without what names who sells them."""
    found: dict[str, int] = {}
    for each in sightings:
        name = normal(each.name)
        if name:
            found[name] = min(found.get(name, each.first_ns), each.first_ns)
    return found
