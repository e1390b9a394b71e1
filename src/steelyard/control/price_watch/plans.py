"""Which prices a what-if assumes for what was sold: of a day, of another book, of another model.

Joins offers, the price book and the ledger's question. Everything here blocks. What cannot be
priced gets None and a reason: no price of another day or model ever stands in unasked.

A wish combines freely: the book to look in (ours or another), the model to look up (that of the
call, or the one it is swapped for), and the instant (the call's own, or one for all). With one
instant for all, hours of the day hold at the call's own time of day (UTC), as the 24 hours from
that instant had them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from steelyard.control.prices import book as price_book
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.instants import DAY_NS, instant_ns, instant_of
from steelyard.domain.listings import OFFICIAL
from steelyard.domain.rates import Rate
from steelyard.ledger.cells import Prices, Sold
from steelyard.pricebook.book import END_NS, Period, period_at
from steelyard.pricebook.compiling import compile_periods, select
from steelyard.pricebook.market import Market
from steelyard.store import objects
from steelyard.store.database import Database
from steelyard.store.objects import Stored


class Wish(NamedTuple):
    """What shall be assumed."""

    as_of_ns: int | None = None
    """Instant (UTC nanoseconds) whose prices hold for all calls; None for each call's own."""
    book: Market | None = None
    """The book to price by; None for ours."""
    swaps: Mapping[str, str] = {}
    """Model or offer of the ledger -> model, ``vendor/model`` or offer that takes its calls."""


class _Found(NamedTuple):
    """Rates, and whose they are."""

    rates: Sequence[Rate]
    label: str
    is_priced_at_end: bool = False


@dataclass(slots=True)
class PricePlan:
    """Prices for the offers and models of a ledger, looked up once each.

    Args:
        database: The control database.
        wish: What shall be assumed.
        now_ns: UTC nanoseconds; hours and weekdays are told apart until a day after it.
    """

    database: Database
    wish: Wish
    now_ns: int
    reasons: dict[Sold, str] = field(default_factory=dict)
    """Why what was asked for has no price."""
    labels: dict[Sold, str] = field(default_factory=dict)
    """Whose prices stand in for what was asked for."""
    swapped: set[str] = field(default_factory=set)
    """Swaps that something was found for."""
    _offers: dict[str, Stored] = field(default_factory=dict)
    _own: dict[str, price_book.Priced] = field(default_factory=dict)
    _targets: dict[str, _Found] = field(default_factory=dict)

    def prepare(self) -> list[Sold]:
        """Reads the offers; returns what was probably sold.

        Raises:
            InvalidRequest: a swap names what nobody sells, or what several do.
            StoreUnavailable: the database failed.
        """
        with self.database.read() as connection:
            self._offers = objects.current(connection, "offer")
            self._own = price_book.offer_prices(connection, self._offers, known_at=self._known_at())
        self._targets = {name: self._target(name) for name in self.wish.swaps.values()}
        return [Sold(name, stored.body["model"]) for name, stored in self._offers.items()]

    def prices_of(self, sold: Sold) -> Prices | None:
        """The prices to assume for ``sold``; None, and a reason kept, where there are none."""
        found = self._found(sold)
        if isinstance(found, str):
            self.reasons[sold] = found
            return None
        try:
            prices = self._prices(found)
        except ValueError as error:
            self.reasons[sold] = f"{found.label} cannot be priced: {error}"
            return None
        if prices is None:
            when = "" if self.wish.as_of_ns is None else f" at {_day(self.wish.as_of_ns)}"
            self.reasons[sold] = f"{found.label} had no price{when}"
            return None
        self.labels[sold] = found.label
        return prices

    def _found(self, sold: Sold) -> _Found | str:
        for asked in (sold.offer, sold.model):
            if asked in self.wish.swaps:
                self.swapped.add(asked)
                return self._targets[self.wish.swaps[asked]]
        stored = self._offers.get(sold.offer)
        if stored is None or stored.body["model"] != sold.model:
            return self._listed({"model": sold.model})
        is_at_end = stored.body.get("priced_at") == "end"
        own = self._own[sold.offer]
        listed = stored.body.get("list") or {}
        if self.wish.book is None and own.rates and self._holds(own.rates):
            label = str(own.listing or sold.offer)
            return _Found(own.rates, label, is_at_end)
        # Its own rates began later than asked, or another book is: what its list says of it.
        if listed.get("vendor"):
            found = self._listed(listed)
            return found if isinstance(found, str) else found._replace(is_priced_at_end=is_at_end)
        if self.wish.book is not None:
            return self._listed({"model": sold.model})
        return _Found(own.rates, sold.offer, is_at_end) if own.rates else own.problem

    def _holds(self, rates: Sequence[Rate]) -> bool:
        """Whether any of the rates holds at the instant asked for."""
        at_ns = self.wish.as_of_ns
        return at_ns is None or any(_covers(rate, at_ns) for rate in rates)

    def _listed(self, wanted: Mapping[str, Any]) -> _Found | str:
        """What the book says of a listing, by as much as is known of it."""
        model, vendor = wanted["model"], wanted.get("vendor") or None
        market = self._market(vendor, model)
        channel = wanted.get("channel") or None
        found = market.find(model, vendor, wanted.get("currency") or None, channel)
        if channel is None:
            found = [one for one in found if one.channel == OFFICIAL] or found
        if not found:
            when = ""
            if self.wish.as_of_ns is not None:
                when = f" that is known to have been sold at {_day(self.wish.as_of_ns)}"
            return f"the book has no {' '.join(filter(None, (vendor, model)))}{when}"
        if len(found) > 1:
            return f"the book has it several times: {', '.join(map(str, found))}"
        rates = select(market.of(found[0]), wanted.get("region", ""), wanted.get("seller", ""))
        return _Found(rates, str(found[0])) if rates else f"{found[0]} is listed elsewhere only"

    def _market(self, vendor: str | None, model: str) -> Market:
        if self.wish.book is not None:
            return self.wish.book
        with self.database.read() as connection:
            market = price_book.load_market(connection, vendor, model)
        known_at = self._known_at()
        return market if known_at is None else market.known_at(known_at)

    def _known_at(self) -> datetime | None:
        """The day that prices are asked of: what is not known to have held then has no say."""
        return None if self.wish.as_of_ns is None else instant_of(self.wish.as_of_ns)

    def _target(self, name: str) -> _Found:
        """What a swap names: an offer, the model of one, or a listing of the book.

        Raises:
            InvalidRequest: nothing of that name has prices, or several things.
        """
        if self.wish.book is None:
            stored = self._offers.get(name)
            alike = [name] if stored else self._offers_of(name)
            priced = [offer for offer in alike if self._own[offer].rates]
            if len(priced) > 1:
                raise InvalidRequest(f"swap: {name} has several offers: {', '.join(priced)}")
            if priced:
                is_at_end = self._offers[priced[0]].body.get("priced_at") == "end"
                return _Found(self._own[priced[0]].rates, priced[0], is_at_end)
        plain, _, code = name.rpartition("@") if "@" in name else (name, "", "")
        vendor, _, model = plain.partition("/")
        # A model's name may hold a slash itself.
        found = self._listed({"model": plain, "currency": code})
        if isinstance(found, str) and model:
            found = self._listed({"vendor": vendor, "model": model, "currency": code})
        if isinstance(found, str):
            hint = "write an offer, or vendor/model@CURRENCY as the book lists it"
            raise InvalidRequest(f"swap to {name}: {found}; {hint}", param="swaps")
        return found

    def _offers_of(self, model: str) -> list[str]:
        return [name for name, one in self._offers.items() if one.body["model"] == model]

    def _prices(self, found: _Found) -> Prices | None:
        """The rates compiled for the ledger.

        Raises:
            ValueError: the rates contradict each other.
        """
        at_ns = self.wish.as_of_ns
        rates = _of_one_currency(found.rates, self.now_ns if at_ns is None else at_ns)
        if not rates:
            return None
        if at_ns is None:
            periods = compile_periods(rates, 0, self.now_ns + DAY_NS)
            return _made(rates, periods, found)
        rates = [rate for rate in rates if _covers(rate, at_ns)]
        periods = compile_periods(rates, at_ns, at_ns + DAY_NS)
        if any(rate.condition.clock for rate in rates):
            return _made(rates, _daily(periods, at_ns), found)._replace(is_daily=True)
        period = period_at(periods, at_ns)
        if period is None:
            return None
        return _made(rates, [period._replace(from_ns=0, to_ns=END_NS)], found)


