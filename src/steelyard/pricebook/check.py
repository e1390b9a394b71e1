"""Findings about a book: what is wrong, what is missing, what is old, where sources differ.

Each rule is one small function over the market; ``CHECKS`` lists them. Only what makes a price
undecidable is an error; the rest is worth knowing before one trusts a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from typing import NamedTuple

from steelyard.domain.conditions import Condition, deciding, is_narrower
from steelyard.domain.instants import instant_ns
from steelyard.domain.listings import Finding, ListedRate, Listing
from steelyard.domain.rates import PARENTS
from steelyard.pricebook.compiling import RateTie, compile_periods, select
from steelyard.pricebook.contracts import renewals
from steelyard.pricebook.history import Span, holds, spans
from steelyard.pricebook.market import Market
from steelyard.pricebook.wording import condition_text, price_text, shown_amount

STALE_DAYS = 180
"""Age of evidence from which a rate is called stale, where nobody says otherwise."""
RENEWAL_DAYS = 60
"""How long ahead contracts that renew are told."""
_CLOCK_WEEK = timedelta(days=7)
"""How far hours are followed when ties are looked for: every hour of the week comes once."""


class Listed(NamedTuple):
    """A listing by one source, as the rules see it."""

    listing: Listing
    origin: str
    is_chosen: bool
    """Whether this source's word holds for it."""
    lines: Sequence[ListedRate]
    spans: dict[tuple[str, Condition], list[Span]]


def check(
    market: Market, now: datetime, stale_days: int = STALE_DAYS, passed: Iterable[Finding] = ()
) -> list[Finding]:
    """All findings, errors first, else in the order of ``CHECKS``.

    Args:
        market: the book.
        now: instant (UTC) at which age and differences are judged.
        stale_days: age of evidence, in days, from which it is called stale.
        passed: findings of the parsers that read the lists, such as unknown phrases.
    """
    listed = list(_listed(market))
    found = list(passed)
    for rule in CHECKS:
        for one in listed:
            found.extend(_of(one.listing, rule(one)))
    for one in listed:
        found.extend(_of(one.listing, _stale(one, now, stale_days)))
    found.extend(_sources_differ(listed, now))
    found.extend(_renewals(market, now))
    found.sort(key=lambda finding: not finding.is_error)
    return found


def _of(listing: Listing, found: Iterable[Finding]) -> Iterator[Finding]:
    return (finding._replace(vendor=listing.vendor) for finding in found)


def _listed(market: Market) -> Iterator[Listed]:
    for listing in market.listings():
        chosen = market.choice(listing)
        for origin in market.sources_of(listing):
            lines = market.lines_of(listing, origin)
            yield Listed(listing, origin, origin == chosen, lines, spans(lines))


def _overlaps(one: Listed) -> Iterator[Finding]:
    """Two lines of one item and condition whose dates run into each other.

    A line without an end is superseded by the next one; one with an end says that it holds until
    then, and a later one within contradicts it.
    """
    for lines in _groups(one.lines).values():
        for early, late in pairwise(sorted(lines, key=lambda line: line.rate.valid_from)):
            begins = late.rate.valid_from
            is_together = early.rate.valid_from == begins
            ends = early.rate.valid_to
            is_running = ends is not None and begins < ends
            if late.is_correction or not (is_together or is_running):
                continue
            how = f"both begin on {begins:%Y-%m-%d}"
            if ends is not None and not is_together:
                how = f"one ends on {ends:%Y-%m-%d}, the other begins on {begins:%Y-%m-%d}"
            message = (
                f"{_name(one, early)}: {price_text(early.rate)} and {price_text(late.rate)}"
                f" overlap, since {how}; end the first when the second begins"
            )
            yield Finding("overlap", message, late.line)


def _gaps(one: Listed) -> Iterator[Finding]:
    """A price that ended with nothing after it while the model was still sold."""
    for (item, condition), group in one.spans.items():
        for index, span in enumerate(group):
            end = span.to_at
            after = group[index + 1].from_at if index + 1 < len(group) else None
            if end is None or after == end:
                continue
            others = [
                (other_item, other_condition)
                for (other_item, other_condition), theirs in one.spans.items()
                if _covers(theirs, end)
            ]
            if not others or any(
                name == item and _is_related(condition, its) for name, its in others
            ):
                continue
            then = f"until {after:%Y-%m-%d}" if after else "and nothing follows"
            message = (
                f"{_name(one, span.line)}: no price from {end:%Y-%m-%d} {then},"
                " while other prices of the model go on"
            )
            yield Finding("gap", message, span.line.line, is_error=False)


def _ties(one: Listed) -> Iterator[Finding]:
    """Two prices that both hold for some call, neither more specific: nobody can say which."""
    if not one.is_chosen:
        return
    rates = [line.rate for line in one.lines]
    begins = sorted({rate.valid_from for rate in rates})
    offers = {(r.condition.region, r.condition.seller, r.condition.variant) for r in rates}
    seen: set[tuple[str, str]] = set()
    for begin in begins:
        held = [line.rate for line in one.lines if holds(line, begin)]
        until = None
        if any(rate.condition.clock for rate in held):
            until = instant_ns(begin + _CLOCK_WEEK)
        for offer in sorted(offers):
            try:
                compile_periods(select(held, *offer), instant_ns(begin), until)
            except RateTie as tie:
                if (tie.one.rate_id, tie.other.rate_id) not in seen:
                    seen.add((tie.one.rate_id, tie.other.rate_id))
                    yield _tie(one, tie)
            except ValueError as error:
                yield Finding("rates_unusable", f"{one.listing}: {error}")


