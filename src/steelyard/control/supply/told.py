"""What is known of supply, as it is shown and told; success by hour is read from the ledger."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from steelyard.control.control import Control
from steelyard.domain.calls import Why
from steelyard.domain.instants import instant_of
from steelyard.store.measurements import Measurement
from steelyard.weigh.supply.hours import Hour, by_hour

KIND = "supply"
SLOW = "slow"
WATCH = "supply.watch"
"""Setting: by offer, what the alarms have learnt."""
DAYS = 7
"""Days of the ledger that success by hour is taken from."""
_NS_PER_DAY = 86_400 * 10**9
_COUNTED = [why.value for why in Why if why is not Why.SUPPLY]
"""Calls of a measurement are refused on purpose."""
_FAILED = ("refused", "uncertain", "cut", "not_sent")
CALLERS_FAULT = (400, 404, 405, 409, 413, 422)
"""Of a refusal that says nothing about supply: the request was wrong."""
_CALLERS_FAULT = frozenset(map(str, CALLERS_FAULT))


def hours_of(control: Control, now_ns: int, offer: str = "") -> dict[str, list[Hour]]:
    """Success by hour of the day (UTC) of offers that were called lately; blocks."""
    reports = importlib.import_module("steelyard.ledger.reports")
    where: dict[str, Sequence[str]] = {"why": _COUNTED, "kind": ["attempt"]}
    if offer:
        where["offer"] = [offer]
    query = reports.Query(where, now_ns - DAYS * _NS_PER_DAY)
    asked = reports.Reports(control.places.home, control.database)
    counts: dict[str, list[tuple[int, int, int]]] = {}
    for row in asked.summarise(("offer", "hour", "outcome", "status"), query):
        if row["outcome"] == "refused" and row["status"] in _CALLERS_FAULT:
            continue
        is_good = row["outcome"] == "completed"
        if is_good or row["outcome"] in _FAILED:
            tried = int(row["attempts"])
            part = (int(row["hour"]), tried, tried if is_good else 0)
            counts.setdefault(str(row["offer"]), []).append(part)
    return {name: by_hour(parts) for name, parts in counts.items()}


def row_of(offer: str, known: Measurement | None, hours: Sequence[Hour]) -> dict[str, Any]:
    """What is known of an offer, as the API tells it."""
    row: dict[str, Any] = {
        "object": "supply",
        "offer": offer,
        "state": "unknown" if known is None else known.state,
        "at": None if known is None else instant_of(known.at_ns).isoformat(),
    }
    if known is not None:
        row |= known.body
    row["success_by_hour"] = [
        {
            "hour": hour.hour,
            "calls": hour.calls,
            "succeeded": hour.succeeded,
            "lower": round(hour.lower, 4),
            "upper": round(hour.upper, 4),
            "is_thin": hour.is_thin,
        }
        for hour in hours
    ]
    return row


def event_of(known: Measurement) -> dict[str, Any]:
    """An alarm as the webhook tells it."""
    return {
        "event": "supply_alarm",
        "number": f"supply-{known.number}",
        "offer": known.offer,
        "state": known.state,
        "at": instant_of(known.at_ns).isoformat(),
        "change": known.body.get("change"),
        "summary": known.body.get("detail", ""),
    }
