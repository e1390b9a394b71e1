"""Taking price lists over: read, compared with what their source said before, recorded as a whole.

Lists are read by ``pricebook.sources``, judged by ``pricebook.difference`` and kept by
``store.listings``; here they are joined. Everything here blocks.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.control.prices import book as price_book
from steelyard.domain.conditions import to_plain
from steelyard.domain.errors import InvalidRequest, StoreUnavailable
from steelyard.domain.instants import instant_of
from steelyard.domain.listings import Finding, ListedRate, Listing, Parsed
from steelyard.pricebook import facts, shipped
from steelyard.pricebook.difference import (
    BOUND,
    BY_CORRECTION,
    CORRECTED,
    ENDED,
    LATE,
    UNLESS_SURE,
    Difference,
    Rules,
    Step,
    diff,
)
from steelyard.pricebook.market import Market, trust
from steelyard.pricebook.sources.base import Reading, available
from steelyard.pricebook.sources.base import Source as Parser
from steelyard.pricebook.wording import condition_text
from steelyard.store import listings, price_events, revisions, settings
from steelyard.store.database import Database
from steelyard.store.listings import NewRate, Source
from steelyard.store.revisions import Change

log = logging.getLogger(__name__)

OWN = "own"
STEELYARD = "steelyard"
FACTS = "facts"
FIRST = (("prices.csv", OWN, STEELYARD), ("facts.yaml", FACTS, STEELYARD))
"""Lists that come with the product: file, parser, and the origin that they are of. These are read
before the first answer, which takes a third of a second once."""
SHIPPED = (*FIRST, ("genai-prices.json.gz", "genai-prices", "genai-prices"))
PENDING = "prices.rerate"
"""Setting: lists whose corrections are to be booked, each with the instant it is due."""

MISSING = "items_missing"
"""Kind of the finding of a listing that others have to complete."""

ONLY_ENDS = "only_ends"
"""Kind of the finding of a fetched list by which prices only end."""

SAME = "same"
REFUSED = "refused"
READY = "ready"
TAKEN = "taken"


class Order(NamedTuple):
    """A list, and what was asked for."""

    name: str
    """The file's name."""
    data: bytes
    source: str = OWN
    """Name of the parser."""
    origin: str = ""
    """Under which it is kept; by default the parser's name."""
    mapping: Mapping[str, Any] | None = None
    """Layout of a foreign sheet."""
    is_correction: bool = False
    """Whether what it changes of the past was wrong before, and is to be booked."""
    may_correct: bool = False
    """Whether it may change the past without that: a new edition of the shipped list."""
    is_sure: bool = False
    """Whether large changes are so."""
    is_dry_run: bool = False
    detail: str = ""
    """Kept with the list."""
    is_unattended: bool = False
    """Whether nobody looks at what becomes of it: it came by itself."""
    check: Callable[[Connection], None] | None = None
    """Raises where what was taken over before forbids it; asked once more as it is recorded."""


class Outcome(NamedTuple):
    """What became of a list."""

    state: str
    """``same`` as before, ``refused``, ``ready`` (a dry run) or ``taken``."""
    difference: Difference
    findings: tuple[Finding, ...]
    """Those of the reading and of the comparison."""
    list_number: int = 0
    has_corrections: bool = False


_NOTHING = Difference((), 0, ())


def parsers() -> dict[str, Parser]:
    """Every kind of list that can be read, by name."""
    about_facts = Parser(FACTS, "Limits, free use, promises, contracts (YAML)", _read_facts)
    return {**available(), FACTS: about_facts}


def seed(database: Database, now_ns: int, wanted: Sequence[tuple[str, str, str]] = SHIPPED) -> bool:
    """Records the shipped lists that this database has not seen; returns whether there were any.

    The first edition is taken as it is; of a later one, what changes the past is a correction.

    Raises:
        StoreUnavailable: the database failed.
    """
    is_news = False
    for name, source, origin in wanted:
        data = shipped.read(name)
        with database.read() as connection:
            if listings.has_list(connection, origin, digest(data)):
                continue
        order = Order(name, data, source, origin, may_correct=True, is_sure=True)
        outcome = take(database, order, now_ns, "seed")
        if outcome.state == REFUSED:
            problem = next(finding for finding in outcome.findings if finding.is_error)
            log.error("the shipped list %s is not taken over: %s", name, problem.message)
        is_news |= outcome.state == TAKEN
    return is_news


