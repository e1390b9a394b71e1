"""What the ledger's calls would have cost at other prices: cost then, cost now, difference.

One scan adds lines up, exactly, per group and cell, a cell being the lines that one card prices;
the sums are then priced in Python's integers. Whose prices they are (of a day, of another book, of
another model) is the caller's: nothing here knows price lists. A group without a price at all is
told apart and never counted as if it cost what it does today.

Roundings: the ledger rounded every line at 10**-12, here each sum is rounded once. Where prices are
whole pico-units per token, as nearly all are, both are equal; else they differ by less than half
a pico-unit per line.

Corrections: ``adjustment`` lines count with their amounts in what it cost then, and with their
differences of tokens in what it would cost. That is exact where a price does not hang on a call's
length; where it does, an adjustment is priced at the length of its difference. Attempts still
under way have no usage yet, and are left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from steelyard.domain.money import round_half_even
from steelyard.ledger.cells import Plan, Prices, Sold
from steelyard.ledger.reports import Query
from steelyard.ledger.scan import Added, Key, OnProgress, Question, Scan, check, connected
from steelyard.ledger.tail import OPEN, open_books, read_tail
from steelyard.pricebook.book import END_NS
from steelyard.store.books import Part
from steelyard.store.database import Database

__all__ = ["Answer", "Prices", "Question", "Row", "Sold", "Unpriced", "WhatIf"]

PricesOf = Callable[[Sold], Prices | None]


class Row(NamedTuple):
    """A group's priced lines, in one pair of currencies."""

    groups: tuple[Any, ...]
    currency_then: str
    currency_now: str
    lines: int
    input_tokens: int
    output_tokens: int
    then_pico: int
    now_pico: int

    @property
    def difference_pico(self) -> int | None:
        """Now less then; None in two currencies, which have no difference."""
        return self.now_pico - self.then_pico if self.currency_then == self.currency_now else None


class Unpriced(NamedTuple):
    """Lines that the asked prices say nothing of; they are in no ``Row``."""

    offer: str
    model: str
    currency: str
    lines: int
    input_tokens: int
    output_tokens: int
    then_pico: int


class Answer(NamedTuple):
    """Rows of a question, the largest difference first, and what they leave out."""

    rows: list[Row]
    totals: list[Row]
    """One per pair of currencies; every line counts once."""
    unpriced: list[Unpriced]
    lines: int
    """Lines looked at: those of ``totals`` and of ``unpriced``."""
    is_rounded: bool
    """Whether some prices are not whole pico-units, so that sums of lines rounded one by one may
    differ by half a pico-unit per line."""


