"""Which offer does a piece of work for how much: every listing priced for one profile.

The same text is another number of tokens with every vendor, so work is given in tokens or in
characters; amounts stay in their own currency and are ranked in a home currency at a named, dated
exchange rate. What cannot be converted or priced is listed apart with its reason, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.instants import instant_ns
from steelyard.domain.listings import Fact, ListedRate, Listing
from steelyard.domain.money import PICO, round_half_even
from steelyard.domain.rates import ITEMS, ExchangeRate, Rate
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import Card, Period, card_of, price, unpriced
from steelyard.pricebook.cards import RateTie
from steelyard.pricebook.compiling import compile_periods, select
from steelyard.pricebook.history import current
from steelyard.pricebook.limits import Amount, Bound, bounds
from steelyard.pricebook.market import Market
from steelyard.pricebook.tokens import WAN, Characters, CharacterTable, tokens_of

Exchange = Callable[[str, str, date], ExchangeRate | None]
"""What one unit of the first currency was worth in the second on a day; None where unknown."""

CALL_TOKENS = 4_000
"""Input tokens of a call where nobody says into how many calls the work is split: length tiers
price a call by its own length, not by that of all the work."""
_WEEK = timedelta(days=7)


class Work(NamedTuple):
    """A profile: what is to be done, in tokens, characters, or both."""

    input_tokens: int = 0
    output_tokens: int = 0
    input_characters: Mapping[str, int] = {}
    """By language; how many tokens they are depends on the model."""
    output_characters: Mapping[str, int] = {}
    cached: Fraction = Fraction(0)
    """Share of the input that the vendor's cache serves."""
    thinking: Fraction = Fraction(0)
    """Share of the output that is thinking."""
    calls: int | None = None
    """Into how many calls it is split evenly; None for calls of ``CALL_TOKENS``, or one call where
    the input is given in characters."""
    tier: str = ""
    """Service tier, such as ``batch``."""