def take(database: Database, order: Order, now_ns: int, actor: str) -> Outcome:
    """Takes a list over whole, or says why not; a dry run only says what it would do.

    Args:
        database: The control database.
        order: The list.
        now_ns: UTC, nanoseconds; what began before is the past.
        actor: Who does it.

    Raises:
        InvalidRequest: no source is called so, or ``order.check`` refuses it.
        StoreUnavailable: the database failed, or another list came in between.
    """
    parsed = _read(order, now_ns)
    if not parsed.is_sound:
        return Outcome(REFUSED, _NOTHING, parsed.findings)
    source = Source(order.origin or order.source, order.name, digest(order.data), order.detail)
    with database.read() as connection:
        if order.check is not None:
            order.check(connection)
        newest = listings.newest_list(connection, source.origin, source.name)
        if newest is not None and newest.digest == source.digest:
            return Outcome(SAME, _NOTHING, parsed.findings)
        seen = listings.newest_number(connection)
        book = listings.load(connection, as_recorded=True)
    current = [line for line in book if line.origin == source.origin]
    others = Market(line for line in book if line.origin != source.origin)
    rules = Rules(instant_of(now_ns), order.may_correct, order.is_correction)
    difference = diff(current, parsed.rates, rules, others)
    findings = (
        *parsed.findings,
        *(_judged(finding, order) for finding in difference.findings),
        *_doubts(difference, order),
        *_lacking(Market(parsed.rates), Market(current), others),
    )
    if any(finding.is_error for finding in findings):
        return Outcome(REFUSED, difference, findings)
    if order.is_dry_run:
        return Outcome(READY, difference, findings)
    with database.write() as connection:
        if order.check is not None:
            order.check(connection)
        if listings.newest_number(connection) != seen:
            raise StoreUnavailable("another price list was taken over just now; try again")
        change = revisions.begin(connection, now_ns, actor, f"prices of {order.name}")
        record = _Recording(connection, change, source, current, others)
        number = record.run(difference.steps, parsed)
    has_corrections = any(step.corrects for step in difference.steps)
    return Outcome(TAKEN, difference, findings, number, has_corrections)


