"""What is found beside the tests: versions that come later, and one model under several names.

Both rest on what vendors say of themselves, or on tests that were not made for it, so they are told
with a verdict and decide nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from steelyard.control.authenticity.record import Record, read
from steelyard.control.authenticity.schedule import Side
from steelyard.control.proofs import quarantine
from steelyard.domain.answering import Sighting, shown
from steelyard.domain.errors import StoreUnavailable
from steelyard.domain.instants import DAY_NS, instant_of
from steelyard.store import answered, measurements
from steelyard.weigh.authenticity.names import twins
from steelyard.weigh.authenticity.probes import ProbeAnswer
from steelyard.weigh.authenticity.version import lags

_OTHERS_MAX = 4
"""Other models of a channel that are compared, the latest tested first: each takes seconds."""
_RECENT_NS = 30 * DAY_NS


def answered_by(record: Record) -> dict[str, list[dict[str, Any]]]:
    """Names and fingerprints that answered, by side, the most frequent first."""
    counted: Counter[tuple[str, str, str]] = Counter(
        (slot.side, heard.model, heard.fingerprint)
        for slot, heard in record.heard.items()
        if heard.is_answer
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for (side, model, fingerprint), count in counted.most_common():
        row = {"model": shown(model), "fingerprint": shown(fingerprint), "calls": count}
        found.setdefault(side, []).append(row)
    return found


def behind(connection: Connection, seller: str, official: str) -> list[dict[str, Any]]:
    """Versions by which an offer came later than another one, as names in answers tell them."""
    found = lags(_sightings(connection, official), _sightings(connection, seller))
    return [
        {
            "version": shown(lag.name),
            "official_since": instant_of(lag.official_ns).isoformat(),
            "seller_since": instant_of(lag.seller_ns).isoformat() if lag.seller_ns else None,
            "days": round(lag.behind_ns / DAY_NS, 1),
        }
        for lag in found
    ]


def same_under_other_names(
    connection: Connection, record: Record, answers: Sequence[ProbeAnswer]
) -> list[dict[str, Any]]:
    """Offers of other models on the same channel that answer alike, from their last tests.

    Blocks for seconds: it compares.
    """
    bought = record.head["suspect"]
    others: dict[str, list[ProbeAnswer]] = {}
    latest = measurements.latest(connection, quarantine.TESTS)
    for (offer, _), newest in sorted(latest.items(), key=lambda each: -each[1].at_ns):
        theirs = newest.body.get("bought", {})
        is_other = theirs.get("channel") == bought["channel"] and theirs["model"] != bought["model"]
        is_recent = newest.at_ns >= record.head["began_ns"] - _RECENT_NS
        if is_other and is_recent and len(others) < _OTHERS_MAX:
            found = _answers(record.path.with_name(newest.body["record"]), record.head)
            if found:
                others[offer] = found
    told = twins(
        bought["offer"],
        answers,
        others,
        error=Fraction(record.head["error"]),
        seed=record.head["seed"],
    )
    return [{"offer": twin.offer, "n": twin.n, "words": twin.words} for twin in told]


def suspect_answers(record: Record, side: str = Side.SUSPECT) -> list[ProbeAnswer]:
    """What a side answered, in the order of the record."""
    return [
        heard.of(slot.probe)
        for slot, heard in record.heard.items()
        if slot.side == side and heard.is_answer
    ]


def _answers(path: Path, head: Mapping[str, Any]) -> list[ProbeAnswer]:
    """Another test's answers, if they are to the same questions, asked in the same manner."""
    try:
        other = read(path)
    except StoreUnavailable:
        return []  # its record was taken away: nothing to compare
    is_same = all(other.head.get(name) == head[name] for name in ("probes", "sampling"))
    return suspect_answers(other) if is_same else []


def _sightings(connection: Connection, offer: str) -> list[Sighting]:
    return [each for found in answered.names(connection, offer).values() for each in found]
