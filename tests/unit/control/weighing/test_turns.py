"""Weighings that are stopped: running, waiting, in the background, over, never there."""

from __future__ import annotations

import asyncio

import pytest

from control.weighing_rig import (
    BAD,
    GOOD,
    ScriptedAsk,
    finished,
    rows,
    run,
    until,
    verdicts,
)
from steelyard.control.control import Control
from steelyard.control.weighing.orders import Order
from steelyard.control.weighing.turns import Stop, WeighingNotFound, WeighingOver
from steelyard.control.weighing.weighings import Weighings
from steelyard.weigh.asking import Answer

MOOD = Stop("admin", task="mood")
WHY = "stopped by admin"


class Gate(ScriptedAsk):
    """Holds calls beyond a number until it is opened."""

    def __init__(self, n_free: int) -> None:
        super().__init__()
        self.n_free = n_free
        self.n_begun = 0
        self.opened = asyncio.Event()
        self.n_cut = 0

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        self.n_begun += 1
        if self.n_begun > self.n_free:
            self.hanging.set()
            try:
                await self.opened.wait()
            except asyncio.CancelledError:
                self.n_cut += 1
                raise
        return await super().__call__(offer, request, task=task)


def test_what_is_under_way_is_finished_and_the_next_weighing_goes_on(control: Control) -> None:
    gate = Gate(6)

    async def work() -> None:
        weighings = Weighings(control, "", gate.make)
        await weighings.start(Order("mood", [GOOD], concurrency=2))
        await gate.hanging.wait()
        (job,) = await weighings.stop(MOOD)
        assert [standing.number for standing in job.standings] == [1]
        shown = weighings.live()[1]
        assert (shown["state"], shown["detail"]) == ("stopping", WHY)
        gate.opened.set()
        await finished(weighings)
        assert len(gate.asked) == gate.n_begun <= 8
        (row,) = rows(control)
        assert (row["state"], row["detail"], row["items_done"]) == ("stopped", WHY, gate.n_begun)
        assert row["paid_pico"] == str(10 * gate.n_begun)
        unsure = verdicts(control)[GOOD]
        assert (unsure.status.value, unsure.n) == ("not_proven", gate.n_begun)

        again = ScriptedAsk()
        weighings = Weighings(control, "", again.make)
        await weighings.start(Order("mood", [GOOD], concurrency=2))
        await finished(weighings)
        proven = verdicts(control)[GOOD]
        assert proven.status.value == "proven"
        assert rows(control)[1]["paid_pico"] == str(10 * len(again.asked))
        # What is asked ahead in vain is paid for and not read.
        assert proven.n <= len(gate.asked) + len(again.asked) <= proven.n + 4

    run(work())


def test_calls_under_way_can_be_cut_off_also_later(control: Control) -> None:
    gate = Gate(6)

    async def work() -> None:
        weighings = Weighings(control, "", gate.make)
        await weighings.start(Order("mood", [GOOD], concurrency=2))
        await gate.hanging.wait()
        await weighings.stop(MOOD)
        await weighings.stop(Stop("admin", number=1, is_cut=True))
        await finished(weighings)

    run(work())
    (row,) = rows(control)
    assert (row["state"], row["detail"], row["items_done"]) == ("stopped", WHY, 6)
    assert gate.n_cut >= 1
    # Nobody knows what they cost: the most that they can is counted.
    assert int(row["paid_pico"]) > 60
    assert verdicts(control)[GOOD].n == 6


def test_one_that_waits_is_over_at_once_and_the_running_one_goes_on(control: Control) -> None:
    gate = Gate(6)

    async def work() -> None:
        weighings = Weighings(control, "", gate.make)
        await weighings.start(Order("mood", [GOOD]))
        await gate.hanging.wait()
        await weighings.start(Order("mood", [GOOD, BAD]))
        await asyncio.sleep(0)
        (job,) = await weighings.stop(Stop("admin", number=3))
        assert [standing.number for standing in job.standings] == [2, 3]
        await until(lambda: rows(control)[2]["ended_at_ns"])
        assert [row["ended_at_ns"] is None for row in rows(control)] == [True, False, False]
        gate.opened.set()
        await finished(weighings)

    run(work())
    running, *waiting = rows(control)
    assert (running["state"], running["detail"]) == ("done", "")
    assert [(row["state"], row["detail"]) for row in waiting] == [("stopped", WHY)] * 2
    assert set(gate.asked) == {GOOD}


def test_what_was_proven_is_not_taken_back(control: Control) -> None:
    gate = Gate(3)

    async def work() -> None:
        weighings = Weighings(control, "", ScriptedAsk().make)
        await weighings.start(Order("mood", [GOOD]))
        await finished(weighings)
        weighings = Weighings(control, "", gate.make)
        await weighings.start(Order("mood", [GOOD], is_fresh=True))
        await gate.hanging.wait()
        await weighings.stop(MOOD)
        gate.opened.set()
        await finished(weighings)

    run(work())
    assert rows(control)[1]["detail"] == WHY
    assert verdicts(control)[GOOD].status.value == "proven"


def test_what_is_over_or_never_was_cannot_be_stopped(control: Control) -> None:
    async def work() -> None:
        weighings = Weighings(control, "", ScriptedAsk().make)
        for wish in (MOOD, Stop("admin", number=1)):
            with pytest.raises(WeighingNotFound, match=r"no weighing (of mood|1);"):
                await weighings.stop(wish)
        await weighings.start(Order("mood", [GOOD]))
        await finished(weighings)
        for wish in (MOOD, Stop("admin", number=1)):
            with pytest.raises(WeighingOver, match=r"is over since .* UTC \(done\)"):
                await weighings.stop(wish)

    run(work())


def test_what_is_stopped_in_the_background_is_left_alone_until_somebody_asks(idle: Control) -> None:
    gate = Gate(0)

    async def work() -> None:
        weighings = Weighings(idle, "", gate.make)
        background = asyncio.get_running_loop().create_task(weighings.run_when_idle())
        await gate.hanging.wait()
        (job,) = await weighings.stop(Stop("admin", task="mood", is_cut=True))
        assert job.is_background
        await until(lambda: rows(idle)[0]["ended_at_ns"])
        begun = len(rows(idle))
        await asyncio.sleep(0.1)
        assert len(rows(idle)) == begun
        gate.opened.set()
        await weighings.start(Order("mood", [GOOD]))
        await until(lambda: GOOD in verdicts(idle))
        background.cancel()
        await asyncio.wait({background})
        await finished(weighings)

    run(work())
