"""Corrected prices and what was booked by the wrong ones: the difference is booked today.

A list whose lines were marked as corrections leaves its number behind; here its attempts are found
and priced again. Nothing is edited, and doing it twice books nothing the second time, since the
difference is then none.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.control.prices.book import completed
from steelyard.control.prices.lists import PENDING
from steelyard.domain.entries import Entry, LeaseUse, Settlement
from steelyard.domain.instants import NS, instant_ns
from steelyard.domain.listings import ListedRate, Listing
from steelyard.domain.usage import NO_USAGE, NOTHING
from steelyard.ledger import corrections
from steelyard.ledger.reconcile import adjust
from steelyard.pricebook.book import Period, card_of, price, unpriced
from steelyard.pricebook.compiling import compile_periods
from steelyard.pricebook.market import Market, trust
from steelyard.store import listings, objects, settings
from steelyard.store.database import Database

log = logging.getLogger(__name__)

AGAIN_NS = 3600 * NS
"""A second look comes this much later: calls that were under way were still priced as before."""
_AHEAD_NS = 3600 * NS


class _Sold(NamedTuple):
    """As what a call was sold."""

    origin: str
    listing: Listing
    region: str
    seller: str
    variant: str


def rerate(database: Database, folder: Path, now_ns: int) -> int:
    """Books the differences of corrections that are due; returns how many lines that took.

    Runs under the scribe's lock.

    Args:
        database: The control database.
        folder: The ledger's.
        now_ns: UTC, nanoseconds.

    Raises:
        StoreUnavailable: the database failed; what is left is done the next time.
        OSError: the disk failed; the same.
    """
    with database.read() as connection:
        pending = settings.get(connection, PENDING, [])
    count = 0
    for one in pending:
        if one["due_ns"] > now_ns:
            continue
        count += _rerate_list(database, folder, one["list"], now_ns)
        with database.write() as connection:
            left = [other for other in settings.get(connection, PENDING, []) if other != one]
            if not one.get("is_second"):
                again = {"list": one["list"], "due_ns": now_ns + AGAIN_NS, "is_second": True}
                left.append(again)
            settings.put(connection, PENDING, left)
    return count


def _rerate_list(database: Database, folder: Path, list_number: int, now_ns: int) -> int:
    with database.read() as connection:
        ids = listings.corrected_ids(connection, list_number)
        wrong = listings.lines_by_ids(connection, ids)
        offers = objects.history(connection, "offer")
        book = {
            listing: Market(listings.load(connection, listing.vendor, listing.model))
            for listing in {line.listing for line in wrong.values()}
        }
    if not wrong:
        return 0
    pricer = _Pricer(wrong, book, offers, now_ns)
    since_ns = min(instant_ns(line.rate.valid_from) for line in wrong.values())
    booked_at_ns = corrections.open_instant(database, now_ns)
    count = 0
    batches = corrections.attempts_priced_by(database, folder, wrong.keys(), since_ns)
    for number, attempts in enumerate(batches):
        entries: list[Entry] = []
        with database.read() as connection:
            named = {i for lines in attempts for x in lines for i in x.settlement.rate_ids}
            pricer.known = listings.lines_by_ids(connection, named)
        for lines in attempts:
            settlement = pricer.settle(lines, f"price corrected by list {list_number}")
            if settlement is not None:
                entries += adjust(lines, settlement, booked_at_ns)
        if entries:
            name = f"corrected-{list_number:06d}-{booked_at_ns:016x}-{number:06d}"
            corrections.book(database, folder, name, entries, booked_at_ns)
            count += len(entries)
    log.info("corrected prices of list %d: %d lines booked", list_number, count)
    if pricer.unpriced:
        log.warning("%d calls have no price any more and stay as booked", pricer.unpriced)
    return count


class _Pricer:
    """Prices attempts by what the book says now about what they were sold as."""

    def __init__(
        self,
        wrong: Mapping[str, ListedRate],
        book: Mapping[Listing, Market],
        offers: Mapping[str, Sequence[objects.Past]],
        now_ns: int,
    ) -> None:
        self._wrong = wrong
        self._book = book
        self._offers = offers
        self._until_ns = now_ns + _AHEAD_NS
        self._since_ns = min(instant_ns(line.rate.valid_from) for line in wrong.values())
        self._periods: dict[_Sold, list[Period]] = {}
        self.known: Mapping[str, ListedRate] = wrong
        """What the attempts at hand were priced by."""
        self.unpriced = 0
        """Attempts that nothing prices any more."""

    def settle(self, lines: Sequence[Entry], why: str) -> Settlement | None:
        """What an attempt settles with now; None where that is what is booked."""
        first, newest = lines[0], lines[-1].settlement
        if first.settlement.usage_source == NO_USAGE:
            return None
        usage = NOTHING
        for line in lines:
            usage = usage.plus(line.settlement.usage)
        sold = self._sold(lines)
        body = self._offer(first)
        at_end = body.get("priced_at") == "end"
        at_ns = first.settlement.settled_at_ns if at_end else first.intent.called_at_ns
        period = _period_at(self._periods_of(sold), at_ns)
        card = card_of(period, usage, first.settlement.tier) if period is not None else None
        if period is None or card is None or unpriced(card, usage):
            self.unpriced += 1
            return None
        cost = price(period, card, usage)
        same = [x.settlement for x in lines if _currency(x) == sold.listing.currency]
        booked = sum(settlement.cost_pico for settlement in same)
        if cost == booked and len(same) == len(lines):
            return None
        return newest._replace(
            usage=usage,
            usage_source=first.settlement.usage_source,
            rate_ids=card.rate_ids,
            cost_pico=cost,
            charge_pico=sum(s.charge_pico for s in same) + cost - booked,
            currency=sold.listing.currency,
            leases=_leases(lines),
            detail=why,
        )

    def _sold(self, lines: Sequence[Entry]) -> _Sold:
        ids = [rate_id for line in lines for rate_id in line.settlement.rate_ids]
        line = next(self._wrong[rate_id] for rate_id in ids if rate_id in self._wrong)
        entry = lines[0]
        wanted = self._offer(entry).get("list") or {}
        place = wanted.get("region", ""), wanted.get("seller", ""), wanted.get("variant", "")
        # Where another source completed the one that was chosen, its line may be the wrong one.
        told = [self.known[rate_id] for rate_id in ids if rate_id in self.known]
        origin = min((one.origin for one in told), key=trust, default=line.origin)
        return _Sold(origin, line.listing, *place)

    def _offer(self, entry: Entry) -> Mapping[str, Any]:
        """The offer as the call was made by it: where it stands in a list may have changed."""
        for past in self._offers.get(entry.intent.offer, ()):
            if past.revision_to is None or entry.intent.revision < past.revision_to:
                return past.body
        return {}

    def _periods_of(self, sold: _Sold) -> list[Period]:
        if sold not in self._periods:
            place = sold.region, sold.seller, sold.variant
            chosen = completed(self._book[sold.listing], sold.listing, sold.origin, place)
            try:
                found = compile_periods(chosen, self._since_ns, self._until_ns) if chosen else []
            except ValueError as error:
                log.error("%s cannot be priced again: %s", sold.listing, error)
                found = []
            self._periods[sold] = found
        return self._periods[sold]


def _period_at(periods: Sequence[Period], at_ns: int) -> Period | None:
    position = bisect_right(periods, at_ns, key=lambda period: period.from_ns)
    if position and periods[position - 1].to_ns > at_ns:
        return periods[position - 1]
    return None


def _currency(entry: Entry) -> str:
    return entry.settlement.currency or entry.intent.currency


def _leases(lines: Iterable[Entry]) -> tuple[LeaseUse, ...]:
    """What the lines used of leases: these are long closed, and keep what they had."""
    used: dict[int, int] = {}
    for line in lines:
        for lease_id, amount in line.settlement.leases:
            used[lease_id] = used.get(lease_id, 0) + amount
    return tuple(LeaseUse(*use) for use in used.items())
