"""Watches supply for free: every closed line of the ledger says how fast an answer came, or failed.

Fed part by part as the scribe writes them, each once: what the alarms have learnt and the number of
the last part move in the same write. An alarm is a measurement of state ``slow``; the webhook is
told. It stays until somebody measures the offer anew, and then what is usual is learnt anew, too.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from steelyard.control.control import Control
from steelyard.control.news import tell_news, untold
from steelyard.control.supply.told import KIND, SLOW, WATCH, event_of
from steelyard.domain.instants import instant_of
from steelyard.store import answered, books, measurements, settings
from steelyard.store.measurements import Measurement
from steelyard.weigh.supply.alarm import Change, FailureAlarm, SlowAlarm, Speed, speed_of

log = logging.getLogger(__name__)

COUNTED = "supply.part"
"""Setting: id of the last part of the ledger whose lines were taken in."""
TOLD = "supply.told"
"""Setting: number of the last alarm that the webhook was told of."""
_BATCHES_MAX = 64
_ALARMED = "alarmed"


class SupplyWatch:
    """The job; control owns one and runs it."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def look_once(self) -> int:
        """Takes in what was booked since the last look; how many alarms that raised."""
        raised = await asyncio.to_thread(self._look)
        if raised:
            # Tasks that demand supply go by it at once.
            self._control.publisher.core.want()
        return raised

    async def tell_once(self) -> None:
        """Tells the webhook of alarms that it was not told of yet, oldest first."""
        await tell_news(self._control, TOLD, untold(TOLD, KIND, SLOW), event_of)

    def _look(self) -> int:
        folder = self._control.places.home / "ledger"
        with self._control.database.read() as connection:
            before = settings.get(connection, COUNTED)
            newest = max((part.part_id for part in books.manifest(connection)), default=0)
            after = newest if before is None else before
            parts = answered.batches_after(connection, after)[:_BATCHES_MAX]
        if before is None:
            # What was booked before anybody watched raises no alarm.
            self._remember(newest)
            return 0
        if not parts:
            return 0
        # Imported when there is something to read: the ledger's libraries are heavy.
        lines = importlib.import_module("steelyard.control.supply.lines")
        files = [folder / name for _, name in parts]
        taken = lines.read([file for file in files if file.exists()])
        with self._control.database.write() as connection:
            if settings.get(connection, COUNTED) != before:
                return 0  # somebody else took them in
            raised = _take(connection, taken)
            settings.put(connection, COUNTED, max(number for number, _ in parts))
        for alarm in raised:
            log.warning("%s", alarm.body["detail"])
        return len(raised)

    def _remember(self, number: int) -> None:
        with self._control.database.write() as connection:
            settings.put(connection, COUNTED, number)


def _take(connection: Connection, lines: Iterable[Any]) -> list[Measurement]:
    """Feeds the alarms, and writes down what they say."""
    watched: dict[str, dict[str, Any]] = settings.get(connection, WATCH, {})
    alarms: dict[str, _Offer] = {}
    found: list[Measurement] = []
    for line in lines:
        alarm = alarms.get(line.offer)
        if alarm is None:
            alarm = alarms[line.offer] = _resumed(line.offer, watched.get(line.offer, {}))
        change = alarm.take(line)
        if change is not None:
            known = measurements.latest(connection, KIND).get((line.offer, ""))
            body = {**(known.body if known is not None else {}), **_body(line.offer, change)}
            raised = Measurement(KIND, line.offer, change.at_ns, SLOW, body)
            found.append(raised._replace(number=measurements.add(connection, raised)))
    for name, alarm in alarms.items():
        watched[name] = alarm.dump()
    if alarms:
        settings.put(connection, WATCH, watched)
    return found


def _resumed(offer: str, state: dict[str, Any]) -> _Offer:
    """The alarms of an offer as they were kept; anew where another version kept them."""
    try:
        return _Offer(state)
    except (KeyError, TypeError, ValueError) as error:
        kind = type(error).__name__
        log.warning("what is usual of offer %s cannot be read (%s): learnt anew", offer, kind)
        return _Offer({})


class _Offer:
    """The alarms of one offer; silent from the first alarm until they are reset."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._speeds = {
            speed: SlowAlarm.load(state[speed.value]) if speed.value in state else SlowAlarm()
            for speed in Speed
        }
        failures = state.get("failures")
        self._failures = FailureAlarm.load(failures) if failures else FailureAlarm()
        self._is_alarmed = bool(state.get(_ALARMED))

    def take(self, line: Any) -> Change | None:
        if self._is_alarmed:
            return None
        change = self._failures.take(line.at_ns, is_failed=line.is_failed)
        if not line.is_failed:
            speed = speed_of(
                line.output_tokens, line.first_byte_s, line.total_s, is_stream=line.is_stream
            )
            if speed is not None:
                kind = Speed.STREAMED if line.is_stream else Speed.WHOLE
                change = self._speeds[kind].take(speed, line.at_ns) or change
        self._is_alarmed = change is not None
        return change

    def dump(self) -> dict[str, Any]:
        state: dict[str, Any] = {speed.value: a.dump() for speed, a in self._speeds.items()}
        return {**state, "failures": self._failures.dump(), _ALARMED: self._is_alarmed}


def _body(offer: str, change: Change) -> dict[str, Any]:
    since = instant_of(change.since_ns)
    if change.what == "speed":
        told = f"{change.after:.1f} tokens/s instead of {change.before:.1f}"
    else:
        told = f"{change.after:.0%} of calls succeed instead of {change.before:.0%}"
    when = f"since {since:%Y-%m-%d %H:%M} UTC ({change.calls} calls)"
    return {
        "change": {**change._asdict(), "since": since.isoformat()},
        "detail": f"offer {offer}: {told}, {when}",
    }
