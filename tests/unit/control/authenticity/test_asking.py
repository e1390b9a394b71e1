"""Questions are put as long as there is money and somebody answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from steelyard.control.authenticity.asking import Asking, Told
from steelyard.control.authenticity.calling import TRIES_MAX
from steelyard.control.authenticity.heard import Heard
from steelyard.control.authenticity.record import Record, read
from steelyard.control.authenticity.schedule import Slot
from steelyard.control.authenticity.till import Price, Till
from steelyard.domain.errors import BudgetExceeded, StoreUnavailable
from steelyard.pricebook.book import flat
from steelyard.weigh.authenticity.probes import Kind, Probe

PERIOD = flat((0, 2**63 - 1), (1, 1, 1, 1, 1, 0), ())
PROBE = Probe("open-en-00", Kind.OPEN, "en", "Name one animal.", 12, samples=99)
SLOTS = [Slot("suspect", PROBE.id, n) for n in range(40)]


class Played:
    """A caller that answers as it is told."""

    def __init__(self, heard: Heard | None = None, error: Exception | None = None) -> None:
        self.heard, self.error = heard, error
        self.asked: list[int] = []

    def body(self, probe: Probe, sample: int = 0) -> dict[str, Any]:
        messages = [{"role": "user", "content": probe.prompt}]
        return {"messages": messages, "max_tokens": probe.max_tokens}

    async def ask(self, probe: Probe, sample: int = 0) -> Heard:
        await asyncio.sleep(0)
        self.asked.append(sample)
        if self.error is not None:
            raise self.error
        return replace(self.heard or Heard(text="cat", cost_pico=5))


def run(path: Path, caller: Played, budget_pico: int = 10**9) -> tuple[Asking, Till, list[Told]]:
    told: list[Told] = []
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    till = Till("CNY", budget_pico, {"suspect": Price(PERIOD)})
    with Record(path) as record:
        callers: Any = {"suspect": caller}
        asking = Asking(record, till, callers, Random(1), sleep)
        asyncio.run(asking.run(SLOTS, {PROBE.id: PROBE}, 0.5, told.append))
    assert all(pause >= 0 for pause in pauses)
    return asking, till, told


def test_everything_is_asked_once_and_told(tmp_path: Path) -> None:
    caller = Played()
    asking, till, told = run(tmp_path / "r.jsonl", caller)
    assert sorted(caller.asked) == list(range(40)) and not asking.stopped
    assert (till.paid_pico, till.held_pico) == (200, 0)
    assert told[0] == Told(0, 40, 0, 0) and told[-1] == Told(40, 40, 200, 0)
    again = Played()
    run(tmp_path / "r.jsonl", again)
    assert again.asked == []


def test_it_stops_where_the_money_might_not_reach(tmp_path: Path) -> None:
    caller = Played()
    bound = Till("CNY", 0, {"suspect": Price(PERIOD)}).bound("suspect", caller.body(PROBE))
    asking, till, _ = run(tmp_path / "r.jsonl", caller, TRIES_MAX * bound + 9)
    assert asking.stopped == "the money does not reach further"
    assert 0 < len(caller.asked) <= 3 and till.paid_pico <= TRIES_MAX * bound + 9


def test_a_vendor_that_fails_every_try_does_not_pass_the_budget(tmp_path: Path) -> None:
    body = Played().body(PROBE)
    bound = Till("CNY", 0, {"suspect": Price(PERIOD)}).bound("suspect", body)
    budget = 5 * TRIES_MAX * bound
    for heard in (Heard(text="x", cost_pico=TRIES_MAX * bound), Heard(text="x", lost=TRIES_MAX)):
        caller = Played(heard)
        path = tmp_path / f"{heard.lost}.jsonl"
        asking, till, _ = run(path, caller, budget)
        assert asking.stopped and till.paid_pico <= budget
        assert read(path).heard[SLOTS[0]].cost_pico == TRIES_MAX * bound


def test_a_side_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    caller = Played(Heard(error="HTTP 500"))
    with pytest.raises(StoreUnavailable, match="the suspect does not answer: HTTP 500"):
        run(tmp_path / "r.jsonl", caller)
    assert 12 <= len(caller.asked) <= 14


def test_a_refusal_that_every_call_would_meet_ends_it(tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded):
        run(tmp_path / "r.jsonl", Played(error=BudgetExceeded("used up")))
