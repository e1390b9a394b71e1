"""Cells: the lines that one card prices, as numbers that SQL gives to lines.

A card is chosen by instant, lengths, thinking and service tier of a call; ``Plan`` turns that
choice into nested CASE expressions, one per offer that has a choice at all. Every leaf is found by
asking ``pricebook.book.card_of`` for a call at that place, so that SQL cannot choose otherwise than
the worker does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from steelyard.domain.rates import ITEMS, PARENTS
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import END_COUNT, END_NS, Card, Period, card_of, unpriced
from steelyard.store.books import NS_PER_DAY

UNPRICED = -1
"""Cell of lines that no card is for."""
FLAT = -2
"""Cell of lines whose offer has one card for everything."""

_CACHED = ("cache_read", "cache_write")
_UNCACHED = {"cache_read_audio": "input_audio", "cache_read_image": "input_image"}
"""What an item of cached input is where nothing is cached."""


class Sold(NamedTuple):
    """What a line was sold as."""

    offer: str
    model: str


class Prices(NamedTuple):
    """What an offer's calls would have cost."""

    currency: str
    periods: Sequence[Period]
    """Ascending; a call is priced by the one that holds at its own instant."""
    is_daily: bool = False
    """Whether the periods are those of one day, from 0 to ``NS_PER_DAY``, and hold at that time
    of any day (UTC)."""
    is_priced_at_end: bool = False
    """Whether the instant is that of the call's end, not of its begin."""
    label: str = ""
    """Whose prices they are, for people."""


class Cell(NamedTuple):
    """A card, as far as it prices."""

    denominator: int
    prices: tuple[int, ...]
    extras: tuple[tuple[str, tuple[int, int]], ...]
    steps: tuple[tuple[int, int, int], ...]
    missing: tuple[str, ...]

    def cost(self, usage: Usage, excess: Mapping[tuple[int, int], int]) -> tuple[int, int] | None:
        """Numerator and denominator, in pico-units, of what lines cost that add up to ``usage``.

        None where something has no price: what it costs is unknown, not zero.

        Args:
            usage: their sums.
            excess: item's index and threshold -> tokens above the threshold, line by line.
        """
        incoming, outgoing, read, written, reasoning, requests, extras = usage
        plain, out, reads, writes, thoughts, each = self.prices
        numerator = (
            (incoming - read - written) * plain
            + (outgoing - reasoning) * out
            + read * reads
            + written * writes
            + reasoning * thoughts
            + requests * each
        )
        for index, threshold, delta in self.steps:
            numerator += excess[index, threshold] * delta
        if not (extras or self.missing):
            return numerator, self.denominator
        return self._with_extras(usage, numerator)

    def _with_extras(self, usage: Usage, numerator: int) -> tuple[int, int] | None:
        priced = dict(self.extras)
        if unpriced(Card(0, 0, 0, 0, -1, "", (), priced, (), self.missing, ()), usage):
            return None
        denominator = self.denominator
        for item, count in usage.extras:
            if item in priced:
                above, below = priced[item]
                numerator = numerator * below + count * above * denominator
                denominator *= below
        return numerator, denominator


