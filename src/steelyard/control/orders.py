"""What workers hear of ordered work: kept in the database at once, booked by ``order_ends``."""

from __future__ import annotations

import asyncio
from typing import Any

from steelyard.domain.errors import UnbalancedEntry
from steelyard.domain.usage import Usage, usage_of
from steelyard.store import orders
from steelyard.store.database import Database
from steelyard.store.orders import End


class Orders:
    """How orders ended, on its way into the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._told: list[End] = []

    def told(self, fields: list[Any], now_ns: int) -> None:
        """Takes a worker's frame: the attempt's key, whether it is done, usage.

        Raises:
            ValueError, TypeError: it is no such frame.
        """
        (incarnation, sequence, attempt, called_at_ns), is_done, counts = fields
        key = (int(incarnation), int(sequence), int(attempt))
        usage = _usage(counts)
        self._told.append(End(key, int(called_at_ns), bool(is_done), usage, now_ns))

    async def keep_once(self) -> None:
        """Writes down what was told; what fails is kept for the next time.

        Raises:
            StoreUnavailable: the database failed.
        """
        if not self._told:
            return
        ends = list(self._told)
        await asyncio.to_thread(self._keep, ends)
        del self._told[: len(ends)]

    def _keep(self, ends: list[End]) -> None:
        with self._database.write() as connection:
            orders.keep(connection, ends)


def _usage(counts: Any) -> Usage | None:
    """A usage that came over the link; one that no vendor can mean is none."""
    if counts is None:
        return None
    usage = usage_of(counts)
    try:
        usage.check()
    except UnbalancedEntry:
        return None
    return usage
