"""A run that somebody ends: nothing new is asked, nothing that is paid is lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.domain.tasks import Status
from steelyard.weigh import runner
from steelyard.weigh.asking import Answer, AskError, Contender, Preempted, Price
from steelyard.weigh.entrants import Goal
from steelyard.weigh.halting import Halt
from steelyard.weigh.results import Result
from steelyard.weigh.runfile import read_records
from steelyard.weigh.runner import run
from steelyard.weigh.tries import Patience
from weigh.rig import DATASET, TASK, A, B, mostly_yes, options, yes

WHY = "stopped by admin"
PRICED = Contender("a", price=Price("USD", 10, 20, Fraction(1)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


class Gate:
    """Answers until a number of calls; then it holds them until it is opened."""

    def __init__(self, n_free: int) -> None:
        self.n_free = n_free
        self.n_asked = 0
        self.n_held = 0
        self.opened = asyncio.Event()

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        self.n_asked += 1
        if self.n_asked > self.n_free:
            self.n_held += 1
            await self.opened.wait()
        await asyncio.sleep(0)
        content: str = request["messages"][0]["content"]  # type: ignore[index]
        return mostly_yes(offer, content)

    async def is_held(self, count: int) -> None:
        async with asyncio.timeout(5):
            while self.n_held < count:
                await asyncio.sleep(0.001)


def weigh(
    ask: Callable[..., Awaitable[Answer]],
    path: Path,
    halt: Halt,
    meanwhile: Callable[[], Awaitable[None]],
    *contenders: Contender,
    **more: object,
) -> list[Result]:
    """The results of a run, with something going on beside it."""

    async def both() -> list[Result]:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(meanwhile())  # type: ignore[arg-type]
            chosen = options(halt=halt, **more)
            return await run(TASK, DATASET, contenders or (A,), ask, path=path, options=chosen)
        raise AssertionError

    return asyncio.run(both())


def test_what_is_under_way_is_finished_and_counts(path: Path) -> None:
    gate, halt = Gate(5), Halt()

    async def meanwhile() -> None:
        await gate.is_held(3)
        halt.ask(WHY)
        await asyncio.sleep(0.01)
        gate.opened.set()

    (result,) = weigh(gate, path, halt, meanwhile, concurrency=3)
    assert gate.n_asked == 8
    assert result.verdict.status is Status.NOT_PROVEN
    assert (result.stopped, result.why, result.is_dropped) == (WHY, WHY, False)
    assert result.verdict.n + result.verdict.n_unscored == 8 == len(list(read_records(path)))
    assert result.verdict.cost_pico == 80


def test_what_is_cut_off_is_asked_again_and_counted_at_the_most_it_can_have_cost(
    path: Path,
) -> None:
    gate, halt = Gate(4), Halt()

    async def meanwhile() -> None:
        await gate.is_held(2)
        halt.ask(WHY, is_cut=True)
        halt.ask(WHY, is_cut=True)

    (result,) = weigh(gate, path, halt, meanwhile, PRICED, concurrency=2)
    assert (result.stopped, result.verdict.n) == (WHY, 4)
    assert result.paid_pico == 4 * 10 + 2 * 20
    kept = list(read_records(path))
    assert [record.is_answered for record in kept].count(False) == 2
    assert {record.grade.reason for record in kept if not record.is_answered} == {WHY}

    again = Gate(1000)
    (whole,) = weigh(again, path, Halt(), _nothing, PRICED)
    assert whole.stopped == ""
    assert again.n_asked == whole.verdict.n - 4


def test_who_waited_for_calls_may_cut_them_off_later(path: Path) -> None:
    gate, halt = Gate(2), Halt()

    async def meanwhile() -> None:
        await gate.is_held(1)
        halt.ask(WHY)
        await asyncio.sleep(0.01)
        halt.ask("another reason", is_cut=True)

    (result,) = weigh(gate, path, halt, meanwhile)
    assert (result.stopped, result.verdict.n) == (WHY, 2)


def test_an_answer_that_is_being_graded_is_not_cut_off(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, halt = Gate(1000), Halt()
    put = runner._Runner._put

    async def slowly(self: runner._Runner, *arguments: object) -> None:
        halt.ask(WHY, is_cut=True)
        await asyncio.sleep(0.01)
        halt.ask(WHY, is_cut=True)
        await asyncio.sleep(0.01)
        await put(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(runner._Runner, "_put", slowly)
    (result,) = weigh(gate, path, halt, _nothing)
    assert result.verdict.n == 1 == len(list(read_records(path)))


def test_one_that_was_ended_before_it_began_asks_nothing(path: Path) -> None:
    gate, halt = Gate(1000), Halt()
    halt.ask(WHY)
    (result,) = weigh(gate, path, halt, _nothing)
    assert (gate.n_asked, result.verdict.n, result.stopped) == (0, 0, WHY)


def test_an_offer_that_is_decided_keeps_its_verdict(path: Path) -> None:
    halt = Halt()
    asked = {"a": 0, "b": 0}

    async def ask(offer: str, request: dict[str, object], *, task: str) -> Answer:
        asked[offer] += 1
        if asked["b"] == 40:
            halt.ask(WHY)
        return yes() if offer == "a" or asked["b"] % 5 < 3 else Answer("no", cost_pico=10)

    good, unsure = weigh(ask, path, halt, _nothing, A, B)
    assert (good.verdict.status, good.stopped) == (Status.PROVEN, "")
    assert (unsure.verdict.status, unsure.stopped) == (Status.NOT_PROVEN, WHY)
    assert unsure.verdict.n == 40


def test_where_the_cheapest_is_sought_a_proven_offer_says_that_it_was_ended(path: Path) -> None:
    halt = Halt()
    n_asked = 0

    async def ask(offer: str, request: dict[str, object], *, task: str) -> Answer:
        nonlocal n_asked
        n_asked += 1
        if n_asked == 40:
            halt.ask(WHY)
        return yes()

    found = weigh(ask, path, halt, _nothing, A, B, goal=Goal.CHEAPEST)
    assert {result.stopped for result in found} == {WHY}
    assert not any(result.is_cheapest for result in found)


@pytest.mark.parametrize("error", [AskError("busy"), Preempted("somebody else called")])
def test_nobody_sleeps_into_a_wish_to_end(path: Path, error: AskError) -> None:
    halt = Halt()
    began_s = time.monotonic()

    async def ask(offer: str, request: dict[str, object], *, task: str) -> Answer:
        asyncio.get_running_loop().call_later(0.01, halt.ask, WHY)
        raise error

    patience = Patience(backoff_min_s=30.0)
    (result,) = weigh(ask, path, halt, _nothing, patience=patience)
    assert time.monotonic() - began_s < 5
    assert (result.stopped, result.verdict.n, result.is_dropped) == (WHY, 0, False)


@pytest.mark.parametrize("is_cut", [False, True])
def test_ends_at_any_moment_change_nothing_that_is_said_later(path: Path, is_cut: bool) -> None:
    (whole,) = weigh(Gate(1000), path.with_name("whole.jsonl"), Halt(), _nothing)
    chance = random.Random(7)
    n_answered = n_ends = 0

    async def ask(offer: str, request: dict[str, object], *, task: str) -> Answer:
        nonlocal n_answered
        if chance.random() < 0.2:
            halt.ask(WHY, is_cut=is_cut)
        await asyncio.sleep(chance.random() / 1000)
        n_answered += 1
        content: str = request["messages"][0]["content"]  # type: ignore[index]
        return mostly_yes(offer, content)

    while True:
        halt = Halt()
        (result,) = weigh(ask, path, halt, _nothing, concurrency=3)
        if not result.stopped:
            break
        n_ends += 1
    assert n_ends > 3
    assert result.verdict == whole.verdict
    assert len(list(read_records(path))) == n_answered, "an answer is lost, or was asked for twice"


async def _nothing() -> None:
    pass
