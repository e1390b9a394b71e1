"""The cards of one moment: of all rates that hold, which prices which call.

``compiling`` finds what holds when and asks here. Lengths, thinking and service tiers cut the calls
into cells; within a cell each item has one rate, the narrowest of those that match. Neighbouring
cells with the same rates become one card.

A service tier is a product of its own: where it prices an item at all, its rates hold, whatever the
standard's say of lengths or hours; where it does not, the standard's hold. So a batch price without
a length is no tie with standard prices by length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm
from typing import NamedTuple

from steelyard.domain.conditions import STANDARD, Condition, is_narrower
from steelyard.domain.money import PICO
from steelyard.domain.rates import COUNTED, ITEMS, PARENTS, UNITS, Rate
from steelyard.pricebook.book import END_COUNT, Card, ceiling_of

INT_END = 2**63
"""First number that a snapshot's integers do not hold."""

_ORDER = {item: place for place, item in enumerate(COUNTED)}
_OUTPUT = frozenset(
    ("output", *(item for item, parent in PARENTS.items() if parent in ("output", "reasoning")))
)
"""Items on the output's side; their own counts are bounded by the output's bounds."""
_FREE = (0, 1)
_UNCACHED = {"cache_read_audio": "input_audio", "cache_read_image": "input_image"}
"""What was read from a cache -> the same where no cache served it."""
CELLS_MAX = 1024
"""Cells of lengths in a service tier; the longest list known has 15. Time grows with their cube."""

Exact = tuple[int, int]
"""Pico-units per single thing, as numerator and denominator."""


class RateTie(ValueError):
    """Two rates that hold for the same call, neither more specific than the other."""

    def __init__(self, one: Rate, other: Rate) -> None:
        self.one = one
        self.other = other
        super().__init__(
            f"rates {one.rate_id} and {other.rate_id} of {one.item} hold for the same call,"
            " and neither is more specific"
        )


class Held(NamedTuple):
    """A rate as it takes part in choosing."""

    number: int
    """Its place in the list that is compiled."""
    rate: Rate
    condition: Condition
    """What decides of its condition."""
    clock: int
    """Which of the offer's clocks it waits for; -1 for none."""
    exact: Exact


class _Cell(NamedTuple):
    input_from: int
    input_to: int
    output_from: int
    output_to: int
    thinking: int
    tier: str


Tiers = tuple[tuple[int, Held | None], ...]
"""Rates of an item by its own count, each from a number of it on; None where there is none."""


class _Content(NamedTuple):
    """What a card says, with exact prices; equal contents of neighbours make one card."""

    prices: tuple[Exact, ...]
    extras: tuple[tuple[str, int, int], ...]
    steps: tuple[tuple[int, int, int, int], ...]
    missing: tuple[str, ...]
    rate_ids: tuple[str, ...]


class Cards(NamedTuple):
    """What a period says beside its time."""

    denominator: int
    cards: tuple[Card, ...]
    ceiling: tuple[int, int, int]
    """Of the ordinary service tier."""


