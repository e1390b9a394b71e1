"""Offers with their prices and proofs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.answers.answered import names_by_offer
from steelyard.control.api.web import admin, control_of, listed
from steelyard.control.prices import book as price_book
from steelyard.control.proofs import measured, proving, quarantine
from steelyard.domain.conditions import Condition, deciding
from steelyard.domain.instants import instant_of
from steelyard.domain.rates import ITEMS, Rate
from steelyard.pricebook.wording import condition_text
from steelyard.store import answered, objects


@admin
async def list_offers(request: Request) -> Response:
    """All offers: where they are bought, what they cost now, whether they are up and proven."""
    control = control_of(request)
    down = control.engines.channel_states()

    def work(connection: Connection) -> list[dict[str, Any]]:
        channels = objects.current(connection, "channel")
        tasks = objects.current(connection, "task")
        offers = measured.offers(connection)
        priced = price_book.offer_prices(connection, offers)
        now_ns = time.time_ns()
        names, flags = names_by_offer(connection), answered.open_kinds(connection)
        held = quarantine.held(connection, offers)
        now = instant_of(now_ns)
        proven: dict[str, dict[str, str]] = {}
        for task, found in proving.load(connection, tasks, now_ns).items():
            for offer, proof in found.items():
                proven.setdefault(offer, {})[task] = proof.standing.status.value
        rows = []
        for name, stored in offers.items():
            body = stored.body
            channel = channels.get(body["channel"])
            state, reason = down.get(body["channel"], ("up", ""))
            rows.append(
                {
                    "name": name,
                    **body,
                    "vendor": channel.body["vendor"] if channel else "",
                    "kind": channel.body["kind"] if channel else "",
                    "residency": channel.body["residency"] if channel else "",
                    "state": state if body["enabled"] else "disabled",
                    "reason": reason,
                    "prices": prices_now(priced[name].rates, now),
                    "price_source": priced[name].origin,
                    "unpriced": priced[name].problem
                    or price_book.prices_missing(priced[name].rates, now),
                    "verdicts": proven.get(name, {}),
                    "answered": names.get(name, []),
                    "flags": flags.get(name, []),
                    "quarantine": held[name].reason if name in held else "",
                    "managed_by": stored.managed_by,
                }
            )
        return rows

    return listed(await control.read(work))


def prices_now(rates: Iterable[Rate], at: datetime) -> dict[str, str]:
    """Prices for people by item and condition, as of an instant (UTC).

    Hours are told, not looked at: a price by day and one by night are both there.
    """
    found: dict[tuple[str, Condition], Rate] = {}
    for rate in sorted(rates, key=lambda rate: rate.valid_from):
        if rate.valid_from <= at and (rate.valid_to is None or at < rate.valid_to):
            found[rate.item, deciding(rate.condition)] = rate
    shown = {}
    texts = {(item, condition_text(condition)): rate for (item, condition), rate in found.items()}
    # As bills have it: input first, and what always holds before what holds at times.
    for item, text in sorted(texts, key=lambda cell: (_place(cell[0]), bool(cell[1]), *cell)):
        shown[f"{item} ({text})" if text else item] = rate_text(texts[item, text])
    return shown


def _place(item: str) -> int:
    return ITEMS.index(item) if item in ITEMS else len(ITEMS)


def rate_text(rate: Rate) -> str:
    """A price for people: ``0.8 CNY/mtok``; a fraction that never ends is cut at six digits."""
    scaled = 10**6 * rate.amount
    amount = f"{float(rate.amount):.6g}" if scaled.denominator != 1 else f"{scaled / 10**6}"
    if "/" in amount:
        amount = f"{int(scaled) / 10**6:.6f}".rstrip("0").rstrip(".")
    return f"{amount} {rate.currency}/{rate.unit}"


routes = [
    Route("/api/offers", list_offers),
]