def digest(data: bytes) -> str:
    """By which a list is known again: SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _read(order: Order, now_ns: int) -> Parsed:
    known = parsers()
    if order.source not in known:
        raise InvalidRequest(f"no source {order.source!r}; one of {', '.join(sorted(known))}")
    reading = Reading(
        order.origin or order.source, shipped.phrases(), instant_of(now_ns), order.mapping
    )
    return known[order.source].parse(order.data, reading)


def _read_facts(data: bytes, _reading: Reading) -> Parsed:
    return facts.parse(data)


def _judged(finding: Finding, order: Order) -> Finding:
    """A doubt that somebody has answered is no error any more."""
    if finding.kind == BOUND and order.is_sure:
        return finding._replace(is_error=False, message=finding.message.removesuffix(UNLESS_SURE))
    if finding.kind == LATE and order.may_correct:
        # Of an update or edition nobody can say that it shall be booked as a correction.
        return finding._replace(message=finding.message.replace(BY_CORRECTION, " and stay so"))
    return finding


def _doubts(difference: Difference, order: Order) -> Iterator[Finding]:
    """A list that nobody looks at and that only ends prices may be one that was cut."""
    steps = difference.steps
    if order.is_unattended and steps and all(step.kind == ENDED for step in steps):
        message = f"all that the list does is to end prices ({len(steps)}): somebody must look"
        yield Finding(ONLY_ENDS, message, steps[0].line.line)


def _lacking(parsed: Market, before: Market, others: Market) -> Iterator[Finding]:
    """Listings of which a list leaves main items to the sources that are trusted less."""
    for listing in parsed.listings():
        lines = parsed.lines_of(listing)
        origin = lines[0].origin
        items = {line.rate.item for line in (*lines, *before.lines_of(listing, origin))}
        lacks = price_book.lacking(items)
        for other in others.sources_of(listing) if lacks else ():
            added = lacks.intersection(x.rate.item for x in others.lines_of(listing, other))
            if trust(other) > trust(origin) and added:
                named = " and ".join(sorted(added))
                message = f"{listing} has no price of {named} here; that of {other} holds"
                yield Finding(MISSING, message, lines[0].line, is_error=False)
                lacks -= added


class _Recording:
    """Writes one list down, with an event for every listing whose price it changes."""

    def __init__(
        self,
        connection: Connection,
        change: Change,
        source: Source,
        current: Sequence[ListedRate],
        others: Market,
    ) -> None:
        self._connection = connection
        self._change = change
        self._source = source
        self._before = Market(current)
        self._others = others

    def run(self, steps: Sequence[Step], parsed: Parsed) -> int:
        """Records the steps and facts; returns the list's number."""
        connection, change = self._connection, self._change
        number = listings.begin(connection, change, self._source)
        listings.add(connection, change, number, self._rates(number, steps), parsed.facts)
        if any(step.corrects for step in steps):
            pending = settings.get(connection, PENDING, [])
            due = {"list": number, "due_ns": change.at_ns}
            settings.put(connection, PENDING, [*pending, due])
        return number

    def _rates(self, number: int, steps: Sequence[Step]) -> list[NewRate]:
        found = []
        for listing, group in groupby(steps, key=lambda step: step.line.listing):
            of_listing = list(group)
            event = self._event(number, listing, of_listing)
            found += [NewRate(s.line, s.corrects, s.is_retracted, event) for s in of_listing]
        return found

    def _event(self, number: int, listing: Listing, steps: Sequence[Step]) -> int | None:
        """An event if what counts changes: not where a more trusted source prices the listing.

        A source's first list is none, but for what it takes over from another source at another
        price: calls would go elsewhere by it.
        """
        others = self._others.sources_of(listing)
        is_known = bool(self._before.sources_of(listing))
        if not (others or self._before.listings()):
            return None
        if min({*others, self._source.origin}, key=trust) != self._source.origin:
            if not self._before.listings() or self._is_outdone(listing, steps):
                return None
        if others and not is_known and all(step.change == 0 for step in steps):
            return None
        kind = event_kind(steps, is_new=not (is_known or others))
        body = {"origin": self._source.origin, "steps": [step_row(step) for step in steps]}
        return price_events.add(
            self._connection, self._change, number, listing, kind=kind, body=body
        )

    def _is_outdone(self, listing: Listing, steps: Sequence[Step]) -> bool:
        """Whether a more trusted source prices the listing now and on, wherever the steps do.

        One that fell silent, has yet to begin, speaks of another region or lacks an item does not:
        calls are priced by this one then.
        """
        now = instant_of(self._change.at_ns)
        trusted = [
            line.rate
            for origin in self._others.sources_of(listing)
            if trust(origin) < trust(self._source.origin)
            for line in self._others.lines_of(listing, origin)
        ]
        items = {rate.item for rate in trusted}
        lacks = price_book.lacking(items)
        changed = {step.line.rate.item for step in steps} - items
        if any(not lacks.isdisjoint(price_book.with_parents(item)) for item in changed):
            return False
        places = {
            (rate.condition.region, rate.condition.seller)
            for rate in trusted
            if rate.item in price_book.MAIN and rate.valid_from <= now and rate.valid_to is None
        }
        conditions = [step.line.rate.condition for step in steps]
        return ("", "") in places or all((c.region, c.seller) in places for c in conditions)


def event_kind(steps: Sequence[Step], *, is_new: bool) -> str:
    """What a listing's steps come to: one of ``price_events.KINDS``.

    Of rises and cuts together the rise is told, since somebody must look at it.
    """
    if any(step.kind == CORRECTED for step in steps):
        return "corrected"
    changes = [step.change for step in steps if step.change]
    if is_new or (not changes and not all(step.before for step in steps)):
        return "new"
    if not changes:
        return "ended"
    return "rise" if max(changes) > 0 else "cut"


def step_row(step: Step) -> dict[str, Any]:
    """A step as JSON; exact amounts as text."""
    rate, before = step.line.rate, step.before
    return {
        "kind": "retracted" if step.is_retracted else step.kind,
        **step.line.listing._asdict(),
        "item": rate.item,
        "condition": to_plain(rate.condition),
        "condition_text": condition_text(rate.condition),
        "before": str(before.amount) if before is not None else None,
        "before_unit": before.unit if before is not None else None,
        "amount": str(rate.amount),
        "unit": rate.unit,
        "valid_from": rate.valid_from.isoformat(),
        "valid_to": rate.valid_to.isoformat() if rate.valid_to is not None else None,
        "change": str(step.change) if step.change is not None else None,
        "line": step.line.line,
    }
