"""Bills recomputed: every line of the ledger priced once more from the rates it names.

A line says which rates it was priced with; rates are never edited. So cost follows from the line
and the book alone, whatever was imported, corrected or approved since.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from steelyard.domain.calls import attempt_id
from steelyard.domain.entries import Entry
from steelyard.domain.instants import instant_ns
from steelyard.domain.rates import Rate
from steelyard.domain.usage import NO_USAGE
from steelyard.pricebook import book
from steelyard.pricebook.clock import holds
from steelyard.pricebook.compiling import compile_periods
from steelyard.store import listings, prices

FINDINGS_MAX = 1000


class Finding(NamedTuple):
    """A line that does not follow from its rates."""

    attempt_id: str
    what: str
    """For people: what is booked, and what should be."""


class Recomputed(NamedTuple):
    """What came out."""

    lines: int
    """Lines looked at."""
    equal: int
    """Lines whose cost follows from the rates they name, to the last digit."""
    nothing_used: int
    """Lines without usage, which must cost nothing."""
    unpriced: int
    """Lines that say themselves that something of them has no rate, or that nobody knows what was
    used: booked at an upper bound."""
    adjustments: int
    """Lines that correct another: differences, which have no price of their own."""
    findings: tuple[Finding, ...]


class Recomputer:
    """Prices lines from the rates they name; reads each rate once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rates: dict[str, Rate | None] = {}
        self._periods: dict[tuple[str, ...], book.Period | None] = {}

    def run(self, entries: Iterable[Entry]) -> Recomputed:
        """All ``entries`` priced once more."""
        counts = dict.fromkeys(("equal", "nothing", "unpriced", "adjustment"), 0)
        findings: list[Finding] = []
        lines = 0
        for entry in entries:
            lines += 1
            kind, problem = self._look(entry)
            if not problem:
                counts[kind] += 1
            elif len(findings) < FINDINGS_MAX:
                findings.append(Finding(attempt_id(*entry.intent[:3]), problem))
        return Recomputed(
            lines,
            counts["equal"],
            counts["nothing"],
            counts["unpriced"],
            counts["adjustment"],
            tuple(findings),
        )

    def _look(self, entry: Entry) -> tuple[str, str]:
        """What kind of line it is, and what is wrong with it."""
        settlement = entry.settlement
        if entry.kind != "attempt":
            return "adjustment", ""
        if settlement.usage_source == NO_USAGE:
            wrong = f"costs {settlement.cost_pico} pico-units for nothing"
            return "nothing", wrong if settlement.cost_pico else ""
        if not settlement.rate_ids:
            return "unpriced", ""
        missing = self._fetch(settlement.rate_ids)
        if missing:
            return "", f"names rates that nobody recorded: {', '.join(missing)}"
        late = self._not_holding(entry)
        if late:
            return "", f"rates did not hold at the call: {', '.join(late)}"
        period = self._period(settlement.rate_ids)
        card = book.card_of(period, settlement.usage, settlement.tier) if period else None
        if period is None or card is None:
            return "", "its rates do not price such a usage"
        cost = book.price(period, card, settlement.usage)
        if cost != settlement.cost_pico:
            return "", f"books {settlement.cost_pico} pico-units, its rates say {cost}"
        return "equal", ""

    def period_of(self, ids: tuple[str, ...]) -> book.Period | None:
        """The rates of these ids as one period without end; None where one is unknown."""
        return None if not ids or self._fetch(ids) else self._period(ids)

    def _fetch(self, ids: tuple[str, ...]) -> list[str]:
        """Reads the rates that are not known yet; returns ids without a rate."""
        unknown = [rate_id for rate_id in ids if rate_id not in self._rates]
        if unknown:
            found = {
                **prices.by_ids(self._connection, unknown),
                **listings.by_ids(self._connection, unknown),
            }
            for rate_id in unknown:
                self._rates[rate_id] = found.get(rate_id)
        return [rate_id for rate_id in ids if self._rates[rate_id] is None]

    def _not_holding(self, entry: Entry) -> list[str]:
        """Rates that held neither when the call began nor when it ended."""
        instants = (entry.intent.called_at_ns, entry.settlement.settled_at_ns)
        found = [self._rates[rate_id] for rate_id in entry.settlement.rate_ids]
        return [
            rate.rate_id
            for rate in found
            if rate is not None and not any(_held(rate, at_ns) for at_ns in instants)
        ]

    def _period(self, ids: tuple[str, ...]) -> book.Period | None:
        """The rates as one period without end: when they hold is asked apart."""
        if ids not in self._periods:
            timeless = []
            for rate_id in ids:
                rate = self._rates[rate_id]
                if rate is not None:
                    condition = replace(rate.condition, clock=None, volume_from=0, volume_to=None)
                    timeless.append(replace(rate, valid_to=None, condition=condition))
            periods = compile_periods(timeless)
            self._periods[ids] = periods[-1] if periods else None
        return self._periods[ids]


def _held(rate: Rate, at_ns: int) -> bool:
    if instant_ns(rate.valid_from) > at_ns:
        return False
    if rate.valid_to is not None and instant_ns(rate.valid_to) <= at_ns:
        return False
    return rate.condition.clock is None or holds(rate.condition.clock, at_ns)
