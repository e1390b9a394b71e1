"""Questions over real HTTP: what an answer, a refusal and somebody else's call become."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from steelyard.control.own_calls import asking
from steelyard.control.own_calls.asking import BookedOf, GatewayAsk
from steelyard.domain.errors import BudgetExceeded, Forbidden, Unauthenticated
from steelyard.domain.tallies import Tally, Used
from steelyard.domain.usage import Usage
from steelyard.testing.replies import Answer, Ending, Raw, json_response
from steelyard.testing.upstream import ScriptedVendor, Settings
from steelyard.weigh.asking import AskError, Booked, Preempted

REQUEST: dict[str, object] = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}


@asynccontextmanager
async def gateway(
    busy: asyncio.Event | None = None, booked_of: BookedOf | None = None
) -> AsyncIterator[tuple[Any, GatewayAsk]]:
    """A vendor that stands for the gateway: it speaks the same tongue."""
    async with ScriptedVendor(Settings(key="sk-weigh")) as vendor:
        ask = GatewayAsk(vendor.base_url.removesuffix("/v1"), "sk-weigh", busy, booked_of)
        try:
            yield vendor, ask
        finally:
            await ask.close()


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await work()

    asyncio.run(bounded())


def test_one_offer_is_asked_and_the_answer_says_what_it_cost() -> None:
    async def work() -> None:
        async with gateway() as (vendor, ask):
            headers = (("x-steelyard-cost", "0.0025 CNY, settled"), ("x-steelyard-call", "c7"))
            vendor.script([Answer(parts=("yes", "!"), headers=headers)])
            answer = await ask("shop/m", REQUEST, task="mood")
            assert (answer.text, answer.finish_reason, answer.output_tokens) == ("yes!", "stop", 2)
            assert (answer.cost_pico, answer.currency, answer.call_id) == (25 * 10**8, "CNY", "c7")
            assert answer.model_answered == "offer:shop/m"
            (asked,) = vendor.received
            assert json.loads(asked.body) == {**REQUEST, "model": "offer:shop/m"}
            assert asked.header("x-steelyard-why") == "weigh"
            assert asked.header("x-steelyard-task") == "mood"

    run(work)


def plain_answer(*, attempts: str, usage: object) -> Raw:
    choice = {"message": {"content": "yes"}, "finish_reason": "stop"}
    body = {"choices": [choice], "usage": usage, "model": "m", "service_tier": "batch"}
    headers = [("x-steelyard-attempts", attempts), ("x-steelyard-call", "c7")]
    return Raw((json_response(200, body, headers),))


USAGE = {
    **{"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 60}},
    **{"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 8}},
}
USED = Tally.of(Usage(100, 9, 60, 0, 8), "batch")
RETRIED = Tally((Used(Usage(100, 9), "", 2),))


def test_an_answer_says_what_it_used_and_the_ledger_what_it_does_not_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "_LOOKS_MAX", 2)
    asked: list[str] = []

    async def booked_of(call_id: str) -> Booked:
        asked.append(call_id)
        return Booked(42, RETRIED)

    async def work() -> None:
        async with gateway(booked_of=booked_of) as (vendor, ask):
            told, untold = USAGE, {"prompt_tokens": "many"}
            steps = [("1", told), ("2", told), ("1", untold), ("1", untold), ("1", told)]
            vendor.script([plain_answer(attempts=n, usage=usage) for n, usage in steps])
            found = [(await ask("shop/m", REQUEST, task="mood")).used for _ in steps]
            # The ledger is asked so often and no oftener.
            assert found == [USED, RETRIED, RETRIED, None, USED]
            assert asked == ["c7", "c7"]
            body = {"error": {"message": "No.", "type": "t", "code": "because"}}
            refused = json_response(502, body, [("x-steelyard-call", "c8")])
            vendor.script([Raw((refused,))])
            with pytest.raises(AskError) as caught:
                await ask("shop/m", REQUEST, task="mood")
            assert (caught.value.cost_pico, caught.value.used) == (42, RETRIED)

    run(work)


def test_without_a_ledger_what_is_not_said_is_not_known() -> None:
    async def work() -> None:
        async with gateway() as (vendor, ask):
            steps = [plain_answer(attempts=n, usage=USAGE) for n in ("1", "2")]
            vendor.script(steps)
            found = [(await ask("shop/m", REQUEST, task="mood")).used for _ in steps]
            assert found == [USED, None]

    run(work)


@pytest.mark.parametrize("cost", ["", "soon", "1", "nan CNY"])
def test_a_cost_that_is_not_said_is_left_to_the_ledger(cost: str) -> None:
    assert asking._cost(cost)[0] in (0, 10**12)


@pytest.mark.parametrize(
    "usage",
    ["x", [1], {"prompt_tokens": "many", "completion_tokens": -1}, {"prompt_tokens": 1e300}, True],
)
def test_nonsense_beside_an_answer_costs_no_weighing(usage: object) -> None:
    async def work() -> None:
        async with gateway() as (vendor, ask):
            choice = {"message": {"content": "yes"}, "finish_reason": "z" * 5000}
            body = {"choices": [choice], "usage": usage, "model": "m" * 5000}
            vendor.script([Raw((json_response(200, body),))])
            answer = await ask("shop/m", REQUEST, task="mood")
            assert (answer.text, answer.input_tokens, answer.output_tokens) == ("yes", 0, 0)
            assert len(answer.finish_reason) == len(answer.model_answered) == 128

    run(work)


def test_an_answer_nested_without_end_is_none() -> None:
    async def work() -> None:
        async with gateway() as (vendor, ask):
            body = b"[" * 100_000
            head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)
            vendor.script([Raw((head + body,))])
            with pytest.raises(AskError, match="no chat completion"):
                await ask("shop/m", REQUEST, task="mood")

    run(work)


def refusal(status: int) -> Raw:
    body = {"error": {"message": "No.", "type": "t", "code": "because"}}
    return Raw((json_response(status, body),))


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unauthenticated), (402, BudgetExceeded), (403, Forbidden)]
)
def test_what_every_call_would_meet_ends_the_weighing(status: int, kind: type[Exception]) -> None:
    async def work() -> None:
        async with gateway() as (vendor, ask):
            vendor.script([refusal(status)])
            with pytest.raises(kind, match="because: No"):
                await ask("shop/m", REQUEST, task="mood")

    run(work)


@pytest.mark.parametrize(
    ("step", "is_retryable", "reason"),
    [
        (refusal(503), True, "because: No."),
        (refusal(429), True, "because: No."),
        (refusal(400), False, "because: No."),
        (Raw((json_response(500, {"oops": 1}),)), False, "HTTP 500"),
        (Raw((json_response(200, {"choices": []}),)), True, "no chat completion"),
        (Raw((Ending.CLOSE,)), True, "did not answer"),
    ],
)
def test_what_came_to_nothing_says_whether_to_ask_again(
    step: Raw, is_retryable: bool, reason: str
) -> None:
    async def work() -> None:
        async with gateway() as (vendor, ask):
            vendor.script([step])
            with pytest.raises(AskError, match=reason) as caught:
                await ask("shop/m", REQUEST, task="mood")
            assert caught.value.is_retryable is is_retryable

    run(work)


def test_a_question_of_the_background_is_dropped_the_moment_somebody_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "QUIET_S", 0.05)

    async def work() -> None:
        busy = asyncio.Event()
        async with gateway(busy) as (vendor, ask):
            vendor.script([Answer(delay_s=30.0), Answer(parts=("yes",))])
            question = asyncio.get_running_loop().create_task(ask("shop/m", REQUEST, task="mood"))
            await vendor.until(lambda v: v.received)
            busy.set()
            with pytest.raises(Preempted):
                await question
            await vendor.until(lambda v: v.abandoned)
            began_s = asyncio.get_running_loop().time()
            assert (await ask("shop/m", REQUEST, task="mood")).text == "yes"
            assert asyncio.get_running_loop().time() - began_s >= 0.05

    run(work)


def test_it_waits_until_the_key_is_known_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_KNOWN_EVERY_S", 0.01)

    async def work() -> None:
        async with gateway() as (vendor, ask):
            assert await ask.wait_until_known(5.0)
            stranger = GatewayAsk(vendor.base_url.removesuffix("/v1"), "sk-other")
            assert not await stranger.wait_until_known(0.1)
            await stranger.close()
        assert not await GatewayAsk("http://127.0.0.1:9", "sk").wait_until_known(0.05)

    run(work)
