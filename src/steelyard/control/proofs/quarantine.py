"""Offers that nobody is sent to, because they were found not to be the model they are sold as.

Kept as measurements of the kind ``quarantine``, of which the newest of an offer says what holds. A
finding puts an offer in; a later test that finds it genuine, or a person with a reason, takes it
out. It holds for what was tested: the same offer bought elsewhere, or as another model, is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.domain.errors import RequestError
from steelyard.store import measurements
from steelyard.store.measurements import Measurement
from steelyard.store.objects import Stored
from steelyard.store.revisions import Change, note

KIND = "quarantine"
TESTS = "authenticity"
"""Kind of the measurements that find an offer genuine or not."""
_HELD, _LIFTED = "held", "lifted"
_REASON_MAX = 500


class NotHeld(RequestError):
    """The offer is in no quarantine."""

    code = "not_quarantined"
    status = 404


class Held(NamedTuple):
    """Why an offer is in quarantine."""

    since_ns: int
    """UTC, nanoseconds."""
    reason: str
    measurement: int
    """Number of the measurement that found it out."""


def held(connection: Connection, offers: Mapping[str, Stored]) -> dict[str, Held]:
    """The offers in quarantine, as they are now."""
    found = {}
    for (name, _), newest in measurements.latest(connection, KIND).items():
        stored = offers.get(name)
        if newest.state != _HELD or stored is None or _bought(stored) != newest.body["bought"]:
            continue
        found[name] = Held(newest.at_ns, newest.body["reason"], newest.body["measurement"])
    return found


def hold(
    connection: Connection, change: Change, stored: Stored, name: str, why: tuple[str, int]
) -> None:
    """Puts an offer into quarantine; ``why`` is the reason and the measurement's number."""
    body = {"bought": _bought(stored), "reason": why[0][:_REASON_MAX], "measurement": why[1]}
    measurements.add(connection, Measurement(KIND, name, change.at_ns, _HELD, body))
    note(connection, change, "quarantined", f"offer/{name}")


def lift(connection: Connection, change: Change, name: str, reason: str) -> None:
    """Takes an offer out of quarantine; who did it and when stands in the audit log.

    Raises:
        NotHeld: it is in none.
    """
    newest = measurements.latest(connection, KIND).get((name, ""))
    if newest is None or newest.state != _HELD:
        raise NotHeld(f"{name[:128]} is not in quarantine.")
    body = {"reason": reason[:_REASON_MAX], "by": change.actor}
    measurements.add(connection, Measurement(KIND, name, change.at_ns, _LIFTED, body))
    note(connection, change, "released", f"offer/{name}")


def _bought(stored: Stored) -> dict[str, Any]:
    """What was tested: where the offer is bought, and as what."""
    return {name: stored.body[name] for name in ("channel", "upstream_model")}
