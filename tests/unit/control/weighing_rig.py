"""A control over a small task of one's own, and an asker that is a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from migrated import copy_migrated

from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.control.weighing.weighings import Weighings
from steelyard.domain.errors import BudgetExceeded
from steelyard.domain.tasks import Verdict
from steelyard.store import proofs
from steelyard.weigh.asking import Answer

CONFIG = """
weigh_when_idle: {idle}
channels: {{shop: {{base_url: "http://x/v1"}}}}
offers:
  - {{model: good, channel: shop, context: 9, rates: {{input: 2 CNY/mtok, output: 2 CNY/mtok}}}}
  - {{model: bad, channel: shop, context: 9, rates: {{input: 1 CNY/mtok, output: 1 CNY/mtok}}}}
  - {{model: free, channel: shop, context: 9}}
tasks:
  mood:
    set: sets/mood.jsonl
    grader: label
    floor: {floor}
    form: {{id: plain}}
    is_weighed_when_idle: true
  shop/review-sentiment: {{enabled: false}}
  shop/booking-slots: {{enabled: false}}
"""
GOOD, BAD = "shop/good", "shop/bad"


def write_set(home: Path, count: int = 40) -> None:
    (home / "sets").mkdir(exist_ok=True)
    rows = (
        {"id": f"i{n}", "input": f"Item {n}.", "reference": "yes", "labels": ["yes", "no"]}
        for n in range(count)
    )
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (home / "sets" / "mood.jsonl").write_text(text)


def write_config(home: Path, *, floor: str = "0.6", is_idle: bool = False) -> None:
    text = CONFIG.format(idle=str(is_idle).lower(), floor=floor)
    (home / "steelyard.yaml").write_text(text)


def make_control(home: Path) -> Control:
    copy_migrated(home, has_prices=True)
    control = Control(Places(home, home, 8080), {})
    control.prepare()
    return control


def weighing_control(home: Path, *, is_idle: bool = False) -> Control:
    """A control whose set and configuration are there."""
    write_set(home)
    write_config(home, is_idle=is_idle)
    return make_control(home)


def rows(control: Control) -> list[Any]:
    """The weighings, oldest first."""
    with control.database.read() as connection:
        return list(reversed(proofs.recent_weighings(connection, 50)))


def verdicts(control: Control) -> dict[str, Verdict]:
    """The newest of each offer."""
    with control.database.read() as connection:
        return {v.offer: v for v in proofs.latest_verdicts(connection)}


def run(work: Coroutine[Any, Any, None], within_s: float = 60.0) -> None:
    """Runs a test's work; what hangs is a failure and no wait."""

    async def bounded() -> None:
        async with asyncio.timeout(within_s):
            await work

    asyncio.run(bounded())


class ScriptedAsk:
    """Answers yes for the good offer and no for the other; may hang, become worse, be away."""

    def __init__(self) -> None:
        self.word = "yes"
        self.asked: list[str] = []
        self.is_known = True
        self.has_money = True
        self.hang_after: int | None = None
        self.hanging = asyncio.Event()
        self.was_background: list[bool] = []
        self.n_closed = 0
        self.cost_pico = 10

    def make(self, url: str, key: str, busy: asyncio.Event | None) -> ScriptedAsk:
        assert key.startswith("sk-")
        self.was_background.append(busy is not None)
        return self

    async def wait_until_known(self, timeout_s: float) -> bool:
        return self.is_known

    async def close(self) -> None:
        self.n_closed += 1

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        if not self.has_money:
            raise BudgetExceeded("Account weighing has no room.")
        if self.hang_after is not None and len(self.asked) >= self.hang_after:
            self.hanging.set()
            await asyncio.get_running_loop().create_future()
        self.asked.append(offer)
        await asyncio.sleep(0)
        word = self.word if offer == GOOD else "no"
        return Answer(word, "stop", 5, 1, self.cost_pico, "CNY", 0.01)


async def until(holds: Callable[[], object], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.005)


async def finished(weighings: Weighings) -> None:
    """Waits until nothing that was asked for runs."""
    await until(lambda: not weighings._asked)
