"""What the market answers: the steps of a model's price, offers compared, what money buys.

Questions come as people write numbers (``input=1M``, ``cached=50%``); amounts leave as decimal
text. A text is never sent here: callers count its characters by language.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.prices import shown
from steelyard.control.api.web import admin, answer, control_of, listed
from steelyard.control.prices.book import load_market
from steelyard.control.prices.exchange import exchange_of
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.listings import UNKNOWN_START, ListedRate, Listing
from steelyard.domain.rates import COUNTED, ExchangeRate
from steelyard.pricebook import quantities, shipped, tokens
from steelyard.pricebook.buys import Bill, buys
from steelyard.pricebook.compare import Comparison, Exchange, Question, Work, compare
from steelyard.pricebook.history import history
from steelyard.pricebook.market import Market
from steelyard.store import settings

_BACK_DAYS_MAX = 400
"""How old an exchange rate may be that offers are compared by. Nothing is booked by it and its day
is named, so that an old one says more than none, as when the packaged rates end before today."""
_OF_TOKENS = ("input", "output", "request")
"""Items without which nothing is sold that a comparison could price."""
_TOP = 20
"""Rows of each kind that are answered where nobody says how many."""
_T = TypeVar("_T")


@admin
async def show_history(request: Request) -> Response:
    """Every price that ``?model=`` had, oldest first, by item and condition.

    ``?vendor=``, ``?currency=`` and ``?item=`` (repeated) narrow it down.
    """
    asked = _Asked(request, "model", "vendor", "currency", "item")
    model, vendor = asked.text("model"), asked.text("vendor") or None
    if not model:
        raise InvalidRequest("Say which model: ?model=…", param="model")
    currency = asked.read("currency", quantities.read_currency, None)

    def work(connection: Connection) -> list[dict[str, Any]]:
        market = load_market(connection, vendor, model)
        listings = _listings(connection, market, model, vendor, currency)
        zones = shipped.phrases()
        return [
            shown.step(step, zones.zone_of(step.listing.vendor))
            for step in history(market, listings, asked.items())
        ]

    return listed(await control_of(request).read(work))


@admin
async def compare_offers(request: Request) -> Response:
    """What a piece of work costs with every offer, cheapest first, in a home currency.

    The work: ``input``, ``output`` (tokens), ``chars_zh``, ``chars_en``, ``chars_code`` and the
    same with ``output_chars_…`` (characters), ``cached``, ``thinking`` (shares), ``calls``,
    ``tier``. Beside it: ``at``, ``home``, ``language``, ``call_seconds``, ``vendor``, ``model``,
    ``top``.
    """
    asked = _Asked(request, *_WORK, "at", "home", "language", "call_seconds", *_NARROW)
    work_asked = _work(asked)
    vendor, model = asked.text("vendor") or None, asked.text("model") or None

    def work(connection: Connection) -> dict[str, Any]:
        question = Question(
            *(work_asked, asked.instant()),
            home=asked.read("home", quantities.read_currency, None) or _home(connection),
            language=asked.language(),
            call_s=asked.read("call_seconds", quantities.read_seconds, None),
        )
        market = load_market(connection, vendor, model)
        listings = _listings(connection, market, model, vendor) if model or vendor else None
        found = compare(
            market.known_at(question.at),
            question,
            characters(),
            _exchange(connection),
            listings,
        )
        absent = _absent(market, listings, found, question.at) if listings and model else []
        return {**shown.comparison(question, found, asked.top()), "absent": absent}

    return answer(await control_of(request).read(work))


@admin
async def show_buys(request: Request) -> Response:
    """What ``?money=1CNY`` buys: of which item, at which price, day and exchange rate.

    ``?model=``, ``?vendor=``, ``?item=`` (repeated), ``?tier=``, ``?language=``, ``?at=`` and
    ``?top=`` narrow it down.
    """
    asked = _Asked(request, "money", "item", "tier", "language", "at", *_NARROW)
    money = asked.read("money", quantities.read_money, None)
    if money is None:
        raise InvalidRequest("Say how much: ?money=1CNY", param="money")
    vendor, model = asked.text("vendor") or None, asked.text("model") or None
    amount, currency = money
    items = asked.items() or ("input", "output")
    bill = Bill(amount, currency, asked.instant(), items, asked.text("tier"), asked.language())

    def work(connection: Connection) -> dict[str, Any]:
        market = load_market(connection, vendor, model)
        listings = _listings(connection, market, model, vendor) if model or vendor else None
        exchange = _exchange(connection)
        known = market.known_at(bill.at)
        found, unconvertible = buys(known, bill, characters(), exchange, listings)
        return shown.bill(bill, found, unconvertible, asked.top())

    return answer(await control_of(request).read(work))


@cache
def characters() -> tokens.CharacterTable:
    """Characters per token as shipped."""
    return tokens.parse(shipped.read("characters.yaml"))


_SIDES = (("", "input"), ("output_", "output"))
_WORK = (
    *("input", "output", "cached", "thinking", "calls", "tier"),
    *(f"{side}chars_{name}" for side, _ in _SIDES for name in tokens.LANGUAGES),
)
_NARROW = ("vendor", "model", "top")


def _work(asked: _Asked) -> Work:
    counts = {name: asked.read(name, quantities.read_count, 0) for name in ("input", "output")}
    texts: list[Mapping[str, int]] = []
    for side, _ in _SIDES:
        sizes = {
            name: asked.read(f"{side}chars_{name}", quantities.read_count, 0)
            for name in tokens.LANGUAGES
        }
        texts.append({name: size for name, size in sizes.items() if size})
    if not any(counts.values()) and not any(texts):
        raise InvalidRequest("Say what is to be done: input=1M, output=200k or chars_zh=10000.")
    calls = asked.read("calls", quantities.read_count, None)
    if calls == 0:
        raise InvalidRequest("Work takes at least one call.", param="calls")
    return Work(
        counts["input"],
        counts["output"],
        texts[0],
        texts[1],
        cached=asked.read("cached", quantities.read_share, Fraction(0)),
        thinking=asked.read("thinking", quantities.read_share, Fraction(0)),
        calls=calls,
        tier=asked.text("tier"),
    )


def _listings(
    connection: Connection,
    market: Market,
    model: str | None,
    vendor: str | None,
    currency: str | None = None,
) -> list[Listing]:
    """The listings that are asked for.

    Raises:
        InvalidRequest: the book has none; the message names what is near.
    """
    if model is None:
        listings = market.listings()
        found = [one for one in listings if one.vendor.casefold() == (vendor or "").casefold()]
    else:
        found = market.find(model, vendor, currency)
    if found:
        return found
    what = " ".join(part for part in (vendor, model, currency and f"in {currency}") if part)
    near = load_market(connection).near(model) if model else []
    hint = f"; near are {', '.join(near)}" if near else ""
    raise InvalidRequest(f"The price book has no {what}{hint}.", param="model" if model else None)


def _absent(
    market: Market, listings: Sequence[Listing], found: Comparison, at: datetime
) -> list[dict[str, Any]]:
    """Of the listings that were asked for those without a price of tokens at ``at``, and why."""
    priced = (*found.priced, *found.free, *found.unconvertible)
    told = {*(row.listing for row in priced), *(row.listing for row in found.unpriced)}
    zones = shipped.phrases()
    return [
        {
            **one._asdict(),
            "reason": _why_absent(market.lines_of(one), at, zones.zone_of(one.vendor)),
        }
        for one in listings
        if one not in told
    ]


def _why_absent(lines: Sequence[ListedRate], at: datetime, zone: ZoneInfo) -> str:
    lines = [line for line in lines if line.rate.item in _OF_TOKENS]
    if not lines:
        return "it has no price of tokens"
    # Of a price without a first day it is known only that it held when it was read.
    firsts = [
        line.rate.valid_from if line.rate.valid_from != UNKNOWN_START else line.read_at
        for line in lines
    ]
    later = [first for first in firsts if first is not None and first > at]
    if later:
        return f"listed from {shown.day_text(min(later), zone)} on"
    ends = [line.rate.valid_to for line in lines]
    gone = [end for end in ends if end is not None and end <= at]
    if gone:
        return f"listed until {shown.day_text(max(gone), zone)}"
    return "nobody knows whether its price held then"


def _exchange(connection: Connection) -> Exchange:
    known = exchange_of(connection)

    def rate(base: str, quote: str, day: date) -> ExchangeRate | None:
        return known.rate(base, quote, day, _BACK_DAYS_MAX)

    return rate


def _home(connection: Connection) -> str:
    return str(settings.get(connection, "home_currency", "CNY"))


class _Asked:
    """The parameters of a question, read with errors that name them."""

    def __init__(self, request: Request, *known: str) -> None:
        self._values = request.query_params
        unknown = sorted(set(self._values) - set(known))
        if unknown:
            raise InvalidRequest(f"Unknown {', '.join(unknown)}; one of {', '.join(known)}.")

    def text(self, name: str) -> str:
        return self._values.get(name, "").strip()

    def read(self, name: str, reader: Callable[[str], _T], missing: Any) -> Any:
        """What ``reader`` makes of a parameter; ``missing`` where it is not there."""
        text = self.text(name)
        if not text:
            return missing
        try:
            return reader(text)
        except ValueError as error:
            raise InvalidRequest(f"{name}: {error}", param=name) from error

    def instant(self) -> datetime:
        """The instant (UTC) that is meant; now where nothing is said."""
        now = datetime.fromtimestamp(time.time_ns() // 10**9, UTC)
        found: datetime = self.read("at", quantities.read_instant, now)
        return found

    def items(self) -> tuple[str, ...]:
        items = tuple(item for text in self._values.getlist("item") for item in text.split(","))
        for item in items:
            if item not in COUNTED:
                known = ", ".join(COUNTED)
                raise InvalidRequest(f"Unknown item {item!r}; one of {known}.", param="item")
        return items

    def language(self) -> str:
        found = self.text("language") or tokens.LANGUAGES[0]
        if found not in tokens.LANGUAGES:
            known = ", ".join(tokens.LANGUAGES)
            raise InvalidRequest(f"Unknown language {found!r}; one of {known}.", param="language")
        return found

    def top(self) -> int:
        found: int = self.read("top", quantities.read_count, _TOP)
        return found


routes = [
    Route("/api/prices/history", show_history),
    Route("/api/prices/compare", compare_offers),
    Route("/api/prices/buys", show_buys),
]
