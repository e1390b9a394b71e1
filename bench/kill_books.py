"""What the kill test asks of the books once all is quiet."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from steelyard.domain.budgets import Period, Unit
from steelyard.domain.entries import Intent, Settlement
from steelyard.domain.usage import NO_USAGE
from steelyard.journal import reader
from steelyard.ledger import audit
from steelyard.pricebook import book
from steelyard.pricebook.compiling import compile_periods
from steelyard.store import books, limits, prices, schema
from steelyard.store.database import Database


@dataclass(frozen=True, slots=True)
class Audit:
    """The books against the vendor, and against themselves."""

    received: int
    """Attempts that the vendor received in full."""
    booked: int
    """Attempts in the ledger."""
    outcomes: Mapping[str, int]
    """Attempts in the ledger by outcome."""
    lost: list[str]
    doubled: list[str]
    phantom: list[str]
    broken: list[str]
    """Laws that do not hold, one line each."""
    budgets: Mapping[str, tuple[int, int]]
    """Booked cost and hard budget by scope, in pico-units."""


NOTHING: Final = Audit(0, 0, {}, [], [], [], [], {})


def unfinished(home: Path) -> list[int]:
    """Incarnations whose journal is not sealed and booked to its end, or whose leases are open.

    May be asked while everything runs: those of live workers are among them.
    """
    with closing(sqlite3.connect(home / "control.db", timeout=10)) as connection:
        rows = connection.execute(
            "select incarnation from journals where finished_at_ns is not null and incarnation"
            " not in (select incarnation from leases where closed_at_ns is null)"
        )
        finished = {number for (number,) in rows}
    begun = {int(folder.name, 16) for folder in reader.journals(home / "journal")}
    return sorted(begun - finished)


def audit_books(home: Path, received: list[str]) -> Audit:
    """Compare and check everything; nothing may run meanwhile.

    Args:
        home: The state folder.
        received: Attempt ids as the vendor saw them.
    """
    database = Database(home / "control.db")
    try:
        lines = list(audit.attempts_booked(home, database))
        found = audit.compare(received, lines)
        broken = [" ".join(law) for law in audit.check_books(home, database, _price(database))]
        with database.read() as connection:
            spans = _budgets(connection)
            states = books.journal_states(connection).values()
            broken += [
                f"the scribe found {row.kind} {row.detail} in {row.incarnation:08x}"
                for row in connection.execute(books.findings.select())
            ]
    finally:
        database.close()
    finished = {state.incarnation for state in states if state.finished_at_ns is not None}
    broken += [
        f"journal {folder.name} is not booked to its end"
        for folder in reader.journals(home / "journal")
        if int(folder.name, 16) not in finished
    ]
    broken += [
        f"{scope} had a budget of {budget} and costs {cost} pico-units"
        for scope, (cost, budget) in spans.items()
        if cost > budget
    ]
    counts = Counter(received)
    broken += [f"the vendor received {name} {n} times" for name, n in counts.items() if n > 1]
    return Audit(
        received=len(counts),
        booked=len({line.attempt_id for line in lines if line.kind == "attempt"}),
        outcomes=dict(Counter(line.outcome for line in lines if line.kind == "attempt")),
        lost=sorted(found.lost),
        doubled=sorted(found.doubled),
        phantom=sorted(found.phantom),
        broken=broken,
        budgets=spans,
    )


def _budgets(connection: Connection) -> dict[str, tuple[int, int]]:
    """What each scope with a hard budget for all time has cost, and that budget, in pico-units."""
    found = {}
    for row in connection.execute(schema.limits.select()):
        limit = limits.from_row(row)
        if limit.unit is Unit.MONEY and limit.period is Period.TOTAL:
            sums = books.balance(connection, limit.scope).values()
            found[limit.scope] = (sum(each.cost_pico for each in sums), limit.amount)
    return found


def _price(database: Database) -> audit.Price:
    """What the price book of the database says an attempt costs."""
    with database.read() as connection:
        rates = prices.of_offers(connection)
    periods = {offer: compile_periods(found) for offer, found in rates.items()}

    def recompute(intent: Intent, settlement: Settlement) -> tuple[int, int]:
        if settlement.usage_source == NO_USAGE:
            return 0, 0
        period = book.period_at(periods[intent.offer], intent.called_at_ns)
        card = book.card_of(period, settlement.usage, settlement.tier) if period else None
        if period is None or card is None:
            return -1, -1
        cost = book.price(period, card, settlement.usage)
        return cost, cost

    return recompute
