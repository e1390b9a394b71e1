"""Checks of the books from outside: against what vendors received, and against themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from steelyard.domain.calls import Outcome, attempt_id
from steelyard.domain.entries import Entry, Intent, Settlement
from steelyard.domain.usage import ESTIMATED
from steelyard.ledger.balances import ATTEMPT, lease_use, roll_up
from steelyard.ledger.lines import to_entries
from steelyard.ledger.parts import read_part
from steelyard.ledger.reconcile import ORPHAN_DETAIL
from steelyard.store import books
from steelyard.store.books import BalanceKey, Sums
from steelyard.store.database import Database

Price = Callable[[Intent, Settlement], tuple[int, int] | None]
"""Cost and charge (pico-units) that the price book says; None where it cannot tell."""

_UNSENT = (Outcome.NOT_SENT, Outcome.CACHED)


class BookedAttempt(NamedTuple):
    """What an audit needs of a line."""

    attempt_id: str
    kind: str
    outcome: str


class Comparison(NamedTuple):
    """Attempts that vendors received, against attempts that the ledger holds."""

    lost: set[str]
    """Received, and without a line."""
    doubled: set[str]
    """With more than one line (adjustments aside)."""
    phantom: set[str]
    """Booked as sent or uncertain, and received by nobody: killed between intent and sending."""


class Finding(NamedTuple):
    """Something that does not hold."""

    law: str
    subject: str
    detail: str


def compare(received: Iterable[str], lines: Iterable[BookedAttempt]) -> Comparison:
    """Compares the attempts that all vendors received with all lines of the ledger.

    Args:
        received: Attempt ids as vendors saw them; an id twice counts once.
        lines: Every line; see ``attempts_booked``.
    """
    seen = set(received)
    counts: Counter[str] = Counter()
    sent = set()
    for line in lines:
        if line.kind != ATTEMPT:
            continue
        counts[line.attempt_id] += 1
        if line.outcome not in _UNSENT:
            sent.add(line.attempt_id)
    return Comparison(
        lost=seen - counts.keys(),
        doubled={attempt for attempt, count in counts.items() if count > 1},
        phantom=sent - seen,
    )


def attempts_booked(home: Path, database: Database) -> Iterator[BookedAttempt]:
    """Every line of the ledger under ``home``; what is not scribed yet is not among them."""
    for entry in entries(home / "ledger", database):
        identity = attempt_id(*entry.intent[:3])
        yield BookedAttempt(identity, entry.kind, entry.settlement.outcome)


def entries(folder: Path, database: Database) -> Iterator[Entry]:
    """Every line in the ledger's ``folder``, part by part."""
    with database.read() as connection:
        manifest = books.manifest(connection)
    for part in manifest:
        yield from to_entries(read_part(folder, part))


def check_books(home: Path, database: Database, price: Price | None = None) -> list[Finding]:
    """Everything that does not hold in the books; none is a clean bill.

    Entries' costs recompute, their usage holds its own laws, no attempt has two lines, balances
    and leases are the sums of the entries. The scribe must not run meanwhile.

    Args:
        home: The state folder.
        database: Its control database.
        price: Recomputes an entry; estimated orphans, booked at their reservation, are left out.
    """
    found: list[Finding] = []
    added: dict[BalanceKey, Sums] = {}
    used: Counter[int] = Counter()
    seen: set[tuple[int, int, int]] = set()
    for entry in entries(home / "ledger", database):
        for key, sums in roll_up([entry]).items():
            added[key] = added.get(key, Sums()).plus(sums)
        for lease_id, amount in lease_use([entry]).items():
            used[lease_id] += amount
        if entry.kind != ATTEMPT:
            continue
        identity = entry.intent[:3]
        if identity in seen:
            found.append(Finding("one line per attempt", attempt_id(*identity), "has two"))
        seen.add(identity)
        found.extend(_check_price(entry, price))
    found.extend(_check_balances(database, added))
    found.extend(_check_leases(database, used))
    return found


def _check_price(entry: Entry, price: Price | None) -> Iterator[Finding]:
    settlement = entry.settlement
    is_orphan = settlement.usage_source == ESTIMATED and settlement.detail == ORPHAN_DETAIL
    if price is None or is_orphan:
        return
    wanted = price(entry.intent, settlement)
    booked = (settlement.cost_pico, settlement.charge_pico)
    if wanted is not None and wanted != booked:
        subject = attempt_id(*entry.intent[:3])
        yield Finding("cost recomputes", subject, f"booked {booked}, recomputed {wanted}")


def _check_balances(database: Database, added: dict[BalanceKey, Sums]) -> Iterator[Finding]:
    with database.read() as connection:
        rows = connection.execute(select(books.balances)).all()
    booked = {}
    for row in rows:
        cost = books.join(row.cost_whole, row.cost_pico)
        charge = books.join(row.charge_whole, row.charge_pico)
        counts = (row.calls, row.attempts, row.input_tokens, row.output_tokens)
        booked[(row.scope, row.hour, row.currency)] = Sums(cost, charge, *counts)
    for key in sorted(added.keys() | booked.keys()):
        summed, stored = added.get(key, Sums()), booked.get(key, Sums())
        if summed != stored:
            detail = f"balance {stored}, entries {summed}"
            yield Finding("balances are sums", " ".join(map(str, key)), detail)


def _check_leases(database: Database, used: dict[int, int]) -> Iterator[Finding]:
    with database.read() as connection:
        rows = connection.execute(select(books.leases)).all()
    for row in rows:
        consumed = books.join(row.consumed_whole, row.consumed_pico)
        summed = used.pop(row.lease_id, 0)
        if consumed != summed:
            detail = f"consumed {consumed}, entries {summed}"
            yield Finding("leases are sums", str(row.lease_id), detail)
    for lease_id in used:
        yield Finding("leases are sums", str(lease_id), "no such lease")
