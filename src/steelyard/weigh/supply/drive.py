"""Runs a measurement of supply in real time: sends when a call is due, tells how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from steelyard.weigh.supply.finder import Finder, Found, Reply
from steelyard.weigh.supply.record import Sent

_LOOK_S = 0.25
"""Longest wait without a look: a pace that rises makes the next call due earlier."""
_GRACE_S = 10.0
"""How long calls under way may take to end: they are paid for."""
Clock = Callable[[], float]
Send = Callable[[], Awaitable[Reply]]
"""Makes one call; raises nothing for what a vendor does."""


async def find_limit(
    finder: Finder,
    send: Send,
    clock: Clock = time.monotonic,
    tell: Callable[[Finder], None] = lambda _: None,
) -> Found:
    """Measures until ``finder`` is done; ``tell`` is called with it several times a second.

    Whoever cancels this ends it at once, and ``finder`` keeps what is known.
    """
    loop = asyncio.get_running_loop()
    under_way: dict[asyncio.Task[tuple[Reply, float]], Sent] = {}

    async def call() -> tuple[Reply, float]:
        reply = await send()
        return reply, clock()

    async def take(timeout_s: float) -> None:
        if not under_way:
            await asyncio.sleep(timeout_s)
            return
        done, _ = await asyncio.wait(
            under_way, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            reply, ended_s = task.result()
            finder.ended(under_way.pop(task), reply, ended_s)

    try:
        while (due_s := finder.due_s(clock())) is not None:
            tell(finder)
            wait_s = due_s - clock()
            if wait_s <= 0:
                sent = finder.sent(clock())
                under_way[loop.create_task(call())] = sent
            else:
                await take(min(wait_s, _LOOK_S))
        found_s = clock()
        while under_way and clock() < found_s + _GRACE_S:
            await take(_LOOK_S)
        return finder.found(found_s)
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
