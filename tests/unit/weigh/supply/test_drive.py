"""The finder in real time, for fractions of a second."""

from __future__ import annotations

import asyncio
import time

import pytest

from steelyard.weigh.supply.drive import find_limit
from steelyard.weigh.supply.finder import Finder, Reply, Terms
from steelyard.weigh.supply.record import End


def test_calls_are_sent_when_due_and_told_when_ended() -> None:
    async def run() -> None:
        finder = Finder(Terms(6000, seconds_max=0.4), time.monotonic())
        told: list[int] = []

        async def send() -> Reply:
            await asyncio.sleep(0.01)
            return Reply(End.ACCEPTED, cost_pico=2)

        found = await find_limit(finder, send, tell=lambda f: told.append(len(f.record.calls)))
        assert found.why == "the time is up"
        assert found.calls >= 1 and found.cost_pico == 2 * found.calls
        assert told and finder.in_flight == 0

    asyncio.run(run())


def test_whoever_cancels_it_leaves_nothing_running() -> None:
    async def run() -> None:
        finder = Finder(Terms(600), time.monotonic())
        gone: list[bool] = []

        async def send() -> Reply:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                gone.append(True)
                raise
            return Reply(End.ACCEPTED)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await find_limit(finder, send)
        assert gone == [True]

    asyncio.run(run())
