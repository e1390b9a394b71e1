"""Watches which models really answer: counts their names, raises flags, tells of them.

Fed by the ledger's closed lines alone, each part that the scribe wrote counted once: the number of
the last one counted moves in the same write as the counts. What a flag means for the proofs of an
offer is not decided here, but by ``domain.verdict_life``.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from steelyard.control.control import Control
from steelyard.control.news import tell_news
from steelyard.domain.answering import judge, merged, names_known, shown
from steelyard.domain.errors import RequestError
from steelyard.domain.instants import instant_of
from steelyard.store import answered, books, objects, settings
from steelyard.store.answered import Asked, Flag

log = logging.getLogger(__name__)

COUNTED = "answered.part"
"""Setting: id of the last part of the ledger whose lines were counted."""
TOLD = "answered.told"
"""Setting: number of the last flag that the webhook was told of."""
_BATCHES_MAX = 256
"""Parts counted in one write."""


class NoSuchFlag(RequestError):
    """No flag has this number."""

    code = "answer_flag_not_found"
    status = 404


class AnswerWatch:
    """The job; control owns one and runs it."""

    def __init__(self, control: Control, clock: Callable[[], int] = time.time_ns) -> None:
        """``clock`` gives UTC nanoseconds."""
        self._control = control
        self._clock = clock
        self._asked: dict[tuple[str, int], str] = {}
        """Names in requests, by offer and revision."""

    async def look_once(self) -> int:
        """Counts what was booked since the last look; how many flags that raised."""
        raised, is_news = await asyncio.to_thread(self._look)
        if is_news:
            # Proof of what answered before may be none any more.
            self._control.publisher.core.want()
        return raised

    async def tell_once(self) -> None:
        """Tells the webhook of the flags that it was not told of yet, oldest first."""
        await tell_news(self._control, TOLD, _untold, event_of)

    def _look(self) -> tuple[int, bool]:
        """How many flags were raised, and whether a name answered that never did."""
        folder = self._control.places.home / "ledger"
        with self._control.database.read() as connection:
            before = settings.get(connection, COUNTED)
            parts = _parts(connection, before)
        if not parts:
            return 0, False
        # Imported when there is something to count: the ledger's libraries are heavy.
        names = importlib.import_module("steelyard.control.answers.names")
        files = [folder / name for _, name in parts]
        counted = names.count([file for file in files if _is_there(file)])
        with self._control.database.write() as connection:
            if settings.get(connection, COUNTED) != before:
                return 0, False  # somebody else counted them
            raised, is_news = self._take(connection, counted)
            settings.put(connection, COUNTED, max(number for number, _ in parts))
        for flag in raised:
            log.warning("%s", text_of(flag))
        return len(raised), is_news

    def _take(self, connection: Connection, counted: list[Any]) -> tuple[list[Flag], bool]:
        """Writes names down, and the flags that they raise; whether there was a new name."""
        is_news = False
        known = answered.names(connection)
        offers = objects.current(connection, "offer")
        self._learn(connection, {(each.offer, each.revision) for each in counted})
        last = max((flag.number for flag in answered.flags(connection, limit=1)), default=0)
        for each in counted:
            asked: Asked = (each.offer, self._asked[each.offer, each.revision])
            if not asked[1]:
                continue  # a ledger without its database: nobody knows what was asked for
            before = known.get(asked, [])
            body = offers[each.offer].body if each.offer in offers else {}
            allowed = names_known(asked[1], body.get("model", ""), body.get("answers_as", ()))
            odd = judge(asked[1], before, each.seen, allowed)
            is_news |= odd is not None or each.seen.name not in {seen.name for seen in before}
            known[asked] = merged(before, each.seen)
            now = next(seen for seen in known[asked] if seen.name == each.seen.name)
            answered.write(connection, asked, now)
            if odd is not None:
                answered.raise_flag(connection, asked, odd, each.seen.first_ns)
        return answered.flags(connection, after=last)[::-1], is_news

    def _learn(self, connection: Connection, wanted: set[tuple[str, int]]) -> None:
        """Which names stood in requests: those of the offer as it was at the choice."""
        unknown = wanted - self._asked.keys()
        if not unknown:
            return
        history = objects.history(connection, "offer")
        for offer, revision in unknown:
            past = [p for p in history.get(offer, ()) if p.revision_from <= revision]
            self._asked[offer, revision] = past[-1].body["upstream_model"] if past else ""


async def take_note(control: Control, number: int, actor: str) -> Flag:
    """Closes a flag; returns it as it is then.

    Raises:
        NoSuchFlag: there is none of that number.
    """

    def work(connection: Connection, change: Any) -> Flag:
        answered.take_note(connection, change, number)
        found = answered.flags(connection, number=number)
        if not found:
            raise NoSuchFlag(f"No flag {number}; steelyard answers lists them.")
        return found[0]

    flag: Flag = await control.write(actor, f"answer flag {number} seen", work)
    return flag


def event_of(flag: Flag) -> dict[str, Any]:
    """A flag as the webhook tells it; ``event`` tells it from changes of prices."""
    row = flag_row(flag)
    return {"event": "answer_flag", **row, "number": f"answer-{flag.number}"}


def flag_row(flag: Flag) -> dict[str, Any]:
    """A flag as the API tells it."""
    return {
        "number": flag.number,
        "offer": flag.offer,
        "asked": flag.asked,
        "kind": flag.oddity.kind.value,
        "answered": shown(flag.oddity.name),
        "answered_before": shown(flag.oddity.before),
        "at": instant_of(flag.at_ns).isoformat(),
        "state": "open" if flag.seen_at_ns is None else "seen",
        "seen_at": instant_of(flag.seen_at_ns).isoformat() if flag.seen_at_ns else None,
        "seen_by": flag.seen_by,
        "summary": text_of(flag),
    }


def text_of(flag: Flag) -> str:
    """A flag in a sentence."""
    name, before = shown(flag.oddity.name), shown(flag.oddity.before)
    told = {
        "alias_moved": f"is answered by {name} now, until then by {before}",
        "swapped": f"was answered by {name}, which is another model",
        "mixed": f"is answered by {before} and {name} in turns",
    }
    return f"offer {flag.offer}: {flag.asked} {told[flag.oddity.kind.value]}"


def names_by_offer(connection: Connection) -> Mapping[str, list[dict[str, Any]]]:
    """For people: the names that answered each offer, the latest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for (offer, asked), sightings in answered.names(connection).items():
        rows = found.setdefault(offer, [])
        rows += [
            {
                "name": shown(seen.name),
                "asked": asked,
                "first_seen": instant_of(seen.first_ns),
                "last_seen": instant_of(seen.last_ns),
                "calls": seen.calls,
            }
            for seen in sightings
        ]
        rows.sort(key=lambda row: (row["last_seen"], row["name"]), reverse=True)
    return found


def _parts(connection: Connection, counted: int | None) -> list[tuple[int, str]]:
    """Parts to count, by id.

    The first time that is everything the ledger holds: what came before was merged long ago.
    """
    if counted is None:
        return [(part.part_id, part.name) for part in books.manifest(connection)]
    return answered.batches_after(connection, counted)[:_BATCHES_MAX]


def _is_there(file: Path) -> bool:
    """Whether a part was not merged and deleted before anybody looked at it."""
    if file.exists():
        return True
    log.warning("%s is gone: names that answered its calls are not counted", file.name)
    return False


def _untold(connection: Connection) -> list[Flag]:
    told = settings.get(connection, TOLD, 0)
    return answered.flags(connection, after=told)[::-1]
