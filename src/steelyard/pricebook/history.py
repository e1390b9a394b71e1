"""What a model's prices were, step by step: what held from when to when, and on whose word.

The steps are those of the chosen source. Of rates of one item and condition the latest to begin
holds, and what it lay upon holds again when it ends first; ``spans`` is that rule for lines of a
list, as ``compiling`` has it for the request path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.conditions import Condition, deciding
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import COUNTED
from steelyard.pricebook.market import Market
from steelyard.pricebook.wording import shown_amount, shown_unit

_ORDER = {item: place for place, item in enumerate(COUNTED)}


class Span(NamedTuple):
    """A time in which one line holds."""

    from_at: datetime
    to_at: datetime | None
    """First instant at which it no longer holds; None while no end is known."""
    line: ListedRate


class Step(NamedTuple):
    """A price and how long it held."""

    listing: Listing
    item: str
    condition: Condition
    from_at: datetime
    to_at: datetime | None
    amount: Fraction
    """Price of one ``unit`` in the listing's currency."""
    unit: str
    change: Fraction | None
    """Against the step before of the same item and condition, as a share: ``-1/5`` is 20 % less.
    None for the first one, and where the one before was free."""
    line: ListedRate
    """The line behind it, with basis and evidence."""


def spans(lines: Iterable[ListedRate]) -> dict[tuple[str, Condition], list[Span]]:
    """When each line of one source and listing holds, by item and what decides of its condition.

    Spans of a group ascend and do not overlap; a line that is never the latest has none, one that
    is interrupted has several.
    """
    groups: dict[tuple[str, Condition], list[ListedRate]] = {}
    for line in lines:
        key = (line.rate.item, deciding(line.rate.condition))
        groups.setdefault(key, []).append(line)
    return {key: _spans(group) for key, group in groups.items()}


def _spans(lines: list[ListedRate]) -> list[Span]:
    if len(lines) == 1:
        rate = lines[0].rate
        return [Span(rate.valid_from, rate.valid_to, lines[0])]
    edges = {line.rate.valid_from for line in lines}
    edges |= {line.rate.valid_to for line in lines if line.rate.valid_to is not None}
    found: list[Span] = []
    ordered = sorted(edges)
    for begin, end in zip(ordered, [*ordered[1:], None], strict=True):
        holding = [line for line in lines if holds(line, begin)]
        if not holding:
            continue
        top = max(holding, key=lambda line: (line.rate.valid_from, line.is_correction))
        if found and found[-1].line is top and found[-1].to_at == begin:
            found[-1] = found[-1]._replace(to_at=end)
        else:
            found.append(Span(begin, end, top))
    return found


def holds(line: ListedRate, at: datetime) -> bool:
    """Whether the line's dates include an instant."""
    rate = line.rate
    return rate.valid_from <= at and (rate.valid_to is None or at < rate.valid_to)


def history(market: Market, listings: Sequence[Listing], items: Sequence[str] = ()) -> list[Step]:
    """The steps of the listings by the chosen source, by listing, item and condition, oldest first.

    ``items`` names those that are wanted; none for all.
    """
    found: list[Step] = []
    for listing in listings:
        groups = spans(market.lines_of(listing))
        for (item, condition), group in sorted(
            groups.items(),
            key=lambda entry: (_ORDER[entry[0][0]], entry[1][0].from_at, str(entry[0][1])),
        ):
            if not items or item in items:
                found.extend(_steps(listing, item, condition, group))
    return found


def _steps(listing: Listing, item: str, condition: Condition, group: Sequence[Span]) -> list[Step]:
    found: list[Step] = []
    for span in group:
        amount = shown_amount(span.line.rate)
        before = found[-1] if found else None
        if before is not None and _goes_on(before, span):
            found[-1] = before._replace(to_at=span.to_at)
            continue
        change = amount / before.amount - 1 if before is not None and before.amount else None
        found.append(
            Step(
                *(listing, item, condition, span.from_at, span.to_at, amount),
                *(shown_unit(span.line.rate), change, span.line),
            )
        )
    return found


def _is_at(span: Span, at: datetime) -> bool:
    return span.from_at <= at and (span.to_at is None or at < span.to_at)


def _goes_on(before: Step, span: Span) -> bool:
    """Whether the same list says the same again of the step before, right after it."""
    mine, its = before.line.rate, span.line.rate
    return before.to_at == span.from_at and (
        (before.amount, before.unit, mine.condition, mine.source)
        == (shown_amount(its), shown_unit(its), its.condition, its.source)
    )


def current(market: Market, listing: Listing, at: datetime) -> tuple[str, list[ListedRate]]:
    """The source that prices the listing at an instant (UTC), and its lines that hold then.

    That is the most trusted source with any price then, which need not be the chosen one: a list
    may have stopped to follow a model that others still sell. Empty where nobody has a price.
    """
    for origin in market.sources_of(listing):
        groups = spans(line for line in market.lines_of(listing, origin) if holds(line, at))
        lines = [span.line for group in groups.values() for span in group if _is_at(span, at)]
        if lines:
            return origin, lines
    return "", []