def held_of(number: int, rate: Rate, condition: Condition, clock: int) -> Held:
    """The rate with its price in pico-units per single thing, exactly."""
    numerator = rate.amount.numerator * PICO
    denominator = rate.amount.denominator * UNITS[rate.unit]
    shared = gcd(numerator, denominator)
    exact = (numerator // shared, denominator // shared)
    return Held(number, rate, condition, clock, exact)


def cards_of(holding: Sequence[Held]) -> Cards | None:
    """The cards for the rates that hold at one moment; None when they price no call at all.

    Raises:
        RateTie: two rates hold for the same call, and neither is narrower.
        ValueError: a price needs more than 63 bits, or is marginal where no card can say so, or
            there are more than ``CELLS_MAX`` lengths.
    """
    by_item: dict[str, list[Held]] = {}
    for held in sorted(holding, key=lambda held: _ORDER[held.rate.item]):
        by_item.setdefault(held.rate.item, []).append(held)
    found: list[tuple[_Cell, _Content]] = []
    for tier in sorted({STANDARD, *(held.condition.tier for held in holding)}):
        found += _of_tier(by_item, holding, tier)
    return _scaled(found) if found else None


def _of_tier(
    by_item: dict[str, list[Held]], holding: Sequence[Held], tier: str
) -> Iterator[tuple[_Cell, _Content]]:
    """Cells of a service tier, neighbours with the same content made one."""
    conditions = [held.condition for held in holding if held.condition.tier in (STANDARD, tier)]
    incoming, outgoing = _lengths(conditions)
    thinking = (0, 1) if any(c.thinking is not None for c in conditions) else (-1,)
    rows: list[tuple[int, int, list[tuple[int, int, list[tuple[int, _Content]]]]]] = []
    for input_from, input_to in incoming:
        row: list[tuple[int, int, list[tuple[int, _Content]]]] = []
        for output_from, output_to in outgoing:
            each = []
            for thought in thinking:
                cell = _Cell(input_from, input_to, output_from, output_to, thought, tier)
                content = _content(by_item, cell)
                if content is not None:
                    each.append((thought, content))
            if len(each) == 2 and each[0][1] == each[1][1]:
                each = [(-1, each[0][1])]
            if row and row[-1][2] == each:
                row[-1] = (row[-1][0], output_to, each)
            else:
                row.append((output_from, output_to, each))
        if rows and rows[-1][2] == row:
            rows[-1] = (rows[-1][0], input_to, row)
        else:
            rows.append((input_from, input_to, row))
    for input_from, input_to, row in rows:
        for output_from, output_to, each in row:
            for thought, content in each:
                yield _Cell(input_from, input_to, output_from, output_to, thought, tier), content


def _lengths(
    conditions: Sequence[Condition],
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The ranges of input and of output tokens that the conditions tell apart."""
    incoming = _cuts([(c.input_from, c.input_to) for c in conditions])
    outgoing = _cuts([(c.output_from, c.output_to) for c in conditions])
    if len(incoming) * len(outgoing) > CELLS_MAX:
        raise ValueError(
            f"prices of {len(incoming)} input by {len(outgoing)} output lengths: too many cells"
        )
    return incoming, outgoing


def _cuts(bounds: Sequence[tuple[int, int | None]]) -> list[tuple[int, int]]:
    ends = {0, END_COUNT}
    for begin, end in bounds:
        ends.add(begin)
        if end is not None:
            ends.add(end)
    return list(pairwise(sorted(ends)))


def _content(by_item: dict[str, list[Held]], cell: _Cell) -> _Content | None:
    """What holds in a cell; None where nothing does."""
    resolved: dict[str, Tiers] = {}
    for item, rates in by_item.items():
        inside = [held for held in rates if _contains(held.condition, cell, item)]
        if cell.tier:
            inside = [held for held in inside if held.condition.tier] or inside
        if inside:
            resolved[item] = _tiers(inside, item)
    if not resolved:
        return None
    if "cache_read" not in resolved:
        # Where reading a cache has no price, a cached second costs what it does uncached.
        for cached, whole in _UNCACHED.items():
            if whole in resolved:
                resolved.setdefault(cached, resolved[whole])
    ids = dict.fromkeys(
        held.rate.rate_id for tiers in resolved.values() for _, held in tiers if held
    )
    for item in ITEMS:
        parent = resolved.get(PARENTS.get(item, ""))
        if parent is not None:
            resolved[item] = _filled(resolved.get(item), parent)
    prices: list[Exact] = []
    steps: list[tuple[int, int, int, int]] = []
    for index, item in enumerate(ITEMS):
        exact = _exact(resolved.get(item))
        prices.append(exact[0][1])
        for (_, low), (threshold, high) in pairwise(exact):
            delta = Fraction(*high) - Fraction(*low)
            steps.append((index, threshold, delta.numerator, delta.denominator))
    return _Content(
        prices=tuple(prices),
        extras=_extras(resolved, prices),
        steps=tuple(steps),
        missing=_missing(resolved, cell),
        rate_ids=tuple(ids),
    )


def _contains(condition: Condition, cell: _Cell, item: str) -> bool:
    """Whether the condition holds for every call of the cell; else it holds for none of them.

    A marginal rate's bounds of its own side are no condition of the call: they part its count.
    """
    if condition.tier and condition.tier != cell.tier:
        return False
    if condition.thinking is not None and cell.thinking != condition.thinking:
        return False
    is_parted = condition.is_marginal
    if not (is_parted and item not in _OUTPUT):
        end = condition.input_to
        if cell.input_from < condition.input_from or (end is not None and cell.input_to > end):
            return False
    if not (is_parted and item in _OUTPUT):
        end = condition.output_to
        if cell.output_from < condition.output_from or (end is not None and cell.output_to > end):
            return False
    return True


def _tiers(rates: list[Held], item: str) -> Tiers:
    """The narrowest rate, by the item's own count where some rate is marginal."""
    if len(rates) == 1 and not rates[0].condition.is_marginal:
        return ((0, rates[0]),)
    if not any(held.condition.is_marginal for held in rates):
        return ((0, _narrowest(rates)),)
    if item not in ITEMS:
        raise ValueError(f"rate {rates[0].rate.rate_id}: {item} has no marginal tiers")
    parts = [(held, *_own_bounds(held.condition, item)) for held in rates]
    found: list[tuple[int, Held | None]] = []
    for begin in sorted({0, *(b for _, b, _ in parts), *(e for _, _, e in parts)} - {END_COUNT}):
        here = [held for held, low, high in parts if low <= begin < high]
        found.append((begin, _narrowest(here) if here else None))
    return tuple(found)


def _own_bounds(condition: Condition, item: str) -> tuple[int, int]:
    if not condition.is_marginal:
        return 0, END_COUNT
    if item in _OUTPUT:
        return condition.output_from, condition.output_to or END_COUNT
    return condition.input_from, condition.input_to or END_COUNT


def _narrowest(rates: list[Held]) -> Held:
    best = rates[0]
    for held in rates[1:]:
        if is_narrower(held.condition, best.condition):
            best = held
    for held in rates:
        if held is not best and not is_narrower(best.condition, held.condition):
            raise RateTie(best.rate, held.rate)
    return best


def _filled(own: Tiers | None, parent: Tiers) -> Tiers:
    """A part's rates, with those of its parent where it has none: by the part's own count."""
    if own is None:
        return parent
    if all(held is not None for _, held in own):
        return own
    found: list[tuple[int, Held | None]] = []
    for begin in sorted({begin for begin, _ in (*own, *parent)}):
        best = _at(own, begin) or _at(parent, begin)
        if not found or found[-1][1] is not best:
            found.append((begin, best))
    return tuple(found)


def _at(tiers: Tiers, count: int) -> Held | None:
    return [held for begin, held in tiers if begin <= count][-1]


def _exact(tiers: Tiers | None) -> list[tuple[int, Exact]]:
    """Prices by count, zero where there is none.

    A price per request pays for it then, or the card of each call that gets there says ``missing``.
    """
    found: list[tuple[int, Exact]] = []
    for begin, held in tiers or ((0, None),):
        exact = held.exact if held else _FREE
        if not found or found[-1][1] != exact:
            found.append((begin, exact))
    return found


def _extras(
    resolved: dict[str, Tiers], prices: Sequence[Exact]
) -> tuple[tuple[str, int, int], ...]:
    """Prices of all else: of parts what they cost more than the tokens that they are part of."""
    found = []
    for item, tiers in resolved.items():
        held = tiers[0][1]
        if item in ITEMS or held is None:
            continue
        price = Fraction(*held.exact)
        if item in PARENTS:
            price -= Fraction(*prices[ITEMS.index(PARENTS[item])])
        found.append((item, price.numerator, price.denominator))
    return tuple(found)


def _missing(resolved: dict[str, Tiers], cell: _Cell) -> tuple[str, ...]:
    """Of input and output those that some call of the cell has no price for.

    A price per request pays for what has no price beside it.
    """
    if "request" in resolved:
        return ()
    found = []
    for item, end in (("input", cell.input_to), ("output", cell.output_to)):
        tiers = resolved.get(item)
        if tiers is None or any(held is None and begin < end for begin, held in tiers):
            found.append(item)
    return tuple(found)


def _scaled(found: Sequence[tuple[_Cell, _Content]]) -> Cards:
    """The cards with their prices as integers over one denominator."""
    denominator = 1
    for _, content in found:
        denominator = lcm(
            denominator, *(d for _, d in content.prices), *(d for *_, d in content.steps)
        )
    cards = tuple(_card(cell, content, denominator) for cell, content in found)
    ceiling = ceiling_of(cards, denominator)
    largest = max(denominator, *ceiling, *(_largest(card) for card in cards))
    if largest >= INT_END:
        ids = ", ".join(dict.fromkeys(i for card in cards for i in card.rate_ids))
        raise ValueError(f"rates {ids}: their prices need more than 63 bits together")
    return Cards(denominator, cards, ceiling)


def _largest(card: Card) -> int:
    extras = (max(abs(n), d) for n, d in card.extras.values())
    return max(*card.prices, *(abs(delta) for *_, delta in card.steps), *extras)


def _card(cell: _Cell, content: _Content, denominator: int) -> Card:
    return Card(
        *cell,
        prices=tuple(n * (denominator // d) for n, d in content.prices),
        extras={item: (n, d) for item, n, d in content.extras},
        steps=tuple(
            (index, threshold, n * (denominator // d)) for index, threshold, n, d in content.steps
        ),
        missing=content.missing,
        rate_ids=content.rate_ids,
    )
