"""Finds prices of one thing that hold at the same time: duplicates and overlaps of a list."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from steelyard.domain.conditions import Condition, deciding
from steelyard.domain.listings import ListedRate, Listing
from steelyard.pricebook.sources.base import Findings

_NEVER = datetime.max.replace(tzinfo=UTC)

Key = tuple[Listing, str, bool, Condition]
"""Listing, item, whether it is a correction, deciding condition."""


def check_intervals(rates: Iterable[ListedRate], findings: Findings) -> None:
    """Adds an error for each two rates of one listing, item and deciding condition that overlap.

    A correction may overlap what it corrects; two corrections of one thing may not.
    """
    groups: dict[Key, ListedRate | list[ListedRate]] = {}
    known: dict[Condition, Condition] = {}
    for listed in rates:
        condition = listed.rate.condition
        decided = known.get(condition)
        if decided is None:
            decided = known.setdefault(condition, deciding(condition))
        key = (listed.listing, listed.rate.item, listed.is_correction, decided)
        before = groups.get(key)
        if before is None:
            groups[key] = listed  # most are alone: a list each would take as much memory again
        elif isinstance(before, list):
            before.append(listed)
        else:
            groups[key] = [before, listed]
    for (listing, item, _, _), group in groups.items():
        if isinstance(group, list):
            _check_group(f"{listing} {item}", group, findings)


def _check_group(what: str, group: list[ListedRate], findings: Findings) -> None:
    group.sort(key=lambda listed: (listed.rate.valid_from, listed.line))
    longest = group[0]
    for listed in group[1:]:
        if _end(longest) > listed.rate.valid_from:
            _report(what, longest, listed, findings)
        if _end(listed) > _end(longest):
            longest = listed


def _end(listed: ListedRate) -> datetime:
    return listed.rate.valid_to or _NEVER


def _report(what: str, one: ListedRate, other: ListedRate, findings: Findings) -> None:
    first, second = sorted((one, other), key=lambda listed: listed.line)
    if findings.is_full:
        findings.add("overlap", "", second.line)  # only counted
        return
    phrase = f" ({second.phrase})" if second.phrase else ""
    lines = f"lines {first.line} and {second.line}"
    mine, its = first.rate, second.rate
    if (mine.valid_from, mine.valid_to) == (its.valid_from, its.valid_to):
        price = "the same price" if _price(first) == _price(second) else "two prices"
        message = f"{lines} give {price} of {what}{phrase} for the same days; keep one"
        findings.add("duplicate", message, second.line)
        return
    message = (
        f"{lines} overlap: both price {what}{phrase}; end the earlier where the later begins,"
        f" on {max(mine.valid_from, its.valid_from):%Y-%m-%d %H:%M} UTC"
    )
    findings.add("overlap", message, second.line)


def _price(listed: ListedRate) -> tuple[object, str]:
    return listed.rate.amount, listed.rate.unit
