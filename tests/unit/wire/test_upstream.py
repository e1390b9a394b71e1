"""What needs no socket; the rest is in tests/integration/test_wire_upstream.py."""

import asyncio

import pytest

from steelyard.wire.timers import TimerWheel
from steelyard.wire.upstream import Failure, Origin, Pool, PoolLimits, Timeouts


class Notes:
    def __init__(self) -> None:
        self.failures: list[Failure] = []

    def on_failed(self, failure: Failure) -> None:
        self.failures.append(failure)


def play(limits: PoolLimits, story) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        wheel = TimerWheel(loop)
        pool = Pool(Origin(uds="/nonexistent/socket"), limits, wheel, loop)
        await story(pool)
        pool.close()
        wheel.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("limits", "is_closed", "kind"),
    [
        (PoolLimits(queue_max=0), False, "overflow"),
        (PoolLimits(), True, "cancelled"),
        (PoolLimits(), False, "connect"),
    ],
)
def test_a_call_that_fails_at_once_fails_after_send_returned(limits, is_closed, kind):
    async def story(pool):
        if is_closed:
            pool.close()
        notes = Notes()
        handle = pool.send(b"REQUEST", notes, Timeouts())
        assert notes.failures == []
        await asyncio.sleep(0.05)
        (failure,) = notes.failures
        assert (failure.kind, failure.phase, failure.is_sent) == (kind, "connect", False)
        assert not failure.has_head and not handle.is_sent
        assert pool.failures == {kind: 1}
        assert pool.waiting_count == pool.open_count == 0

    play(limits, story)


@pytest.mark.parametrize("limits", [PoolLimits(queue_max=0), PoolLimits()])
def test_a_cancelled_call_hears_nothing(limits):
    async def story(pool):
        notes = Notes()
        handle = pool.send(b"REQUEST", notes, Timeouts())
        handle.cancel()
        handle.cancel()
        assert pool.waiting_count == 0
        await asyncio.sleep(0.05)
        assert notes.failures == []

    play(limits, story)
