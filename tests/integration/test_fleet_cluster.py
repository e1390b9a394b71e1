"""Questions from a real Ray cluster: they reach the gateway as ours do, and refusals come back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from steelyard.control.own_calls.fleet import FleetAsk, Place
from steelyard.domain.errors import BudgetExceeded
from steelyard.testing.replies import Answer, Raw, json_response
from steelyard.testing.upstream import ScriptedVendor, Settings
from steelyard.weigh.asking import AskError

pytest.importorskip("ray", reason="the extra ray is not installed")

KEY = "sk-weigh"
REQUEST: dict[str, object] = {"messages": [{"role": "user", "content": "你好"}], "max_tokens": 4}


@asynccontextmanager
async def cluster() -> AsyncIterator[tuple[ScriptedVendor, FleetAsk]]:
    """A vendor that stands for the gateway, and a cluster of this machine with two askers."""
    async with ScriptedVendor(Settings(key=KEY)) as vendor:
        ask = FleetAsk(Place("local", 2, vendor.base_url.removesuffix("/v1")), KEY)
        try:
            with warnings.catch_warnings():
                # Ray forks and leaves files to the collector; that is its own affair.
                warnings.simplefilter("ignore")
                assert await ask.wait_until_known(30)
                yield vendor, ask
        finally:
            await ask.close()


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(100):
            await work()

    asyncio.run(bounded())


def pid_of(asker: Any) -> Any:
    return asker.__ray_call__.remote(lambda _self: os.getpid())


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_asks_as_we_do_and_survives_the_loss_of_an_asker() -> None:
    async def work() -> None:
        async with cluster() as (vendor, ask):
            headers = (("x-steelyard-cost", "0.0025 CNY, settled"), ("x-steelyard-call", "c7"))
            vendor.script([Answer(parts=("是",), headers=headers)])
            answer = await ask("shop/m", REQUEST, task="mood")
            assert (answer.text, answer.cost_pico, answer.currency) == ("是", 25 * 10**8, "CNY")
            asked = vendor.received[-1]
            assert json.loads(asked.body) == {**REQUEST, "model": "offer:shop/m"}
            assert asked.header("x-steelyard-why") == "weigh"

            refusal = {"error": {"message": "No.", "type": "t", "code": "because"}}
            vendor.script([Raw((json_response(status, refusal),)) for status in (402, 400)])
            with pytest.raises(BudgetExceeded, match="because: No"):
                await ask("shop/m", REQUEST, task="mood")
            with pytest.raises(AskError, match="because: No") as refused:
                await ask("shop/m", REQUEST, task="mood")
            assert not refused.value.is_retryable

            # Both askers serve in turn; one is killed, its question fails, the next ones do not.
            first, second = await asyncio.gather(*map(pid_of, ask._askers))
            assert first != second
            os.kill(first, signal.SIGKILL)
            replies = await asyncio.gather(
                *(ask("shop/m", REQUEST, task="mood") for _ in range(6)), return_exceptions=True
            )
            lost = [each for each in replies if isinstance(each, AskError)]
            assert all(each.is_retryable for each in lost) and len(lost) <= 3
            async with asyncio.timeout(30):
                while True:
                    try:
                        await asyncio.gather(
                            *(ask("shop/m", REQUEST, task="mood") for _ in range(4))
                        )
                        break
                    except AskError:
                        await asyncio.sleep(0.2)

    run(work)
