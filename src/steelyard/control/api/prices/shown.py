"""The market's answers as JSON: plain values, every amount as decimal text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from steelyard.domain.conditions import to_plain
from steelyard.domain.listings import UNKNOWN_START, Fact, ListedRate, Listing
from steelyard.domain.money import to_decimal
from steelyard.domain.rates import ExchangeRate
from steelyard.pricebook.buys import Bill, Bought
from steelyard.pricebook.compare import Comparison, Question, Row, Wan
from steelyard.pricebook.history import Step
from steelyard.pricebook.limits import Amount, duration_text, free_s, limit_text
from steelyard.pricebook.tokens import Characters
from steelyard.pricebook.wording import (
    condition_text,
    decimal_text,
    money_text,
    shown_amount,
    shown_unit,
)


def step(found: Step, zone: ZoneInfo) -> dict[str, Any]:
    """A step of a history; ``change`` is a share of the price before, such as ``-0.8``.

    ``from_day`` and ``to_day`` are its instants in the vendor's ``zone``, without the hour where
    that is midnight.
    """
    return {
        **_listing(found.listing),
        "source": found.line.origin,
        "item": found.item,
        "condition": condition_text(found.line.rate.condition),
        "deciding": condition_text(found.condition),
        "conditions": to_plain(found.line.rate.condition),
        "from": found.from_at,
        "to": found.to_at,
        "from_day": day_text(found.from_at, zone),
        "to_day": day_text(found.to_at, zone) if found.to_at else None,
        "zone": zone.key,
        "price": decimal_text(found.amount),
        "unit": found.unit,
        "change": None if found.change is None else decimal_text(found.change),
        **_evidence(found.line),
    }


def comparison(question: Question, found: Comparison, top: int) -> dict[str, Any]:
    """A comparison: at most ``top`` rows of each kind, and how many there were."""
    groups = {
        "priced": found.priced,
        "free": found.free,
        "unconvertible": found.unconvertible,
    }
    return {
        "at": question.at,
        "home_currency": question.home,
        "language": question.language,
        "counts": {
            **{name: len(rows) for name, rows in groups.items()},
            "unpriced": len(found.unpriced),
        },
        **{name: [_row(row, question) for row in rows[:top]] for name, rows in groups.items()},
        "unpriced": [
            {**_listing(one.listing), "reason": one.reason} for one in found.unpriced[:top]
        ],
    }


def bill(asked: Bill, found: Sequence[Bought], lost: Sequence[Listing], top: int) -> dict[str, Any]:
    """What money buys: at most ``top`` lines of each item."""
    shown: list[Bought] = []
    for item in asked.items:
        shown.extend([one for one in found if one.line.rate.item == item][:top])
    return {
        "money": decimal_text(asked.amount),
        "currency": asked.currency,
        "at": asked.at,
        "language": asked.language,
        "count": len(found),
        "data": [_bought(one) for one in shown],
        "unconvertible": [_listing(listing) for listing in lost[:top]],
    }


def _bought(found: Bought) -> dict[str, Any]:
    texts = found.texts()
    rate = found.line.rate
    return {
        **_listing(found.listing),
        "source": found.origin,
        "item": rate.item,
        "condition": condition_text(rate.condition),
        "price": decimal_text(shown_amount(rate)),
        "unit": shown_unit(rate),
        "amount": decimal_text(found.amount),
        "exchange_rate": exchange_shown(found.exchange) if found.exchange else None,
        "counted": found.counted,
        "number": found.number,
        "characters": None if texts is None else dict(zip(_RANGE, texts, strict=True)),
        "characters_per_token": _characters(found.characters),
        **_evidence(found.line),
    }


_RANGE = ("expected", "low", "high")


def _row(row: Row, question: Question) -> dict[str, Any]:
    return {
        **_listing(row.listing),
        "source": row.origin,
        "region": row.region,
        "seller": row.seller,
        "input_tokens": row.tokens.input_tokens,
        "output_tokens": row.tokens.output_tokens,
        "calls": row.tokens.calls,
        "amount": _pico(row.amount_pico),
        "amount_low": _pico(row.range_pico[0]) if row.range_pico else None,
        "amount_high": _pico(row.range_pico[1]) if row.range_pico else None,
        "amount_cheapest_hour": _pico(row.cheapest_pico),
        "home_amount": _pico(row.home_pico),
        "exchange_rate": exchange_shown(row.exchange) if row.exchange else None,
        "characters_per_token": [_characters(figure) for figure in row.characters],
        "wan_characters": {
            "currency": row.listing.currency if row.home_pico is None else question.home,
            "input": _wan(row.wan_input),
            "output": _wan(row.wan_output),
        },
        **_limits(row, question),
        "notes": row.notes,
        "seen": row.seen_at and f"{row.seen_at:%Y-%m-%d}",
        "rate_ids": row.rate_ids,
    }


def _limits(row: Row, question: Question) -> dict[str, Any]:
    work = Amount(row.tokens.total, row.tokens.calls, question.call_s)
    tightest = row.bounds[0] if row.bounds else None
    least = None
    if tightest is not None:
        least = {
            "limit": tightest.name,
            "size": tightest.size,
            "seconds": None if tightest.least_s is None else decimal_text(tightest.least_s),
            "text": "" if tightest.least_s is None else duration_text(tightest.least_s),
        }
    return {"least_time": least, "facts": [_fact(fact, work) for fact in row.facts]}


def _fact(fact: Fact, work: Amount) -> dict[str, Any]:
    found = {
        "kind": fact.kind,
        "text": limit_text(fact),
        "body": dict(fact.body),
        "from": fact.valid_from,
        "to": fact.valid_to,
        "evidence": fact.source,
    }
    if fact.kind == "allowance":
        seconds = free_s(fact, work)
        found["free_seconds"] = None if seconds is None else decimal_text(seconds)
    return found


def day_text(instant: datetime, zone: ZoneInfo) -> str:
    """A day of a zone, with the hour where it is not midnight; ``unknown`` for a missing first."""
    if instant == UNKNOWN_START:
        return "unknown"
    local = instant.astimezone(zone)
    return f"{local:%Y-%m-%d}" if local.time() == time() else f"{local:%Y-%m-%d %H:%M}"


def _listing(listing: Listing) -> dict[str, str]:
    return dict(listing._asdict())


def _evidence(line: ListedRate) -> dict[str, Any]:
    return {
        "basis": line.basis,
        "evidence": line.rate.source,
        "note": line.note,
        "rate_id": line.rate.rate_id,
    }


def exchange_shown(rate: ExchangeRate) -> dict[str, Any]:
    """An exchange rate with its id, the day of which it is (UTC) and who published it."""
    return {
        "id": rate.rate_id,
        "base": rate.base,
        "quote": rate.quote,
        "value": decimal_text(rate.value),
        "day": f"{rate.as_of.astimezone(UTC):%Y-%m-%d}",
        "source": rate.source,
    }


def _characters(figure: Characters | None) -> dict[str, Any] | None:
    if figure is None:
        return None
    return {
        "expected": decimal_text(figure.per_token),
        "low": decimal_text(figure.low),
        "high": decimal_text(figure.high),
        "basis": figure.basis,
        "family": figure.family,
        "language": figure.language,
        "source": figure.source,
        "documents": figure.documents,
    }


def _wan(wan: Wan | None) -> dict[str, str] | None:
    if wan is None:
        return None
    return {name: money_text(amount) for name, amount in zip(_RANGE, wan, strict=True)}


def _pico(amount: int | None) -> str | None:
    return None if amount is None else f"{to_decimal(amount).normalize():f}"
