"""Corrects what was booked for ordered work by how it ended: exactly once, by lines of their own.

What failed costs nothing; what the vendor counted otherwise than was ordered is priced again, by
the rates that it was booked with. What turns out to be done after it failed is booked once more,
never the other way round. Runs under the scribe's lock, and blocks.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from steelyard.control.rebooking.recompute import Recomputer
from steelyard.domain.calls import Outcome
from steelyard.domain.entries import Entry, LeaseUse, Settlement
from steelyard.domain.instants import DAY_NS
from steelyard.domain.usage import NO_USAGE, NOTHING, REPORTED, Usage
from steelyard.ledger import corrections
from steelyard.ledger.balances import ADJUSTMENT
from steelyard.ledger.lines import currency
from steelyard.ledger.reconcile import adjust
from steelyard.pricebook.book import card_of, price, unpriced
from steelyard.store import orders
from steelyard.store.database import Database
from steelyard.store.orders import End

log = logging.getLogger(__name__)

ENDS_MAX = 500
"""Ends that are looked at in one round."""
_DONE, _FAILED = "order done", "order failed"
PATIENCE_NS = 7 * DAY_NS
"""After this long without a line of the attempt nobody will book one any more."""


def book_ends(database: Database, folder: Path, now_ns: int) -> int:
    """Books what ended orders come to; returns how many lines that took.

    Args:
        database: The control database.
        folder: The ledger's.
        now_ns: UTC, nanoseconds.

    Raises:
        StoreUnavailable: the database failed; what is left is done the next time.
        OSError: the disk failed; the same.
    """
    with database.read() as connection:
        pending = orders.unbooked(connection, ENDS_MAX)
    count = 0
    for end in pending:
        lines = corrections.lines_of(database, folder, end.key, end.called_at_ns)
        if not lines:
            if now_ns - end.told_at_ns > PATIENCE_NS:
                log.error("an order ended whose call is in no journal: %s", end.key)
                _done(database, end, now_ns)
            continue
        settlement = _settled(database, lines, end)
        if settlement is not None:
            booked_at_ns = corrections.open_instant(database, now_ns)
            entries = adjust(lines, settlement, booked_at_ns)
            # The name is the order's and the end's: whoever books it a second time is refused.
            name = "order-{:012x}-{:012x}-{}".format(*end.key)
            name += "-done" if end.is_done else "-failed"
            corrections.book(database, folder, name, entries, booked_at_ns)
            count += len(entries)
        _done(database, end, now_ns)
    return count


def _done(database: Database, end: End, now_ns: int) -> None:
    with database.write() as connection:
        orders.mark_booked(connection, end, now_ns)


def _settled(database: Database, lines: Sequence[Entry], end: End) -> Settlement | None:
    """What the attempt settles with now; None where that is what is booked."""
    ends = [line for line in lines if _is_end(line)]
    if any(line.settlement.detail == _DONE for line in ends) or (ends and not end.is_done):
        return None
    ordered = _together([line for line in lines if not _is_end(line)])
    if not end.is_done:
        return ordered._replace(
            outcome=Outcome.REFUSED.value,
            usage=NOTHING,
            usage_source=NO_USAGE,
            cost_pico=0,
            charge_pico=0,
            detail=_FAILED,
        )
    cost = _cost(database, ordered, end.usage, lines[0].settlement.tier)
    if end.usage is None or cost is None:
        # It stays as it was ordered, or becomes so again.
        return ordered._replace(detail=_DONE) if ends else None
    return ordered._replace(
        usage=end.usage,
        usage_source=REPORTED,
        cost_pico=cost,
        charge_pico=cost,
        detail=_DONE,
    )


def _is_end(line: Entry) -> bool:
    """Whether a line was booked here; the text of an attempt's own is its vendor's."""
    detail = line.settlement.detail
    return line.kind == ADJUSTMENT and (detail == _DONE or detail.startswith(_FAILED))


def _together(lines: Sequence[Entry]) -> Settlement:
    """What lines of an attempt come to, in the currency of the newest."""
    newest = lines[-1]
    usage = NOTHING
    leases: dict[int, int] = defaultdict(int)
    for line in lines:
        usage = usage.plus(line.settlement.usage)
        for lease_id, amount in line.settlement.leases:
            leases[lease_id] += amount
    same = [line.settlement for line in lines if currency(line) == currency(newest)]
    return newest.settlement._replace(
        outcome=lines[0].settlement.outcome,
        usage=usage,
        cost_pico=sum(settlement.cost_pico for settlement in same),
        charge_pico=sum(settlement.charge_pico for settlement in same),
        leases=tuple(LeaseUse(*use) for use in leases.items()),
    )


def _cost(database: Database, ordered: Settlement, usage: Usage | None, tier: str) -> int | None:
    """What the vendor's count costs, pico-units; None without a count, or a price of it."""
    if usage is None:
        return None
    with database.read() as connection:
        period = Recomputer(connection).period_of(ordered.rate_ids)
    card = card_of(period, usage, tier) if period is not None else None
    if period is None or card is None or unpriced(card, usage):
        key = (ordered.incarnation, ordered.sequence, ordered.attempt)
        log.warning("order %s: nothing prices what its vendor counted", key)
        return None
    return price(period, card, usage)