def _tie(one: Listed, tie: RateTie) -> Finding:
    lines = {line.rate.rate_id: line for line in one.lines}
    first, other = lines[tie.one.rate_id], lines[tie.other.rate_id]
    message = (
        f"{_name(one, first)}: {price_text(first.rate)} and {price_text(other.rate)}"
        f" ({condition_text(other.rate.condition) or 'always'}) hold for the same call, neither"
        " more specific; narrow the condition of one"
    )
    return Finding("tie", message, other.line)


def _missing_parents(one: Listed) -> Iterator[Finding]:
    """A part of the tokens with a price, and none of the tokens that it is a part of."""
    priced = {item for item, _ in one.spans}
    if "output" in priced and not priced & {"input", "request"}:
        yield _missing(one, "output", "input")
    for item in sorted(priced & set(PARENTS)):
        ancestors, above = [], PARENTS.get(item)
        while above is not None:
            ancestors.append(above)
            above = PARENTS.get(above)
        if not priced & set(ancestors):
            yield _missing(one, item, ancestors[-1])


def _missing(one: Listed, item: str, parent: str) -> Finding:
    line = next(line for line in one.lines if line.rate.item == item)
    message = f"{one.listing} ({one.origin}): {item} has a price, and {parent} has none"
    return Finding("parent_missing", message, line.line, is_error=False)


def _stale(one: Listed, now: datetime, stale_days: int) -> Iterator[Finding]:
    """Prices in force whose newest evidence is old: one finding for each listing and source."""
    current = [line for line in one.lines if holds(line, now)]
    if not current:
        return
    seen = max(line.read_at or line.rate.valid_from for line in current)
    age = (now - seen).days
    if age >= stale_days:
        bases = ", ".join(sorted({line.basis for line in current if line.basis})) or "unsaid"
        message = (
            f"{one.listing} ({one.origin}): last seen {seen:%Y-%m-%d}, {age} days ago"
            f" (basis {bases}); read the vendor's list again"
        )
        yield Finding("stale", message, current[0].line, is_error=False)


def _sources_differ(listed: Iterable[Listed], now: datetime) -> Iterator[Finding]:
    """Two sources that say different prices of the same thing now; both stay, one is chosen."""
    by_listing: dict[Listing, list[Listed]] = {}
    for one in listed:
        by_listing.setdefault(one.listing, []).append(one)
    for listing, sources in by_listing.items():
        yield from _of(listing, _differences(sources, now))
        yield from _of(listing, _silent(sources, now))


def _differences(sources: Sequence[Listed], now: datetime) -> Iterator[Finding]:
    for one, other in combinations(sources, 2):
        mine, theirs = _current(one, now), _current(other, now)
        for key in [key for key in mine if key in theirs]:
            first, second = mine[key], theirs[key]
            if shown_amount(first.rate) != shown_amount(second.rate):
                message = (
                    f"{_name(one, first)}: {price_text(first.rate)} by {one.origin},"
                    f" {price_text(second.rate)} by {other.origin};"
                    f" {sources[0].origin} is taken"
                )
                yield Finding("sources_differ", message, first.line, is_error=False)


def _silent(sources: Sequence[Listed], now: datetime) -> Iterator[Finding]:
    """The chosen source has no price now, and another still has."""
    chosen, *others = sources
    if _current(chosen, now):
        return
    for other in others:
        lines = _current(other, now).values()
        if lines:
            message = (
                f"{chosen.listing}: {chosen.origin} has no price now, {other.origin} still has;"
                " either it is no longer sold or the list lacks a line"
            )
            yield Finding("source_silent", message, chosen.lines[-1].line, is_error=False)
            return


def _renewals(market: Market, now: datetime) -> Iterator[Finding]:
    """Contracts that renew, or must be given notice, before long."""
    for fact, contract in renewals(market.facts("contract"), now, RENEWAL_DAYS):
        notice = f", {contract.notice_days} days' notice" if contract.notice_days else ""
        message = f"{fact.vendor}: {contract.name} renews on {contract.renews_at:%Y-%m-%d}{notice}"
        yield Finding("renewal", message, is_error=False, vendor=fact.vendor)


CHECKS: tuple[Callable[[Listed], Iterator[Finding]], ...] = (
    _overlaps,
    _gaps,
    _ties,
    _missing_parents,
)
"""Rules that look at one listing of one source."""


def _groups(lines: Iterable[ListedRate]) -> dict[tuple[str, Condition], list[ListedRate]]:
    found: dict[tuple[str, Condition], list[ListedRate]] = {}
    for line in lines:
        key = (line.rate.item, deciding(line.rate.condition))
        found.setdefault(key, []).append(line)
    return found


def _current(one: Listed, now: datetime) -> dict[tuple[str, Condition], ListedRate]:
    return {
        key: span.line
        for key, group in one.spans.items()
        for span in group
        if span.from_at <= now and (span.to_at is None or now < span.to_at)
    }


def _covers(group: Iterable[Span], at: datetime) -> bool:
    return any(span.from_at <= at and (span.to_at is None or at < span.to_at) for span in group)


def _is_related(ended: Condition, other: Condition) -> bool:
    """Whether a price of the other condition takes over calls of the one that ended."""
    return ended == other or is_narrower(ended, other) or is_narrower(other, ended)


def _name(one: Listed, line: ListedRate) -> str:
    condition = condition_text(line.rate.condition)
    return f"{one.listing}, {line.rate.item}{f' ({condition})' if condition else ''}"
