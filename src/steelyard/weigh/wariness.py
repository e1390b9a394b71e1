"""A helper of a weighing, judge or baseline, whose vendor may bill more than a call allows.

Until a call has kept its bound the helper has one under way, and none any more once an item's tries
have cost more than was held for them. ``race`` does the same for the offers that are weighed.
"""

from __future__ import annotations

import asyncio

from steelyard.weigh.asking import Answer, Ask, AskError, Preempted, Price


class Wary:
    """An ``Ask`` for one helper."""

    def __init__(self, ask: Ask, price: Price | None, attempts: int) -> None:
        """Takes what it needs to know of the helper.

        Args:
            ask: sends the calls.
            price: of one of them; None when it is not known, so that no money is held.
            attempts: that money is held for together.
        """
        self._ask = ask
        self._call_pico_max = price.call_pico_max if price is not None else 0
        self._held_pico = attempts * self._call_pico_max
        self._is_trusted = not self._call_pico_max
        self._is_broken = False
        self._turn = asyncio.Lock()

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        """The answer.

        Raises:
            Preempted: ask again later.
            AskError: no answer; also where the helper has broken its bound.
            SteelyardError: no answer; may be tried again.
        """
        if not self._is_trusted:
            async with self._turn:
                # Who waited for another's call may find it kept, and needs no turn then.
                if not self._is_trusted:
                    return await self._once(offer, request, task)
        return await self._once(offer, request, task)

    async def _once(self, offer: str, request: dict[str, object], task: str) -> Answer:
        if self._is_broken:
            raise AskError(f"{offer} cost more than was held for it", is_retryable=False)
        try:
            answer = await self._ask(offer, request, task=task)
        except Preempted:
            raise  # pushed aside by ourselves: what it cost is nobody's fault
        except AskError as error:
            self._note(error.cost_pico)
            raise
        if not answer.is_stored:
            self._is_trusted = self._is_trusted or answer.cost_pico <= self._call_pico_max
            self._note(answer.cost_pico)
        return answer

    def _note(self, cost_pico: int) -> None:
        if cost_pico > self._call_pico_max > 0:
            self._is_trusted = False
            self._is_broken = self._is_broken or cost_pico > self._held_pico
