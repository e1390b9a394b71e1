"""What changed between two states of a listing: steps of its price, item by item.

A step is told as the customer meets it: a call of some kind cost so much before and costs so much
now. So a price for peak hours that is new is compared with the price that held at all hours, and a
cache price that is new with that of other input. What vendors quote (the largest change) is kept
apart from what it comes to on one's own traffic, which ``xray`` works out.

Nothing here reads a clock or a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.conditions import Condition, deciding, is_narrower
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.rates import PARENTS, UNITS, Rate
from steelyard.pricebook.history import spans

_APART = ("tier", "region", "seller", "variant")
"""Dimensions that make another thing to buy, not another price of the same."""


class Kind(StrEnum):
    """What a step is."""

    CUT = "cut"
    RISE = "rise"
    MIXED = "mixed"
    """Some things became cheaper and others dearer."""
    NEW = "new"
    """There was no price to compare with."""
    ENDED = "ended"
    CORRECTED = "corrected"
    """What was recorded was wrong: nothing changed at the vendor's."""


class ItemChange(NamedTuple):
    """What one kind of thing cost and costs."""

    item: str
    condition: Condition
    """Of which calls; without what only tells."""
    before: Rate | None
    """The price that such calls were paid by, under whatever item and condition it stood."""
    after: Rate | None

    @property
    def percent(self) -> Fraction | None:
        """The change in percent; None where one price is missing, or it was free before."""
        if self.before is None or self.after is None or not self.before.amount:
            return None
        return (each(self.after) / each(self.before) - 1) * 100

    @property
    def is_dearer(self) -> bool:
        """Whether it costs more now; what was free and costs something does."""
        if self.before is None or self.after is None:
            return False
        return each(self.after) > each(self.before)


class PriceStep(NamedTuple):
    """A change of a listing's price at an instant."""

    listing: Listing
    kind: Kind
    at: datetime
    """UTC; the first instant at which the new prices hold."""
    items: tuple[ItemChange, ...]
    """Only what changed, by item and condition."""
    before: tuple[Rate, ...]
    """All rates that held until then."""
    after: tuple[Rate, ...]
    """All rates that hold from then on."""

    @property
    def headline(self) -> Fraction | None:
        """The change in percent as vendors quote it: the largest cut, or else the largest rise."""
        found = [change.percent for change in self.items if change.percent is not None]
        if not found:
            return None
        return min(found) if min(found) < 0 else max(found)


def diff(
    listing: Listing, before: Iterable[ListedRate], after: Iterable[ListedRate]
) -> list[PriceStep]:
    """The steps that a listing has by now and had not before, oldest first.

    Args:
        listing: What is priced.
        before: All lines of one source that the book had.
        after: All lines of that source that it has now.
    """
    old, new = _States(before), _States(after)
    found = []
    was_old: tuple[ListedRate, ...] = ()
    was_new: tuple[ListedRate, ...] = ()
    for at in sorted({*old.edges, *new.edges}):
        is_old, is_new = old.at(at), new.at(at)
        if _said(is_old) != _said(is_new):
            steps_new = _said(is_new) != _said(was_new)
            steps_old = _said(is_old) != _said(was_old)
            marked = any(line.is_correction for line in is_new if line not in was_new)
            if steps_new and not (marked or (steps_old and is_old)):
                found.append(_step(listing, at, was_new or is_old, is_new))
            elif steps_new or steps_old:
                step = _step(listing, at, is_old, is_new)
                found.append(step._replace(kind=Kind.CORRECTED))
        was_old, was_new = is_old, is_new
    return found


def first_step(listing: Listing, lines: Sequence[ListedRate]) -> PriceStep:
    """A listing that the book had not: its newest prices, with nothing to compare them with.

    ``lines`` are at least one.
    """
    states = _States(lines)
    at = max(edge for edge in states.edges if states.at(edge))
    return _step(listing, at, (), states.at(at))


