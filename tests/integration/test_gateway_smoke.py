"""One call through a real worker to the scripted vendor, plain and streamed."""

import asyncio

import httpx

from steelyard.domain.calls import Outcome
from steelyard.gateway.snapshot import Meter
from steelyard.testing.upstream import ScriptedVendor
from steelyard.testing.worker import ACCOUNT, KEY, RunningWorker, Setup

BUDGET = Meter(f"account:{ACCOUNT}", "money", 10**15, "CNY", "account demo, month")
HEADERS = {"authorization": f"Bearer {KEY}"}
BODY = {"model": "model-a", "messages": [{"role": "user", "content": "hello"}]}


def test_a_plain_call_is_answered_priced_and_booked() -> None:
    async def scenario() -> None:
        async with ScriptedVendor() as vendor:
            setup = Setup([vendor.base_url], meters=(BUDGET,))
            async with RunningWorker(setup) as worker, httpx.AsyncClient() as client:
                path = f"{worker.url}/v1/chat/completions"
                answer = await client.post(path, json=BODY, headers=HEADERS)
                assert answer.status_code == 200, answer.text
                assert answer.json()["choices"]
                assert answer.headers["x-steelyard-offer"] == "channel-0/model-a"
                assert answer.headers["x-steelyard-attempts"] == "1"
                print(answer.headers, answer.text)
                streamed = await client.post(path, json=BODY | {"stream": True}, headers=HEADERS)
                print(streamed.text[-600:])
                assert "[DONE]" in streamed.text
                await asyncio.sleep(0.1)
                intents, settlements = worker.journal()
                print(intents, settlements)
                assert len(intents) == len(settlements) == 2
                assert {s.outcome for s in settlements} == {Outcome.COMPLETED}

    asyncio.run(scenario())
