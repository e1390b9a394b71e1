"""Verdicts are told to the webhook, and offers are tested again when their verdict is old."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from steelyard.config.weighing import Authenticity
from steelyard.control.authenticity.reference import path_of
from steelyard.control.control import Control
from steelyard.control.news import tell_news, untold
from steelyard.control.proofs import measured, quarantine
from steelyard.domain.errors import Overloaded, SteelyardError
from steelyard.domain.instants import DAY_NS, instant_of
from steelyard.store import measurements
from steelyard.store.measurements import Measurement

log = logging.getLogger(__name__)

TOLD = "authenticity.told"
"""Setting: number of the last verdict that the webhook was told of."""


class AuthenticityWatch:
    """The jobs; control owns one and runs it."""

    def __init__(self, control: Control, clock: Callable[[], int] = time.time_ns) -> None:
        """``clock`` gives UTC nanoseconds."""
        self._control = control
        self._clock = clock

    async def tell_once(self) -> None:
        """Tells the webhook of the newest verdicts that it was not told of yet, oldest first."""
        await tell_news(self._control, TOLD, untold(TOLD, quarantine.TESTS), event_of)

    async def test_once(self) -> None:
        """Tests the offer whose verdict is the oldest, if it is too old; as it was tested before.

        Only where the configuration names an age. What cannot be tested is said, and tried again
        with the next round.
        """
        config = self._control.config
        if config is None or not config.weighing.authenticity.every_days:
            return
        terms = config.weighing.authenticity
        since_ns = self._clock() - terms.every_days * DAY_NS
        due = await self._control.read(lambda connection: _due(connection, since_ns))
        # Imported when there is something to do: its HTTP client costs a sixth of the start.
        from steelyard.control.authenticity import run  # noqa: PLC0415

        for found in due:
            wish = _again(found, terms, run.folder_of(self._control))
            try:
                await run.verify(self._control, wish, lambda row: None)
            except Overloaded:
                return
            except SteelyardError as error:
                log.warning("%s is not tested again: %s", found.offer, error)
            else:
                return


def event_of(found: Measurement) -> dict[str, Any]:
    """A verdict as the webhook tells it; ``event`` tells it from changes of prices."""
    body = found.body
    return {
        "event": "authenticity",
        "number": f"authenticity-{found.number}",
        "offer": found.offer,
        "state": found.state,
        "at": instant_of(found.at_ns).isoformat(),
        "summary": f"offer {found.offer}: {found.state.replace('_', ' ')}. {body['why']}",
        "alarms": [finding["name"] for finding in body["findings"] if finding["is_alarm"]],
        "error": body["error"],
        "calls": body["calls"],
        "cost_pico": body["cost_pico"],
        "currency": body["currency"],
    }


def _due(connection: Connection, since_ns: int) -> list[Measurement]:
    """The last tests of offers that are as they were, older than that, the oldest first."""
    offers = measured.offers(connection)
    found = [
        each
        for each in measurements.latest(connection, quarantine.TESTS).values()
        if each.at_ns < since_ns and each.offer in offers and offers[each.offer].body["enabled"]
    ]
    return sorted(found, key=lambda each: each.at_ns)


def _again(found: Measurement, terms: Authenticity, folder: Path) -> Any:
    """The same test once more: against the same offer, or the answers that were kept."""
    from steelyard.control.authenticity import targets  # noqa: PLC0415 - as above

    reference = found.body["reference"]
    against = reference.get("offer") or str(path_of(folder, reference["sha256"]))
    return targets.Wish(
        *(found.offer, against, terms.money, Fraction(str(terms.error))), is_same_model=True
    )