def switch(
    listing: Listing, before: Iterable[ListedRate], after: Iterable[ListedRate], at: datetime
) -> list[PriceStep]:
    """The step at an instant (UTC) from which on another source is listened to; none if they agree.

    Args:
        listing: What is priced.
        before: All lines of the source that counted until then.
        after: All lines of the one that counts from then on.
        at: When the change counts.
    """
    old, new = _States(before).at(at), _States(after).at(at)
    return [_step(listing, at, old, new)] if _said(old) != _said(new) else []


def state(lines: Iterable[ListedRate], at: datetime) -> tuple[Rate, ...]:
    """The rates of one source and listing that hold at an instant."""
    return tuple(line.rate for line in _States(lines).at(at))


def each(rate: Rate) -> Fraction:
    """The price of a single thing, whatever the unit it is listed by."""
    return rate.amount / UNITS[rate.unit]


def price_for(rates: Sequence[Rate], item: str, condition: Condition) -> Rate | None:
    """The rate by which calls under a condition pay for an item: its own or that of its parent.

    The narrowest that holds for all such calls; where two do and neither is narrower, the dearer.
    """
    name: str | None = item
    while name is not None:
        holding = [r for r in rates if r.item == name and _covers(r.condition, condition)]
        best = [
            rate
            for rate in holding
            if not any(is_narrower(other.condition, rate.condition) for other in holding)
        ]
        if best:
            return max(best, key=each)
        name = PARENTS.get(name)
    return None


class _States:
    """A listing's lines, asked by instant."""

    def __init__(self, lines: Iterable[ListedRate]) -> None:
        self._groups = list(spans(lines).values())
        self.edges = {span.from_at for group in self._groups for span in group}
        self.edges |= {s.to_at for group in self._groups for s in group if s.to_at is not None}

    def at(self, at: datetime) -> tuple[ListedRate, ...]:
        """The lines that hold at an instant."""
        return tuple(
            span.line
            for group in self._groups
            for span in group
            if span.from_at <= at and (span.to_at is None or at < span.to_at)
        )


def _said(lines: Iterable[ListedRate]) -> dict[tuple[str, Condition], Fraction]:
    """What lines say about money."""
    return {(li.rate.item, deciding(li.rate.condition)): each(li.rate) for li in lines}


def _step(
    listing: Listing, at: datetime, before: Sequence[ListedRate], after: Sequence[ListedRate]
) -> PriceStep:
    old, new = tuple(li.rate for li in before), tuple(li.rate for li in after)
    items = tuple(_changes(old, new))
    return PriceStep(listing, _kind(old, new, items), at, items, old, new)


def _changes(old: Sequence[Rate], new: Sequence[Rate]) -> Iterator[ItemChange]:
    cells = {(rate.item, deciding(rate.condition)): rate for rate in (*old, *new)}
    for item, condition in sorted(cells, key=lambda cell: (cell[0], str(cell[1]))):
        was, now = price_for(old, item, condition), price_for(new, item, condition)
        if was is not None and now is not None and each(was) == each(now):
            continue
        if was is None and _is_split(old, item, condition):
            continue  # the narrower prices of before tell what this one changes
        if now is None and _is_split(new, item, condition):
            continue
        yield ItemChange(item, condition, was, now)


def _is_split(rates: Sequence[Rate], item: str, condition: Condition) -> bool:
    """Whether an item has prices for parts of the calls under a condition."""
    return any(r.item == item and is_narrower(deciding(r.condition), condition) for r in rates)


def _covers(condition: Condition, wanted: Condition) -> bool:
    """Whether a rate's condition holds for all calls under another one."""
    own = deciding(condition)
    if any(getattr(own, name) != getattr(wanted, name) for name in _APART):
        return False
    return own == wanted or is_narrower(wanted, own)


def _kind(old: Sequence[Rate], new: Sequence[Rate], items: Sequence[ItemChange]) -> Kind:
    if not new:
        return Kind.ENDED
    if not old:
        return Kind.NEW
    dearer = any(change.is_dearer for change in items)
    cheaper = any(change.percent is not None and change.percent < 0 for change in items)
    if dearer and cheaper:
        return Kind.MIXED
    if dearer or cheaper:
        return Kind.RISE if dearer else Kind.CUT
    return Kind.NEW if any(change.before is None for change in items) else Kind.ENDED
