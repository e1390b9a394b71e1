"""What a claim about prices can be computed from: a small vocabulary, one function each.

Every function takes its inputs by name as the claim writes them, looks prices, limits and exchange
rates up (see ``claim_inputs`` for how a price is written), and gives one exact ``Value``.

Called by ``claims`` only. Nothing here reads a file, a clock or a float.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from steelyard.domain.rates import UNITS
from steelyard.pricebook.claim_inputs import Lookup, Unknown, Value, input_of, number

_MINUTES_PER_DAY = 24 * 60
_DAYS_PER_YEAR = 365
_MONEY = re.compile(r"([\d._]+) ([A-Z]{3})")

Arguments = Mapping[str, str]
Compute = Callable[[Lookup, Arguments], Value]


class Kind(NamedTuple):
    """One word of the vocabulary."""

    compute: Compute
    needs: frozenset[str]
    may: frozenset[str] = frozenset()


def _change_percent(lookup: Lookup, given: Arguments) -> Value:
    before, after = _comparable(lookup, given["from"], given["to"], given.get("exchange"))
    if not before:
        raise Unknown("it was free before: no percentage")
    return Value((after - before) / before * 100, "%")


def _annual_change_percent(lookup: Lookup, given: Arguments) -> Value:
    """The yearly change that, compounded over the days between both prices, makes the whole."""
    earlier, later = lookup.price(given["from"]), lookup.price(given["to"])
    if earlier.day is None or later.day is None or later.day <= earlier.day:
        raise ValueError("an annual change runs from a listed price to a later one")
    if earlier.currency != later.currency or not earlier.amount or not later.amount:
        raise Unknown("an annual change needs two prices in one currency, both above zero")
    whole = later.amount / earlier.amount
    with localcontext(prec=40) as context:
        part = Decimal(_DAYS_PER_YEAR) / Decimal((later.day - earlier.day).days)
        base = Decimal(whole.numerator) / Decimal(whole.denominator)
        yearly = Fraction(context.power(base, part))
    return Value((yearly - 1) * 100, "% a year")


def _share_of(lookup: Lookup, given: Arguments) -> Value:
    whole, part = _comparable(lookup, given["whole"], given["part"], given.get("exchange"))
    if not whole:
        raise Unknown("the whole is free: no share")
    return Value(part / whole * 100, "%")


def _buys(lookup: Lookup, given: Arguments) -> Value:
    return Value(_bought(lookup, given), "tokens")


def _characters_per_token(lookup: Lookup, given: Arguments) -> Value:
    tokens = number(given["tokens"]) if "tokens" in given else _bought(lookup, given)
    return Value(number(given["characters"]) / tokens, "characters/token")


def _cost_of_volume(lookup: Lookup, given: Arguments) -> Value:
    tokens = number(given["tokens"])
    output_share = number(given.get("output_percent", "0")) / 100
    price = lookup.price(given["input"])
    cost = tokens * (1 - output_share) * price.amount
    if output_share:
        if "output" not in given:
            raise ValueError("a volume with output needs the price of output")
        of_output = lookup.price(given["output"])
        if of_output.currency != price.currency:
            raise ValueError("input and output are priced in different currencies")
        cost += tokens * output_share * of_output.amount
    return Value(cost, price.currency)


def _time_under_limit(lookup: Lookup, given: Arguments) -> Value:
    day = date.fromisoformat(given["on"])
    per_minute = lookup.limit(given["listing"], "tpm", day)
    return Value(number(given["tokens"]) / per_minute / _MINUTES_PER_DAY, "days")


def _price_of(lookup: Lookup, given: Arguments) -> Value:
    price = lookup.price(given["price"])
    unit = given.get("unit", price.unit)
    if unit not in UNITS:
        raise ValueError(f"unknown unit {unit!r}; one of {', '.join(UNITS)}")
    return Value(price.amount * UNITS[unit], f"{price.currency}/{unit}")


def _price_before(lookup: Lookup, given: Arguments) -> Value:
    """The price from which a change of so many percent leads to the one given."""
    price, left = lookup.price(given["price"]), 1 + number(given["percent"]) / 100
    if left <= 0:
        raise ValueError("a change of -100 % or more leads from no price to another")
    return Value(price.amount / left * UNITS[price.unit], f"{price.currency}/{price.unit}")


def _free_since(lookup: Lookup, given: Arguments) -> Value:
    """The first day, in the listing's zone, since which all of its tokens cost nothing."""
    day, name = date.fromisoformat(given["on"]), given["listing"]
    zone = ZoneInfo(lookup.named(name).zone)
    begins = []
    for item in ("input", "output"):
        line = lookup.line(name, item, day)
        if line.rate.amount:
            raise Unknown(f"{item} of {name} is not free on {day}")
        lookup.used.append(input_of(f"{name} {item}, {day}", line))
        begin = line.rate.valid_from
        for earlier in reversed(lookup.lines(name, item)):
            if earlier.rate.valid_to == begin and not earlier.rate.amount:
                begin = earlier.rate.valid_from
        begins.append(begin)
    return Value(max(begins).astimezone(zone).date(), "day")