class Plan:
    """The cells of some offers, and the SQL that finds them."""

    def __init__(
        self,
        prices: Mapping[Sold, Prices],
        has_cache_hits: bool = True,
        span_ns: tuple[int, int] = (0, END_NS),
    ) -> None:
        """``span_ns`` holds every call's begin: what changes outside of it decides nothing."""
        self.prices = prices
        self._span_ns = span_ns
        self.has_cache_hits = has_cache_hits
        self.cells: list[Cell] = []
        self._numbers: dict[Cell, int] = {}
        self._cards: dict[tuple[int, int, bool], str] = {}
        self.offers = sorted({sold.offer for sold in prices})
        self.models = sorted({sold.model for sold in prices})
        tiers = {card.tier for p in prices.values() for x in p.periods for card in x.cards}
        self.tiers = ["", *sorted(tiers - {""})]
        self._flat: dict[Sold, int] = {}
        self._choices: dict[bool, dict[Sold, str]] = {}
        for has_tier in (False, True):
            trees = {sold: self._tree(p, has_tier) for sold, p in prices.items()}
            self._choices[has_tier] = {s: t for s, t in trees.items() if not _is_number(t)}
            if not has_tier:
                self._flat = {s: int(t) for s, t in trees.items() if _is_number(t)}

    def expression(self, has_tier: bool) -> str:
        """The cell of a line, in SQL over the columns that ``columns`` adds.

        ``has_tier`` tells whether any line has a service tier other than the ordinary one.
        """
        choices = self._choices[has_tier]
        if not choices:
            return str(FLAT)
        whens = [
            f"WHEN o = {self.offers.index(sold.offer) + 1}"
            f" AND m = {self.models.index(sold.model) + 1} THEN {tree}"
            for sold, tree in choices.items()
        ]
        return f"CASE {' '.join(whens)} ELSE {FLAT} END"

    def columns(self, has_tier: bool) -> dict[str, tuple[str, list[str]]]:
        """The columns that ``expression`` needs, by name.

        Each is SQL over a ledger's line, and the list that is its parameter of the same name.
        """
        text = self.expression(has_tier)
        found = {}
        # Functions of one column run once per word of its dictionary, not once per line.
        if text != str(FLAT):
            found["o"] = ("coalesce(list_position($o, offer), 0)", self.offers)
            found["m"] = ("coalesce(list_position($m, model), 0)", self.models)
        if " t = " in text:
            found["t"] = ("coalesce(list_position($t, coalesce(tier, '')), 0)", self.tiers)
        return found

    def cell(self, sold: Sold, number: int) -> Cell | None:
        """The cell that ``expression`` gave for a line of ``sold``; None for unpriced."""
        if number == FLAT:
            number = self._flat.get(sold, UNPRICED)
        return None if number == UNPRICED else self.cells[number]

    def counts(self) -> tuple[str, ...]:
        """The columns of ``Usage`` that decide what lines cost; totals always among them."""
        wanted = ["input_tokens", "output_tokens"]
        for index, name, parent in (
            (2, "cache_read_tokens", 0),
            (3, "cache_write_tokens", 0),
            (4, "reasoning_tokens", 1),
        ):
            if index < 4 and not self.has_cache_hits:
                continue
            if any(cell.prices[index] != cell.prices[parent] for cell in self.cells):
                wanted.append(name)
        if any(cell.prices[5] for cell in self.cells):
            wanted.append("requests")
        return tuple(wanted)

    def excesses(self) -> dict[tuple[int, int], str]:
        """Item's index and threshold -> a line's tokens above it in SQL, for marginal tiers."""
        cached = " - cache_read_tokens - cache_write_tokens" if self.has_cache_hits else ""
        parts = {
            "input": f"input_tokens{cached}",
            "output": "output_tokens - reasoning_tokens",
            "cache_read": "cache_read_tokens" if self.has_cache_hits else "0",
            "cache_write": "cache_write_tokens" if self.has_cache_hits else "0",
            "reasoning": "reasoning_tokens",
            "request": "requests",
        }
        found = {(step[0], step[1]) for cell in self.cells for step in cell.steps}
        return {
            (index, threshold): f"greatest({parts[ITEMS[index]]} - {threshold}, 0)"
            for index, threshold in sorted(found)
        }

    def extras(self, counted: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
        """The extras of a usage; cached ones as plain ones where no cache is assumed."""
        if self.has_cache_hits or not counted:
            return tuple(counted)
        found: dict[str, int] = {}
        for item, count in counted:
            plain = _UNCACHED.get(item, item)
            if plain not in _CACHED and PARENTS.get(plain) not in _CACHED:
                found[plain] = found.get(plain, 0) + count
        return tuple(sorted(found.items()))

    def _tree(self, prices: Prices, has_tier: bool) -> str:
        """The number of a line's cell, in SQL; just a number where nothing of the line decides."""
        since_ns, until_ns = self._span_ns
        at = "called_at_ns"
        if prices.is_priced_at_end:
            at, until_ns = "settled_at_ns", END_NS
        if prices.is_daily:
            at, since_ns, until_ns = f"{at} % {NS_PER_DAY}", 0, NS_PER_DAY
        cuts: list[int] = []
        branches = [str(UNPRICED)]
        for period in prices.periods:
            if period.to_ns <= since_ns or period.from_ns >= until_ns:
                continue
            if period.from_ns <= since_ns:
                branches.pop()
            elif cuts and cuts[-1] == period.from_ns:
                branches.pop()
            else:
                cuts.append(period.from_ns)
            branches.append(self._card_tree(period, has_tier))
            if period.to_ns < until_ns:
                cuts.append(period.to_ns)
                branches.append(str(UNPRICED))
        return _cut(at, cuts, branches)

    def _card_tree(self, period: Period, has_tier: bool) -> str:
        # Periods of a clock come again and again with the same cards.
        key = (period.denominator, id(period.cards), has_tier)
        if key not in self._cards:
            self._cards[key] = self._grown(period, has_tier)
        return self._cards[key]

    def _grown(self, period: Period, has_tier: bool) -> str:
        cards = period.cards
        inputs = _bounds((card.input_from, card.input_to) for card in cards)
        outputs = _bounds((card.output_from, card.output_to) for card in cards)
        thoughts = (0, 1) if any(card.thinking >= 0 for card in cards) else (0,)
        # A tier that no card is for stands for all those unheard of.
        tiers = {card.tier for card in cards} | {""}
        unheard = "\0"
        leaves: dict[tuple[int, int, int, str], str] = {}
        for place in product((0, *inputs), (0, *outputs), thoughts, (*tiers, unheard)):
            incoming, outgoing, thought, tier = place
            usage = Usage(incoming, outgoing, reasoning_tokens=thought)
            leaves[place] = self._leaf(period, card_of(period, usage, tier))

        def grow_input(outgoing: int, thought: int, tier: str) -> str:
            found = [leaves[incoming, outgoing, thought, tier] for incoming in (0, *inputs)]
            return _cut("input_tokens", inputs, found)

        def grow_output(thought: int, tier: str) -> str:
            found = [grow_input(outgoing, thought, tier) for outgoing in (0, *outputs)]
            return _cut("output_tokens", outputs, found)

        def grow(tier: str) -> str:
            found = [grow_output(thought, tier) for thought in thoughts]
            return _either("reasoning_tokens = 0", found[0], found[-1])

        return self._grow_tiers(grow, tiers, unheard) if has_tier else grow("")

    def _grow_tiers(self, grow: Callable[[str], str], tiers: Iterable[str], unheard: str) -> str:
        text = grow(unheard)
        for tier in sorted(tiers):
            text = _either(f"t = {self.tiers.index(tier) + 1}", grow(tier), text)
        return text

    def _leaf(self, period: Period, card: Card | None) -> str:
        if card is None:
            return str(UNPRICED)
        extras = tuple(sorted(card.extras.items()))
        cell = Cell(period.denominator, card.prices, extras, card.steps, card.missing)
        number = self._numbers.get(cell)
        if number is None:
            number = self._numbers[cell] = len(self.cells)
            self.cells.append(cell)
        text = str(number)
        for side in card.missing:
            # Without tokens of that side nothing is missing.
            text = _either(f"{side}_tokens <> 0", str(UNPRICED), text)
        return text


def _bounds(ranges: Iterable[tuple[int, int]]) -> list[int]:
    """Where ranges begin or end, ascending, without 0 and the end of all counts."""
    return sorted({bound for pair in ranges for bound in pair} - {0, END_COUNT})


def _cut(column: str, cuts: Sequence[int], branches: Sequence[str]) -> str:
    """A tree of CASE: ``branches[i]`` where ``cuts[i - 1] <= column < cuts[i]``."""
    kept_cuts, kept = [], [branches[0]]
    for cut, branch in zip(cuts, branches[1:], strict=True):
        if branch != kept[-1]:
            kept_cuts.append(cut)
            kept.append(branch)
    if not kept_cuts:
        return kept[0]
    middle = len(kept_cuts) // 2
    left = _cut(column, kept_cuts[:middle], kept[: middle + 1])
    right = _cut(column, kept_cuts[middle + 1 :], kept[middle + 1 :])
    return f"CASE WHEN {column} < {kept_cuts[middle]} THEN {left} ELSE {right} END"


def _either(condition: str, yes: str, no: str) -> str:
    return yes if yes == no else f"CASE WHEN {condition} THEN {yes} ELSE {no} END"


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdecimal()