def _made(rates: Sequence[Rate], periods: Sequence[Period], found: _Found) -> Prices:
    return Prices(
        currency=rates[0].currency,
        periods=periods,
        is_priced_at_end=found.is_priced_at_end,
        label=found.label,
    )


def _daily(periods: Sequence[Period], at_ns: int) -> list[Period]:
    """The periods of the 24 hours from an instant, as times of day from midnight (UTC)."""
    found = []
    for period in periods:
        begin, end = max(period.from_ns, at_ns), min(period.to_ns, at_ns + DAY_NS)
        midnight = (at_ns // DAY_NS + 1) * DAY_NS
        for day_ns, first, last in (
            (midnight - DAY_NS, begin, min(end, midnight)),
            (midnight, max(begin, midnight), end),
        ):
            if first < last:
                found.append(period._replace(from_ns=first - day_ns, to_ns=last - day_ns))
    return sorted(found, key=lambda period: period.from_ns)


def _of_one_currency(rates: Sequence[Rate], at_ns: int) -> list[Rate]:
    """Those in the currency that holds at an instant, or else began last."""
    held = [rate for rate in rates if _covers(rate, at_ns)] or list(rates)
    if not held:
        return []
    currency = max(held, key=lambda rate: rate.valid_from).currency
    return [rate for rate in rates if rate.currency == currency]


def _covers(rate: Rate, at_ns: int) -> bool:
    return instant_ns(rate.valid_from) <= at_ns and (
        rate.valid_to is None or at_ns < instant_ns(rate.valid_to)
    )


def _day(at_ns: int) -> str:
    return f"{instant_of(at_ns):%Y-%m-%d %H:%M} UTC".replace(" 00:00 UTC", "")