KINDS: Mapping[str, Kind] = {
    "change_percent": Kind(_change_percent, frozenset({"from", "to"}), frozenset({"exchange"})),
    "annual_change_percent": Kind(_annual_change_percent, frozenset({"from", "to"})),
    "share_of": Kind(_share_of, frozenset({"part", "whole"}), frozenset({"exchange"})),
    "buys": Kind(_buys, frozenset({"money", "price"}), frozenset({"exchange"})),
    "characters_per_token": Kind(
        _characters_per_token,
        frozenset({"characters"}),
        frozenset({"tokens", "money", "price", "exchange"}),
    ),
    "cost_of_volume": Kind(
        _cost_of_volume, frozenset({"tokens", "input"}), frozenset({"output", "output_percent"})
    ),
    "time_under_limit": Kind(_time_under_limit, frozenset({"tokens", "listing", "on"})),
    "price_of": Kind(_price_of, frozenset({"price"}), frozenset({"unit"})),
    "price_before": Kind(_price_before, frozenset({"price", "percent"})),
    "free_since": Kind(_free_since, frozenset({"listing", "on"})),
}
"""The vocabulary: name -> function, arguments that must and that may be given."""


def _comparable(
    lookup: Lookup, one: str, other: str, exchange: str | None
) -> tuple[Fraction, Fraction]:
    """Two prices of a single thing in one currency: that of the second.

    They are exchanged at the day given, or else at that of the second price, or of the first.
    """
    first, second = lookup.price(one), lookup.price(other)
    if first.currency == second.currency:
        return first.amount, second.amount
    day = date.fromisoformat(exchange) if exchange else second.day or first.day
    if day is None:
        raise ValueError("two currencies are compared: name a day in exchange")
    return first.amount * lookup.worth(first.currency, second.currency, day), second.amount


def _bought(lookup: Lookup, given: Arguments) -> Fraction:
    """How many tokens the money buys at the price."""
    if not {"money", "price"} <= set(given):
        raise ValueError("name tokens, or money and price")
    found = _MONEY.fullmatch(given["money"])
    if found is None:
        raise ValueError(f"no money: {given['money'][:40]!r}; write such as 1 CNY")
    price = lookup.price(given["price"])
    if not price.amount:
        raise Unknown("it is free: money buys any number")
    amount, currency = number(found[1]), found[2]
    if currency == price.currency:
        return amount / price.amount
    day = date.fromisoformat(given["exchange"]) if "exchange" in given else price.day
    if day is None:
        raise ValueError("money and price are in two currencies: name a day in exchange")
    return amount / (price.amount * lookup.worth(price.currency, currency, day))
