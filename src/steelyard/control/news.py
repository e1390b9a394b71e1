"""News told once: what a watch found goes to the webhook, in order, and is remembered as told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from steelyard.control import webhook
from steelyard.control.control import Control
from steelyard.control.downloads import TIMEOUT_S
from steelyard.control.price_watch.loop import watch_of
from steelyard.store import measurements, settings
from steelyard.store.measurements import Measurement


class Numbered(Protocol):
    """Something found that has a number of its own, rising."""

    @property
    def number(self) -> int:
        """Its number."""


Found = TypeVar("Found", bound=Numbered)


async def tell_news(
    control: Control,
    told: str,
    untold: Callable[[Connection], Sequence[Found]],
    event_of: Callable[[Found], Mapping[str, Any]],
) -> None:
    """Tells the webhook of what it was not told of yet, oldest first.

    Args:
        control: whose database and webhook.
        told: name of the setting that holds the number of the last one told.
        untold: what was not told yet, oldest first.
        event_of: what the webhook is sent of one.
    """
    waiting = await control.read(untold)
    if not waiting:
        return

    def remember(number: int) -> None:
        with control.database.write() as connection:
            settings.put(connection, told, number)

    target = watch_of(control).webhook
    if target is None:
        # Who sets a webhook up wants news, not history.
        await asyncio.to_thread(remember, waiting[-1].number)
        return
    import httpx  # noqa: PLC0415 - costs a sixth of control's start, and most need it never

    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
        for found in waiting:
            await webhook.tell(client, target, event_of(found))
            await asyncio.to_thread(remember, found.number)


def untold(told: str, kind: str, state: str = "") -> Callable[[Connection], list[Measurement]]:
    """Finds what is newest of a kind and was not told yet, oldest first, for ``tell_news``.

    Args:
        told: as ``tell_news`` is given it.
        kind: of the measurements.
        state: only those that say this; empty for all.
    """

    def find(connection: Connection) -> list[Measurement]:
        last = settings.get(connection, told, 0)
        latest = measurements.latest(connection, kind).values()
        waiting = [each for each in latest if each.number > last and state in ("", each.state)]
        return sorted(waiting, key=lambda each: each.number)

    return find