class Tokens(NamedTuple):
    """How many tokens the work is for one model."""

    input_tokens: int
    output_tokens: int
    calls: int

    @property
    def total(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens


class Wan(NamedTuple):
    """Price of 10,000 characters: expected, lowest, highest."""

    expected: Fraction
    lowest: Fraction
    highest: Fraction


class Row(NamedTuple):
    """One offer and what the work costs there."""

    listing: Listing
    origin: str
    """The source whose prices these are."""
    region: str
    seller: str
    tokens: Tokens
    amount_pico: int
    """Cost in pico-units of the listing's currency, each call rounded once."""
    range_pico: tuple[int, int] | None
    """Lowest and highest cost by the interval of characters per token; None for work in tokens."""
    cheapest_pico: int | None
    """Cost at the cheapest hour of the following week, where hours matter."""
    home_pico: int | None
    """Cost in the home currency; None where no exchange rate is known."""
    exchange: ExchangeRate | None
    """The rate that it was converted at; None where it is the home currency."""
    characters: tuple[Characters, ...]
    """Figures by which characters were counted as tokens."""
    wan_input: Wan | None
    wan_output: Wan | None
    """Prices of 10,000 characters of the language that was asked for, in the home currency where
    an exchange rate is known, else in the listing's."""
    bounds: tuple[Bound, ...]
    """What the vendor's limits allow, the tightest first."""
    facts: tuple[Fact, ...]
    """Limits and allowances in force."""
    notes: tuple[str, ...]
    """What the list says of these prices beside their conditions."""
    rate_ids: tuple[str, ...]
    seen_at: datetime | None = None
    """When the oldest evidence of these prices was seen to hold (UTC): an old price may be gone."""


class Unpriced(NamedTuple):
    """An offer that cannot be priced for the work, and why."""

    listing: Listing
    reason: str


class Comparison(NamedTuple):
    """All offers for one profile."""

    priced: list[Row]
    """Cheapest first, in the home currency."""
    free: list[Row]
    """Those that cost nothing; the one that takes least time under its limits first, unlimited or
    unknown ones last."""
    unconvertible: list[Row]
    """Those in a currency without an exchange rate, by currency and amount."""
    unpriced: list[Unpriced]


class Question(NamedTuple):
    """What is compared, and by which lights."""

    work: Work
    at: datetime
    """Instant (UTC) whose prices, limits and exchange rates are meant."""
    home: str
    """Currency in which offers are ranked."""
    language: str = "zh"
    """Language of which prices of 10,000 characters are shown."""
    call_s: Fraction | None = None
    """Seconds that a call takes: decides how long work takes where calls at once are limited."""


class _CannotPriceError(Exception):
    """Why an offer has no price for the work."""


def compare(
    market: Market,
    question: Question,
    table: CharacterTable,
    exchange: Exchange,
    listings: Sequence[Listing] | None = None,
) -> Comparison:
    """Prices the work with every offer of ``listings`` (of the whole market for None)."""
    found = Comparison([], [], [], [])
    for listing in market.listings() if listings is None else listings:
        origin, lines = current(market, listing, question.at)
        rates = [line.rate for line in lines]
        if not any(rate.item in ("input", "output", "request") for rate in rates):
            continue  # sells something else, or nothing then
        for region, seller in _places(lines):
            try:
                row = _row(market, question, table, listing, select(rates, region, seller))
            except _CannotPriceError as error:
                found.unpriced.append(Unpriced(listing, str(error)))
                continue
            seen_at = _seen_at(lines, row.rate_ids)
            row = row._replace(origin=origin, region=region, seller=seller, seen_at=seen_at)
            _file(found, _converted(row, question, exchange))
    found.priced.sort(key=lambda row: (row.home_pico, row.listing))
    found.free.sort(key=lambda row: (*_patience(row), row.listing))
    found.unconvertible.sort(key=lambda row: (row.listing.currency, row.amount_pico, row.listing))
    return found


def _file(found: Comparison, row: Row) -> None:
    if row.amount_pico == 0:
        found.free.append(row)
    elif row.home_pico is None:
        found.unconvertible.append(row)
    else:
        found.priced.append(row)


def _places(lines: Sequence[ListedRate]) -> list[tuple[str, str]]:
    """Regions and sellers that the lines tell apart: an offer each."""
    found = {(line.rate.condition.region, line.rate.condition.seller) for line in lines}
    return sorted(found)


def _seen_at(lines: Sequence[ListedRate], rate_ids: Sequence[str]) -> datetime | None:
    seen = (
        line.read_at or line.rate.valid_from
        for line in lines
        if line.rate.rate_id in rate_ids and line.rate.item in ITEMS
    )
    return min(seen, default=None)


def _patience(row: Row) -> tuple[bool, Fraction]:
    least = row.bounds[0].least_s if row.bounds else None
    return least is None, least or Fraction(0)


def _row(
    market: Market,
    question: Question,
    table: CharacterTable,
    listing: Listing,
    rates: Sequence[Rate],
) -> Row:
    work, at_ns = question.work, instant_ns(question.at)
    has_clock = any(rate.condition.clock for rate in rates)
    until_ns = instant_ns(question.at + _WEEK) if has_clock else None
    try:
        periods = compile_periods(rates, at_ns, until_ns)
    except RateTie as error:
        raise _CannotPriceError(str(error)) from error
    now = next((p for p in periods if p.from_ns <= at_ns < p.to_ns), None)
    if now is None:
        raise _CannotPriceError("no price at this hour")
    expected, fewest, most, figures = counted(work, listing.model, table)
    cost = _priced(now, work, expected)
    ranged = None
    if figures:
        ranged = (_priced(now, work, fewest).pico, _priced(now, work, most).pico)
    hours = [p for p in periods if until_ns is None or p.from_ns < until_ns]
    facts = tuple(
        fact
        for fact in market.facts_of(listing, question.at)
        if fact.kind in ("limit", "allowance")
    )
    amount_of_work = Amount(expected.total, expected.calls, question.call_s)
    figure = table.of(listing.model, question.language)
    return Row(
        *(listing, "", "", "", expected, cost.pico),
        range_pico=ranged,
        cheapest_pico=_cheapest(hours, work, expected) if has_clock else None,
        home_pico=None,
        exchange=None,
        characters=figures,
        wan_input=_wan(now, cost.card, "input", figure),
        wan_output=_wan(now, cost.card, "output", figure),
        bounds=tuple(bounds(facts, amount_of_work)),
        facts=facts,
        notes=_notes(rates, cost.rate_ids),
        rate_ids=cost.rate_ids,
    )


def _notes(rates: Sequence[Rate], rate_ids: Sequence[str]) -> tuple[str, ...]:
    applied = (rate.condition for rate in rates if rate.rate_id in rate_ids)
    said = (text for condition in applied for text in (condition.version, condition.remark))
    return tuple(dict.fromkeys(text for text in said if text))


def counted(
    work: Work, model: str, table: CharacterTable
) -> tuple[Tokens, Tokens, Tokens, tuple[Characters, ...]]:
    """The work in tokens of a model: expected, fewest, most; and the figures behind them."""
    incoming, figures = tokens_of(table, model, work.input_characters)
    outgoing, more = tokens_of(table, model, work.output_characters)
    calls = work.calls
    found = []
    for given, written in zip(incoming, outgoing, strict=True):
        tokens = work.input_tokens + given
        if calls is None:
            calls = 1 if work.input_characters else max(1, -(-tokens // CALL_TOKENS))
        found.append(Tokens(tokens, work.output_tokens + written, calls))
    return found[0], found[1], found[2], tuple(dict.fromkeys((*figures, *more)))


def split(tokens: Tokens, work: Work) -> Iterator[tuple[int, Usage]]:
    """The work in calls that are as even as whole tokens allow: how many of which usage."""
    calls = tokens.calls
    cached = int(tokens.input_tokens * work.cached)
    thought = int(tokens.output_tokens * work.thinking)
    totals = (tokens.input_tokens, tokens.output_tokens, cached, thought)
    shares = [divmod(total, calls) for total in totals]
    edges = sorted({0, calls, *(rest for _, rest in shares)})
    for begin, end in zip(edges, edges[1:], strict=False):
        incoming, outgoing, read, thinking = (base + (begin < rest) for base, rest in shares)
        yield end - begin, Usage(incoming, outgoing, read, 0, thinking)


class _Cost(NamedTuple):
    pico: int
    card: Card
    """By which the first calls are priced; nearly always all."""
    rate_ids: tuple[str, ...]


def _priced(period: Period, work: Work, tokens: Tokens) -> _Cost:
    total, rate_ids, cards = 0, dict[str, None](), []
    for calls, usage in split(tokens, work):
        card = card_of(period, usage, work.tier)
        if card is None:
            raise _CannotPriceError(
                f"no price for calls of {usage.input_tokens:,} input and"
                f" {usage.output_tokens:,} output tokens{f' ({work.tier})' if work.tier else ''}"
            )
        if missing := unpriced(card, usage):
            raise _CannotPriceError(f"no price of {' and '.join(missing)}")
        total += calls * price(period, card, usage)
        rate_ids.update(dict.fromkeys(card.rate_ids))
        cards.append(card)
    return _Cost(total, cards[0], tuple(rate_ids))


def _cheapest(periods: Sequence[Period], work: Work, tokens: Tokens) -> int | None:
    found = []
    for period in periods:
        try:
            found.append(_priced(period, work, tokens).pico)
        except _CannotPriceError:
            continue
    return min(found, default=None)


def _converted(row: Row, question: Question, exchange: Exchange) -> Row:
    if row.listing.currency == question.home:
        return row._replace(home_pico=row.amount_pico)
    rate = exchange(row.listing.currency, question.home, question.at.date())
    if rate is None:
        return row
    exact = row.amount_pico * rate.value
    return row._replace(
        home_pico=round_half_even(exact.numerator, exact.denominator),
        exchange=rate,
        wan_input=_times(row.wan_input, rate.value),
        wan_output=_times(row.wan_output, rate.value),
    )


def _times(wan: Wan | None, value: Fraction) -> Wan | None:
    return None if wan is None else Wan(*(amount * value for amount in wan))


def _wan(period: Period, card: Card, item: str, figure: Characters) -> Wan | None:
    """Price of 10,000 characters by a card; None where it has no price of the item."""
    if item in card.missing:
        return None
    pico = card.prices[ITEMS.index(item)] * WAN
    single = Fraction(pico, period.denominator * PICO)
    return Wan(*(single / value for value in (figure.per_token, figure.high, figure.low)))
