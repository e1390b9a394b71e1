"""Somebody's wish that a run ends early, as the run hears of it while it goes on.

Made by whoever starts the run, heeded by the runner: nothing new is asked from then on, what is
under way is finished, graded and written down, and what is known by then is said. A wish to end at
once cuts off what is under way, too: it is counted at the most that it can have cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_BY_HAND = "stopped by "


def by_hand(who: str) -> str:
    """The reason of a run that somebody ended."""
    return _BY_HAND + who


def is_by_hand(reason: str) -> bool:
    """Whether somebody ended the run, so that an item has no answer: no fault of the offer."""
    return reason.startswith(_BY_HAND)


class Halt:
    """The wish of one run; nobody may have it yet."""

    def __init__(self) -> None:
        self.reason = ""
        """Why the run shall end, for people; empty while it may go on."""
        self.is_cut = False
        """Whether calls under way are not waited for."""
        self._asked = asyncio.Event()
        self._on_asked: Callable[[], None] | None = None

    def ask(self, reason: str, *, is_cut: bool = False) -> None:
        """Wishes it; who asks again may have calls cut off that he waited for so far."""
        self.reason = self.reason or reason
        self.is_cut = self.is_cut or is_cut
        self._asked.set()
        if self._on_asked is not None:
            self._on_asked()

    def heed(self, on_asked: Callable[[], None]) -> None:
        """Has ``on_asked`` called at each wish, and at once if there was one before."""
        self._on_asked = on_asked
        if self.reason:
            on_asked()

    async def rest(self, pause_s: float) -> None:
        """Sleeps, but not into a wish to end."""
        try:
            async with asyncio.timeout(pause_s):
                await self._asked.wait()
        except TimeoutError:
            pass