class WhatIf:
    """Prices the ledger under a state folder anew; keeps nothing open.

    ``clock`` gives UTC nanoseconds: lines of the tail are read as of now.
    """

    def __init__(
        self, home: Path, database: Database, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._clock = clock
        self._folder = home / "ledger"
        self._journals_folder = home / "journal"
        self._database = database

    def ask(
        self,
        question: Question,
        prices_of: PricesOf,
        known: Iterable[Sold] = (),
        on_progress: OnProgress | None = None,
    ) -> Answer:
        """What the lines cost and would cost; blocks for about 10 s per 100 million lines.

        Args:
            question: Which lines, in which groups.
            prices_of: The prices to assume for what was sold; None for unpriced.
            known: What was probably sold. The ledger may hold more, which then costs a second
                scan, but should not hold much.
            on_progress: Called with lines read and lines to read, which double when a second
                scan begins; what it raises ends the scan.

        Raises:
            InvalidRequest: an unknown group or condition.
        """
        check(question)
        state = open_books(self._database, question.query.since_ns, question.query.until_ns)
        tail = read_tail(self._journals_folder, state, self._clock())
        tail = tail.filter(pc.not_equal(tail["outcome"], OPEN))
        tally = _Tally()
        with connected(tail) as connection:
            scan = Scan(connection, self._folder, question)
            scan.look(state.parts, len(tail), on_progress)
            asked = {sold: prices_of(sold) for sold in dict.fromkeys(known)}
            span_ns = _span_ns(state.parts, tail, question.query)
            plan = _plan(asked, question, span_ns)
            strangers: dict[Sold, Prices | None] = {}
            for key, added in scan.run(plan):
                if key.sold not in asked:
                    asked[key.sold] = prices = prices_of(key.sold)
                    if prices is not None:
                        strangers[key.sold] = prices
                if key.sold not in strangers:
                    tally.add(plan, key, added)
            if strangers:
                plan = _plan(strangers, question, span_ns)
                for key, added in scan.run(plan, strangers):
                    if key.sold in strangers:
                        tally.add(plan, key, added)
        return tally.answer(question.by)


class _Tally:
    """Prices sums and adds them up into rows."""

    def __init__(self) -> None:
        self._priced: dict[tuple[tuple[Any, ...], str, str], list[int]] = {}
        self._unpriced: dict[tuple[Sold, str], list[int]] = {}
        self._lines = 0
        self._is_rounded = False

    def add(self, plan: Plan, key: Key, added: Added) -> None:
        """Prices what the lines of one key add up to."""
        lines, then_pico, usage, above = added
        self._lines += lines
        tokens = (lines, usage.input_tokens, usage.output_tokens)
        cost = None
        cell = plan.cell(key.sold, key.cell)
        if cell is not None:
            if usage.extras:
                usage = usage._replace(extras=plan.extras(usage.extras))
            cost = cell.cost(usage, dict(zip(plan.excesses(), above, strict=True)) if above else {})
        if cost is None:
            _sum(self._unpriced, (key.sold, key.currency), (*tokens, then_pico))
            return
        now_pico = round_half_even(*cost)
        self._is_rounded |= cost[1] != 1
        into = (key.groups, key.currency, plan.prices[key.sold].currency)
        _sum(self._priced, into, (*tokens, then_pico, now_pico))

    def answer(self, by: Sequence[str]) -> Answer:
        """All rows, accounts added up along their paths."""
        totals: dict[tuple[tuple[Any, ...], str, str], list[int]] = {}
        rows: dict[tuple[tuple[Any, ...], str, str], list[int]] = {}
        place = by.index("account") if "account" in by else -1
        for key, sums in self._priced.items():
            groups, then, now = key
            _sum(totals, ((), then, now), sums)
            if place < 0:
                rows[key] = sums
                continue
            for account in dict.fromkeys(groups[place].split("/")):
                named = (*groups[:place], account, *groups[place + 1 :])
                _sum(rows, (named, then, now), sums)
        unpriced = [
            Unpriced(*sold, currency, *sums) for (sold, currency), sums in self._unpriced.items()
        ]
        return Answer(
            rows=sorted((Row(*key, *sums) for key, sums in rows.items()), key=_weight),
            totals=sorted((Row(*key, *sums) for key, sums in totals.items()), key=_weight),
            unpriced=sorted(unpriced, key=lambda one: (-one.then_pico, one)),
            lines=self._lines,
            is_rounded=self._is_rounded,
        )


def _plan(
    asked: Mapping[Sold, Prices | None], question: Question, span_ns: tuple[int, int]
) -> Plan:
    found = {sold: prices for sold, prices in asked.items() if prices is not None}
    return Plan(found, question.has_cache_hits, span_ns)


def _span_ns(parts: Sequence[Part], tail: pa.Table, query: Query) -> tuple[int, int]:
    """An interval with the begins of all calls asked for."""
    called = pc.min_max(tail["called_at_ns"]).as_py() if len(tail) else {"min": END_NS, "max": 0}
    first = min([called["min"], *(part.called_min_ns for part in parts)])
    last = max([called["max"], *(part.called_max_ns for part in parts)])
    return max(first, query.since_ns), min(last + 1, query.until_ns)


def _sum(table: dict[Any, list[int]], key: Any, numbers: Sequence[int]) -> None:
    found = table.get(key)
    if found is None:
        table[key] = list(numbers)
        return
    for place, number in enumerate(numbers):
        found[place] += number


def _weight(row: Row) -> tuple[Any, ...]:
    """Sorts rows: the largest difference first, then those of two currencies by what they cost."""
    change = row.difference_pico
    return (change is None, -abs(change or 0), -abs(row.then_pico), row[:3])
