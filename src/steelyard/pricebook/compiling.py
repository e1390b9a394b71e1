"""Dated rates become periods: each an interval in which every price of an offer is constant.

Control compiles an offer's rates into the snapshot, the auditor and every what-if compile them
again; all price through ``book`` with what comes out here. Nothing looks ahead: what holds at an
instant follows from the rates that are valid then, so a rate appended later never changes an older
period.

At each instant an item's rates are those whose dates and clock hold. Of several with the same
condition the latest to begin holds; of several with different ones the narrowest (``cards``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from steelyard.domain.conditions import Clock, Condition, deciding
from steelyard.domain.instants import instant_ns
from steelyard.domain.rates import Rate
from steelyard.pricebook.book import END_NS, Period
from steelyard.pricebook.cards import Cards, Held, RateTie, cards_of, held_of
from steelyard.pricebook.clock import edges, holds

__all__ = ["RateTie", "compile_periods", "is_chat_priced", "select"]


class _Span(NamedTuple):
    """An interval in which a rate is the latest of its item and condition."""

    from_ns: int
    to_ns: int
    held: Held


class _Change(NamedTuple):
    """What begins, ends or turns at an instant; ends come before begins."""

    at_ns: int
    is_begin: bool
    number: int
    """Of the rate; of the clock where ``held`` is None."""
    held: Held | None


def compile_periods(
    rates: Sequence[Rate], since_ns: int = 0, until_ns: int | None = None, volume: int = 0
) -> list[Period]:
    """Periods of constant prices that end after ``since_ns``, ascending, without overlap.

    An instant without any rate is in no period. A period's cards may lack a price of input or
    output (``Card.missing``); ``is_chat_priced`` tells whether that is so.

    Args:
        rates: those of one offer, as ``select`` gives them.
        since_ns: UTC ns; periods that end before are left out. One that began earlier keeps its
            begin, unless a rate waits for a clock then.
        until_ns: UTC ns up to which clocks are followed. From there on nothing is said for times
            in which a rate waits for a clock; all other times go on to their end.
        volume: tokens bought of the model since the month began: decides among volume steps.

    Raises:
        RateTie: two rates hold for the same call, and neither is more specific.
        ValueError: several currencies; a clock that has no end and no ``until_ns``; a zone or
            country that is not known; a price of more than 63 bits.
    """
    currencies = {rate.currency for rate in rates}
    if len(currencies) > 1:
        raise ValueError(f"rates of one offer carry several currencies: {sorted(currencies)}")
    groups, clocks = _grouped(rates, volume)
    changes: list[_Change] = []
    spans: list[_Span] = []
    floor_ns = 0
    for group in groups:
        for from_ns, to_ns, dated in _spans(group, since_ns):
            if to_ns <= since_ns:
                floor_ns = max(floor_ns, to_ns)
                continue
            held = held_of(dated.number, dated.rate, dated.condition, dated.clock)
            spans.append(_Span(from_ns, to_ns, held))
            changes.append(_Change(from_ns, True, held.number, held))
            changes.append(_Change(to_ns, False, held.number, held))
    # The first period begins where something changed last, though that is not compiled.
    changes.append(_Change(floor_ns, False, -1, None))
    open_at_first = [False] * len(clocks)
    for index, clock in enumerate(clocks):
        waiting = [span for span in spans if span.held.clock == index]
        if waiting:
            turns, open_at_first[index] = _turns(clock, waiting, since_ns, until_ns)
            changes += [_Change(at, False, index, None) for at in turns]
    if until_ns is not None and clocks:
        changes.append(_Change(until_ns, False, -1, None))
    changes.sort(key=lambda change: (change.at_ns, change.is_begin))
    return list(_swept(changes, open_at_first, since_ns, until_ns))


def select(
    rates: Sequence[Rate], region: str = "", seller: str = "", variant: str = ""
) -> list[Rate]:
    """The rates for an offer: those that say nothing of where, who or which, or say just that."""
    found = []
    for rate in rates:
        condition = rate.condition
        if (
            condition.region in ("", region)
            and condition.seller in ("", seller)
            and condition.variant in ("", variant)
        ):
            found.append(rate)
    return found


def is_chat_priced(period: Period) -> bool:
    """Whether ordinary calls with input and output are priced, by tokens or by the request."""
    standard = [card for card in period.cards if not card.tier]
    return bool(standard) and not any(card.missing for card in standard)


class _Dated(NamedTuple):
    """A rate with its dates in UTC ns and what decides of its condition."""

    from_ns: int
    to_ns: int
    number: int
    rate: Rate
    condition: Condition
    clock: int


def _grouped(rates: Sequence[Rate], volume: int) -> tuple[list[list[_Dated]], list[Clock]]:
    """The rates that can hold, by item and condition; and the clocks that some wait for."""
    groups: dict[tuple[str, Condition], list[_Dated]] = {}
    clocks: dict[Clock | None, int] = {None: -1}
    decided: dict[Condition, Condition] = {}
    for number, rate in enumerate(rates):
        given = rate.condition
        if volume < given.volume_from:
            continue
        if given.volume_to is not None and volume >= given.volume_to:
            continue
        to_ns = END_NS if rate.valid_to is None else instant_ns(rate.valid_to)
        condition = decided.get(given)
        if condition is None:
            condition = decided[given] = deciding(given)
        clock = clocks.setdefault(condition.clock, len(clocks) - 1)
        dated = _Dated(instant_ns(rate.valid_from), to_ns, number, rate, condition, clock)
        groups.setdefault((rate.item, condition), []).append(dated)
    return list(groups.values()), [clock for clock in clocks if clock is not None]


def _spans(group: list[_Dated], since_ns: int) -> Iterator[tuple[int, int, _Dated]]:
    """Of rates with one condition the latest to begin holds: when, in UTC ns, and which.

    Raises:
        RateTie: two begin together, and both hold after ``since_ns``.
    """
    group.sort(key=lambda dated: dated[:2])
    # The latest to begin lies on top; what lies below holds again when it ends first.
    stack: list[_Dated] = []
    for place, dated in enumerate(group):
        stack.append(dated)
        at = dated.from_ns
        following = group[place + 1].from_ns if place + 1 < len(group) else END_NS
        while stack and at < following:
            latest = stack[-1]
            if latest.to_ns <= at:
                stack.pop()
                continue
            until = min(latest.to_ns, following)
            below = stack[-2] if len(stack) > 1 else None
            if below and below.from_ns == latest.from_ns and below.to_ns > at:
                until = min(until, below.to_ns)
                if until > since_ns:
                    raise RateTie(below.rate, latest.rate)
            yield at, until, latest
            at = until


def _turns(
    clock: Clock, waiting: Sequence[_Span], since_ns: int, until_ns: int | None
) -> tuple[list[int], bool]:
    """Where a clock turns while rates wait for it, and whether it is open at the first of these.

    The first instant is among them, so that a period with a clock begins no earlier.
    """
    first = max(since_ns, min(span.from_ns for span in waiting))
    last = max(span.to_ns for span in waiting)
    if until_ns is not None:
        last = min(last, until_ns)
    elif last == END_NS:
        raise ValueError(
            f"rate {waiting[0].held.rate.rate_id} waits for a clock, which has no end:"
            " say until when"
        )
    return [first, *edges(clock, first, last)], holds(clock, first)


def _swept(
    changes: Sequence[_Change], open_at_first: list[bool], since_ns: int, until_ns: int | None
) -> Iterator[Period]:
    """Goes through time once; what holds again is not compiled again."""
    holding: dict[int, Held] = {}
    # A clock turns at its first instant, too.
    is_open = [not is_first for is_first in open_at_first]
    known: dict[tuple[int, ...], Cards | None] = {}
    before: Period | None = None
    for place, change in enumerate(changes):
        if change.held is None:
            if change.number >= 0:
                is_open[change.number] = not is_open[change.number]
        elif change.is_begin:
            holding[change.number] = change.held
        else:
            del holding[change.number]
        at = change.at_ns
        end = changes[place + 1].at_ns if place + 1 < len(changes) else END_NS
        if end <= at or end <= since_ns:
            continue
        rates = list(holding.values())
        if until_ns is not None and at >= until_ns and any(held.clock >= 0 for held in rates):
            continue
        rates = [held for held in rates if held.clock < 0 or is_open[held.clock]]
        key = tuple(sorted(held.number for held in rates))
        if key not in known:
            known[key] = cards_of(rates)
        found = known[key]
        if found is None:
            continue
        if before and before.to_ns == at and before[2:] == found:
            before = before._replace(to_ns=end)
            continue
        if before:
            yield before
        before = Period(at, end, *found)
    if before:
        yield before
