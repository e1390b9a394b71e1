"""What becomes of a verdict: it is written down, puts an offer into quarantine, or takes it out.

A measurement's body holds figures and reasons; answers stay in the record, whose digest is in it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.control.authenticity import beside
from steelyard.control.authenticity.record import Record
from steelyard.control.authenticity.schedule import Side
from steelyard.control.authenticity.till import Till
from steelyard.control.control import Control
from steelyard.control.own_calls.askable import Askable
from steelyard.control.proofs import measured, quarantine
from steelyard.domain.errors import RequestError
from steelyard.domain.instants import instant_of
from steelyard.domain.money import format_pico
from steelyard.store import measurements
from steelyard.store.measurements import Measurement
from steelyard.store.revisions import Change
from steelyard.weigh.authenticity.evidence import verdict_row
from steelyard.weigh.authenticity.probes import ProbeAnswer
from steelyard.weigh.authenticity.verdict import AuthenticityState, AuthenticityVerdict

ACTOR = "verifying"


class NoSuchTest(RequestError):
    """No test of authenticity has this number."""

    code = "authenticity_not_found"
    status = 404


class Judged(NamedTuple):
    """A verdict, and over which answers."""

    verdict: AuthenticityVerdict
    reference: Sequence[ProbeAnswer]
    suspect: Sequence[ProbeAnswer]


class Done(NamedTuple):
    """A test that was made."""

    record: Record
    """Closed."""
    judged: Judged
    till: Till
    stopped: str
    """Why not everything was asked; empty if it was."""
    target: Askable
    """The suspect."""


async def keep(control: Control, done: Done) -> dict[str, Any]:
    """Writes a verdict down, with what follows from it; the measurement as people see it.

    Raises:
        StoreError: the database or the record cannot be written.
    """
    record, verdict = done.record, done.judged.verdict
    may_hold = control.config is None or control.config.weighing.authenticity.quarantine
    body = _body(done)

    def compare(connection: Connection) -> None:
        bought, reference = record.head["suspect"], record.head["reference"]
        body["alike"] = beside.same_under_other_names(connection, record, done.judged.suspect)
        official = reference.get("offer")
        body["lags"] = beside.behind(connection, bought["offer"], official) if official else []

    def work(connection: Connection, change: Change) -> Measurement:
        found = Measurement(
            quarantine.TESTS, done.target.entry.name, time.time_ns(), verdict.state.value, body
        )
        number = measurements.add(connection, found)
        _follow(connection, change, found._replace(number=number), may_hold=may_hold)
        return found._replace(number=number)

    await control.read(compare)
    found: Measurement = await control.write(
        ACTOR, f"test of {done.target.entry.name}: {verdict.state.value}", work
    )
    with Record(record.path) as again:
        again.end(found.number)
    control.publisher.core.want()
    told: dict[str, Any] = await control.read(lambda c: row_of(c, found))
    return told


async def release(control: Control, offer: str, reason: str, actor: str) -> dict[str, Any]:
    """Takes an offer out of quarantine by hand.

    Raises:
        NotHeld: it is in none.
    """

    def work(connection: Connection, change: Change) -> None:
        quarantine.lift(connection, change, offer, reason)

    await control.write(actor, f"{offer} released from quarantine: {reason}"[:300], work)
    control.publisher.core.want()
    return {"offer": offer, "released": True, "reason": reason}


def find(connection: Connection, number: int) -> Measurement:
    """The test of that number.

    Raises:
        NoSuchTest: there is none.
    """
    found = measurements.find(connection, number)
    if found is None or found.kind != quarantine.TESTS:
        raise NoSuchTest(f"No test {number}; steelyard authenticity lists them.")
    return found


def rows(connection: Connection, offer: str = "") -> list[dict[str, Any]]:
    """The last tests of an offer, newest first; or the last one of each."""
    if offer:
        found = measurements.history(connection, quarantine.TESTS, offer)
    else:
        latest = measurements.latest(connection, quarantine.TESTS)
        found = [measurement for _, measurement in sorted(latest.items())]
    return [row_of(connection, each) for each in found]


def row_of(connection: Connection, found: Measurement) -> dict[str, Any]:
    """A test for people and programs; ``quarantine`` is why its offer is held now, or empty."""
    held = quarantine.held(connection, measured.offers(connection)).get(found.offer)
    body = found.body
    return {
        "object": "authenticity",
        "number": found.number,
        "offer": found.offer,
        "state": found.state,
        "at": instant_of(found.at_ns).isoformat(),
        **{name: body[name] for name in body if name != "record"},
        "began": instant_of(body["began_ns"]).isoformat(),
        "cost": format_pico(int(body["cost_pico"])),
        "quarantine": held.reason if held else "",
    }


def answers_of(record: Record) -> dict[str, list[ProbeAnswer]]:
    """What each side answered."""
    return {side: beside.suspect_answers(record, side) for side in (Side.SUSPECT, Side.REFERENCE)}


def error_of(record: Record) -> Fraction:
    """The error that the test was to hold."""
    return Fraction(record.head["error"])


def _body(done: Done) -> dict[str, Any]:
    record, till = done.record, done.till
    told = verdict_row(done.judged.verdict)
    del told["state"]
    suspect = [slot for slot in record.sent if slot.side == Side.SUSPECT]
    lost = [s for s in record.sent if s not in record.heard or not record.heard[s].is_answer]
    return {
        **told,
        "bought": record.head["suspect"],
        "reference": record.head["reference"],
        "began_ns": record.head["began_ns"],
        "calls": len(suspect),
        "calls_reference": len(record.sent) - len(suspect),
        "lost": len(lost),
        "stopped": done.stopped,
        "cost_pico": str(till.paid_pico),
        "currency": till.currency,
        "answered": beside.answered_by(record),
        "record": record.path.name,
        "sha256": record.digest(),
    }


def _follow(connection: Connection, change: Change, found: Measurement, *, may_hold: bool) -> None:
    """Quarantine, where the verdict calls for a change of it."""
    offers: Mapping[str, Any] = measured.offers(connection)
    is_held = found.offer in quarantine.held(connection, offers)
    stored = offers.get(found.offer)
    if found.state == AuthenticityState.NOT_GENUINE and may_hold and not is_held and stored:
        why = (found.body["why"], found.number)
        quarantine.hold(connection, change, stored, found.offer, why)
    elif found.state == AuthenticityState.GENUINE and is_held:
        quarantine.lift(connection, change, found.offer, f"found genuine by test {found.number}")
