"""Collects what a test rests on into one document, for whoever asks for the money back."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from steelyard import __version__
from steelyard.control.authenticity import keeping
from steelyard.control.authenticity.record import Record, read
from steelyard.control.authenticity.reference import kept_pool
from steelyard.control.authenticity.run import folder_of
from steelyard.control.authenticity.schedule import Side
from steelyard.control.control import Control
from steelyard.control.prices import book as price_book
from steelyard.control.proofs import measured
from steelyard.domain.errors import ConfigError
from steelyard.domain.instants import instant_of
from steelyard.domain.rates import Rate
from steelyard.pricebook.wording import condition_text
from steelyard.store import objects
from steelyard.store.measurements import Measurement
from steelyard.weigh.authenticity.evidence import FORMAT, VERSION, answer_row, probe_row
from steelyard.weigh.authenticity.probes import find_probe

_LINE = (
    *("attempt_id", "outcome", "why", "model_asked", "model_answered", "vendor_call_id"),
    *("input_tokens", "output_tokens", "usage_source", "cost_pico", "currency", "rate_ids"),
)
"""What of a ledger's line is evidence; no account and no key is."""
_LINES_MARGIN_NS = 3600 * 10**9


async def document(control: Control, number: int) -> dict[str, Any]:
    """The evidence of a test.

    Raises:
        NoSuchTest: there is none of that number.
        ConfigError: its record or its reference is gone, or was changed.
        StoreError: the database or the record cannot be read.
    """

    def work(connection: Connection) -> tuple[Measurement, dict[str, Any], list[dict[str, Any]]]:
        found = keeping.find(connection, number)
        bought = found.body["bought"]
        return found, _place(connection, bought), _prices(connection, bought["offer"], found)

    found, place, prices = await control.read(work)
    record = await asyncio.to_thread(_record, control, found)
    lines = await asyncio.to_thread(_lines, control, record, found)
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_by": f"steelyard {__version__}",
        "test": number,
        "bought": {**found.body["bought"], **place, "prices": prices},
        "reference": found.body["reference"],
        "began": instant_of(found.body["began_ns"]).isoformat(),
        "ended": instant_of(found.at_ns).isoformat(),
        "method": {
            "error": record.head["error"],
            "seed": record.head["seed"],
            "sampling": record.head["sampling"],
            "calls": record.head["calls"],
            "questions_sha256": record.head["probes"],
            "record_sha256": found.body["sha256"],
        },
        "verdict": {"state": found.state, **{n: found.body[n] for n in _TOLD}},
        "beside": {name: found.body[name] for name in ("answered", "lags", "alike", "lost")},
        "paid": {name: found.body[name] for name in ("cost_pico", "currency", "calls")},
        "probes": [probe_row(find_probe(name)) for name in _asked(record)],
        "answers": await asyncio.to_thread(_answers, control, record),
        "ledger": lines,
    }


_TOLD = (*("why", "error", "findings", "hints", "n_suspect", "n_reference", "swapped_at_least"),)
"""What of a measurement's body is the verdict, as the statistics gave it."""


def _record(control: Control, found: Measurement) -> Record:
    record = read(folder_of(control) / found.body["record"])
    if record.digest() != found.body["sha256"]:
        raise ConfigError(f"the record of test {found.number} was changed since its verdict")
    return record


def _place(connection: Connection, bought: Mapping[str, str]) -> dict[str, str]:
    """Where the vendor is reached; without what may be secret in an address."""
    channel = objects.current(connection, "channel").get(bought["channel"])
    parts = urlsplit(channel.body.get("base_url") or "") if channel else urlsplit("")
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return {"address": f"{parts.scheme}://{host}{port}{parts.path}" if host else ""}


def _prices(connection: Connection, offer: str, found: Measurement) -> list[dict[str, Any]]:
    """The price book's rates for the offer that held when the test began."""
    stored = measured.offers(connection).get(offer)
    if stored is None:
        return []
    at = instant_of(found.body["began_ns"])
    rates = price_book.offer_rates(connection, {offer: stored}).get(offer, ())
    held = [r for r in rates if r.valid_from <= at and (r.valid_to is None or at < r.valid_to)]
    return [_price(rate) for rate in held]


def _price(rate: Rate) -> dict[str, Any]:
    return {
        "item": rate.item,
        "amount": str(rate.amount),
        "currency": rate.currency,
        "per": rate.unit,
        "condition": condition_text(rate.condition),
        "from": rate.valid_from.isoformat(),
        "source": rate.source,
        "id": rate.rate_id,
    }


def _asked(record: Record) -> list[str]:
    """Ids of the questions that were answered, in order of their names."""
    return sorted({slot.probe for slot in record.heard})


def _answers(control: Control, record: Record) -> dict[str, list[dict[str, Any]]]:
    """Both sides' answers, in the order in which they were judged."""
    found: dict[str, list[dict[str, Any]]] = {Side.SUSPECT: [], Side.REFERENCE: []}
    for slot, heard in record.heard.items():
        if heard.is_answer:
            row = answer_row(heard.of(slot.probe))
            told = {"call_id": heard.call_id, "model": heard.model, "asked_at": heard.asked_at}
            told |= {"fingerprint": heard.fingerprint, "cost_pico": str(heard.cost_pico)}
            found[slot.side].append({**row, **told})
    if digest := record.head["reference"].get("sha256"):
        pool = kept_pool(digest, folder_of(control))
        found[Side.REFERENCE] = [answer_row(answer) for answer in pool.genuine]
    return found


def _lines(control: Control, record: Record, found: Measurement) -> list[dict[str, Any]]:
    """The ledger's lines of the suspect's calls: what was paid for, and the vendor's own ids."""
    # Imported when first asked: the ledger's libraries are heavy.
    reports = importlib.import_module("steelyard.ledger.reports")
    calls = {heard.call_id for slot, heard in record.heard.items() if slot.side == Side.SUSPECT}
    query = reports.Query(
        {"offer": [found.offer]},
        found.body["began_ns"],
        found.at_ns + _LINES_MARGIN_NS,
    )
    asked = reports.Reports(control.places.home, control.database)
    lines = asked.lines(reports.LINES_MAX, query)
    return [
        {"called_at": instant_of(line["called_at_ns"]).isoformat(), **_line(line)}
        for line in reversed(lines)
        if line["attempt_id"].rpartition("-")[0] in calls
    ]


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: line.get(name) for name in _LINE}
    return {**told, "cost_pico": str(told["cost_pico"] or 0)}
