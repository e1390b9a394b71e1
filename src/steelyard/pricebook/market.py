"""The book in memory: every listing with its rates by source, and the dated facts beside them.

Made from what the store loads or from a file that was only read; whoever prices, compares or draws
asks it. Sources are not mixed within a listing: the most trusted one that has it is chosen, the
others are kept and shown. Only the user's own list is laid upon the others, from its first day on.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from steelyard.domain.listings import SOURCES, Fact, ListedRate, Listing
from steelyard.domain.rates import Rate

_Key = tuple[str, str, str, str]
_RANK = {origin: rank for rank, origin in enumerate(SOURCES)}


class Market:
    """Rates by listing and source, and facts; never edited once made.

    Names are compared without regard to case, since lists differ in it; a listing is shown as its
    most trusted source writes it.
    """

    def __init__(self, listed: Iterable[ListedRate], facts: Iterable[Fact] = ()) -> None:
        """``listed`` may hold rates of any number of sources, in any order."""
        self._rates: dict[_Key, dict[str, list[ListedRate]]] = {}
        for line in listed:
            of_listing = self._rates.setdefault(line.listing.folded, {})
            of_listing.setdefault(line.origin, []).append(line)
        self._names: dict[_Key, Listing] = {}
        self._by_model: dict[str, list[_Key]] = {}
        for key, sources in self._rates.items():
            self._names[key] = sources[min(sources, key=trust)][0].listing
            self._by_model.setdefault(key[2], []).append(key)
        self._facts: dict[tuple[str, str], list[Fact]] = {}
        for fact in facts:
            self._facts.setdefault((fact.vendor.casefold(), fact.model.casefold()), []).append(fact)

    def listings(self) -> list[Listing]:
        """All listings, by vendor, channel, model and currency."""
        return sorted(self._names.values())

    def sources_of(self, listing: Listing) -> tuple[str, ...]:
        """The sources that have the listing, the most trusted first; none where nobody has it."""
        found = self._rates.get(listing.folded)
        return tuple(sorted(found, key=trust)) if found else ()

    def choice(self, listing: Listing) -> str:
        """The source whose word holds for the listing; empty where nobody has it."""
        return next(iter(self.sources_of(listing)), "")

    def of(self, listing: Listing) -> tuple[Rate, ...]:
        """All rates of the listing by the chosen source, of any time and condition."""
        return tuple(line.rate for line in self.lines_of(listing))

    def lines_of(self, listing: Listing, origin: str | None = None) -> tuple[ListedRate, ...]:
        """The listing's lines by the chosen source, or by ``origin``; oldest first.

        The user's own list lies upon the others from its first day on: before that day, the source
        that is trusted next is the chosen one.
        """
        sources = self._rates.get(listing.folded, {})
        chosen = self.sources_of(listing)
        found = list(sources.get(origin or self.choice(listing), ()))
        if origin is None and len(chosen) > 1 and chosen[0] == SOURCES[0]:
            first = min(line.rate.valid_from for line in found)
            found += [_until(line, first) for line in sources[chosen[1]] if _is_before(line, first)]
        return tuple(sorted(found, key=lambda line: (line.rate.valid_from, line.rate.item)))

    def known_at(self, at: datetime) -> Market:
        """The book without the prices of which nobody knows whether they held at an instant (UTC).

        For questions about the past; what is booked takes the prices that there are.
        """
        lines = (
            line
            for of_listing in self._rates.values()
            for some in of_listing.values()
            for line in some
        )
        return Market((line for line in lines if line.is_known_at(at)), self.facts())

    def find(
        self,
        model: str,
        vendor: str | None = None,
        currency: str | None = None,
        channel: str | None = None,
    ) -> list[Listing]:
        """The listings of a model, those of a vendor, currency or channel only where given."""
        wanted = (_folded(vendor), channel, model.casefold(), currency)
        return sorted(
            self._names[key]
            for key in self._by_model.get(model.casefold(), ())
            if all(want is None or want == have for want, have in zip(wanted, key, strict=True))
        )

    def near(self, model: str, count: int = 3) -> list[str]:
        """Names of listed models that look like ``model``, for a hint."""
        near = difflib.get_close_matches(model.casefold(), self._by_model, n=count, cutoff=0.6)
        return [self._names[self._by_model[name][0]].model for name in near]

    def facts_of(
        self, listing: Listing, at: datetime | None, kind: str | None = None
    ) -> list[Fact]:
        """The facts that hold for the listing at an instant (UTC); of all times for None.

        Facts of the model come before those of the vendor's models in general.
        """
        vendor = listing.vendor.casefold()
        found = [
            fact
            for model in (listing.model.casefold(), "")
            for fact in self._facts.get((vendor, model), ())
        ]
        return [
            fact
            for fact in found
            if fact.channel == listing.channel
            and kind in (None, fact.kind)
            and (at is None or _holds(fact, at))
        ]

    def facts(self, kind: str | None = None) -> list[Fact]:
        """All facts, or those of a kind; oldest first."""
        found = [fact for facts in self._facts.values() for fact in facts]
        found.sort(key=lambda fact: (fact.valid_from, fact.vendor, fact.model))
        return [fact for fact in found if kind in (None, fact.kind)]


def _is_before(line: ListedRate, at: datetime) -> bool:
    return line.rate.valid_from < at


def _until(line: ListedRate, at: datetime) -> ListedRate:
    """The line, ended at an instant if not before."""
    if line.rate.valid_to is not None and line.rate.valid_to <= at:
        return line
    return replace(line, rate=replace(line.rate, valid_to=at))


def _folded(name: str | None) -> str | None:
    return None if name is None else name.casefold()


def trust(origin: str) -> tuple[int, str]:
    """Sorts sources; one that nobody knows comes last."""
    return _RANK.get(origin, len(_RANK)), origin


def _holds(fact: Fact, at: datetime) -> bool:
    return fact.valid_from <= at and (fact.valid_to is None or at < fact.valid_to)
