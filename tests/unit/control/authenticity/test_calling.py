"""One question as a call: what is sent, what is read, what is tried again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from steelyard.control.authenticity.calling import Caller, Manner, open_client
from steelyard.control.authenticity.heard import Heard
from steelyard.domain.errors import BudgetExceeded
from steelyard.weigh.authenticity.probes import Kind, Probe

OPEN = Probe("open-en-00", Kind.OPEN, "en", "Name one animal.", 12, samples=10)
TOP = {"token": "A", "logprob": -0.1, "top_logprobs": [{"token": "B", "logprob": -2.0}]}
Answer = Callable[[dict[str, Any]], httpx.Response]


def stream(*shapes: Any, cost: str = "0.000002 CNY") -> httpx.Response:
    lines = [f"data: {json.dumps(shape)}\n\n" for shape in shapes]
    end = f"data: [DONE]\n\n: steelyard call=c-1-1 cost={cost}\n\n"
    return httpx.Response(200, text="".join([*lines, end]), headers={"x-steelyard-call": "c-1-1"})


def chunk(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish, **more}
    return {"model": "m-1", "system_fingerprint": "fp", "choices": [choice]}


def ask(
    answer: Answer, manner: Manner | None = None, sample: int = 0, booked: int = 7
) -> tuple[Heard, list[dict[str, Any]], list[float]]:
    """What is heard, the bodies that were sent, and the pauses between them."""
    sent: list[dict[str, Any]] = []
    pauses: list[float] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return answer(sent[-1])

    async def cost_of(call_id: str) -> int:
        assert call_id == "c-1-1"
        return booked

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def main() -> Heard:
        transport = httpx.MockTransport(handle)
        async with httpx.AsyncClient(base_url="http://gateway", transport=transport) as client:
            return await Caller(client, manner or Manner("shop/m"), cost_of, sleep).ask(
                OPEN, sample
            )

    return asyncio.run(main()), sent, pauses


def test_a_stream_is_read_with_its_times_tokens_and_cost() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    first = chunk("A ", logprobs={"content": [TOP]})
    heard, sent, _ = ask(lambda _: stream(first, chunk("cat"), chunk("", "stop"), usage))
    assert (heard.text, heard.finish_reason) == ("A cat", "stop")
    assert (heard.prompt_tokens, heard.completion_tokens) == (5, 2)
    assert (heard.model, heard.fingerprint, heard.call_id) == ("m-1", "fp", "c-1-1")
    assert heard.logprobs == [("B", -2.0)]
    assert heard.first_s is not None and heard.total_s is not None
    assert 0 <= heard.first_s <= heard.total_s
    assert heard.cost_pico == 2_000_000
    (body,) = sent
    assert body["model"] == "offer:shop/m" and body["stream"] and body["temperature"] == 1
    assert body["max_tokens"] == OPEN.max_tokens and body["logprobs"]


def test_log_probabilities_are_asked_for_once_an_open_question() -> None:
    _, sent, _ = ask(lambda _: stream(chunk("a", "stop")), sample=1)
    assert "logprobs" not in sent[0]


def test_a_plain_answer_is_read_alike() -> None:
    message = {"role": "assistant", "content": "A cat"}
    choice = {"message": message, "finish_reason": "stop", "logprobs": {"content": [TOP]}}
    shape = {"model": "m-1", "choices": [choice], "usage": {"prompt_tokens": 5}}
    headers = {"x-steelyard-call": "c-1-1", "x-steelyard-cost": "0.000002 CNY"}
    heard, sent, _ = ask(
        lambda _: httpx.Response(200, json=shape, headers=headers), Manner("shop/m", False)
    )
    assert "stream" not in sent[0]
    assert (heard.text, heard.prompt_tokens, heard.completion_tokens) == ("A cat", 5, None)
    assert (heard.first_s, heard.logprobs, heard.cost_pico) == (None, [("B", -2.0)], 2_000_000)


def test_what_the_reference_was_sampled_with_is_asked_for() -> None:
    manner = Manner("shop/m", sampling={"temperature": 0.7, "top_k": 20})
    _, sent, _ = ask(lambda _: stream(chunk("a", "stop")), manner)
    assert (sent[0]["temperature"], sent[0]["top_k"]) == (0.7, 20)
    assert "top_p" not in sent[0]


def test_log_probabilities_that_are_refused_are_left_out() -> None:
    refused = {"error": {"code": "invalid_value", "message": "logprobs"}}

    def answer(body: dict[str, Any]) -> httpx.Response:
        if "logprobs" in body:
            headers = {"x-steelyard-call": "c-1-1"}
            return httpx.Response(400, json=refused, headers=headers)
        return stream(chunk("a", "stop"))

    heard, sent, _ = ask(answer)
    assert heard.is_answer and len(sent) == 2
    assert heard.cost_pico == 2_000_000 + 7


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (429, 3), (404, 1), (500, 1)])
def test_what_was_not_done_is_tried_again_with_growing_pauses(status: int, tries: int) -> None:
    error = {"error": {"code": "busy", "message": "later"}}
    heard, sent, pauses = ask(lambda _: httpx.Response(status, json=error))
    assert heard.error == "busy: later" and not heard.is_answer
    assert len(sent) == tries
    assert pauses == [2.0, 8.0][: tries - 1]
    assert heard.cost_pico == 0  # nobody was asked: there is no call


def test_an_error_that_was_booked_is_paid() -> None:
    headers = {"x-steelyard-call": "c-1-1"}
    heard, _, _ = ask(lambda _: httpx.Response(500, text="?", headers=headers))
    assert (heard.error, heard.cost_pico) == ("HTTP 500", 7)


def test_an_answer_that_breaks_off_or_is_none_is_lost() -> None:
    assert ask(lambda _: stream(chunk("a")))[0].error == "the stream broke off"
    failed = stream(chunk("a"), {"error": {"message": "overloaded"}})
    assert ask(lambda _: failed)[0].error == "overloaded"
    nothing = httpx.Response(200, text="<html>")
    heard = ask(lambda _: nothing, Manner("shop/m", False))[0]
    assert heard.error == "the answer is no chat completion"


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": [None]},
        {"choices": "x", "usage": []},
        {"choices": [{"delta": 1, "logprobs": {"content": [{"top_logprobs": [1, {}]}]}}]},
        {"usage": {"prompt_tokens": -1, "completion_tokens": True}, "model": 3},
        [],
    ],
)
def test_nothing_that_a_vendor_says_is_believed_to_have_a_shape(odd: Any) -> None:
    heard, _, _ = ask(lambda _: stream(odd, chunk("a", "stop")))
    assert (heard.text, heard.error, heard.logprobs) == ("a", "", None)
    assert (heard.prompt_tokens, heard.completion_tokens) == (None, None)


def test_without_money_or_access_no_further_call_is_made() -> None:
    error = {"error": {"code": "insufficient_quota", "message": "used up"}}
    with pytest.raises(BudgetExceeded, match="used up"):
        ask(lambda _: httpx.Response(402, json=error))


def test_a_gateway_that_does_not_answer_is_an_error_not_an_end() -> None:
    def answer(_: dict[str, Any]) -> httpx.Response:
        raise httpx.ConnectError("no")

    heard, _, _ = ask(answer)
    assert heard.error == "the gateway did not answer: ConnectError"
    assert heard.lost == 0

    def silence(_: dict[str, Any]) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    assert ask(silence)[0].lost == 1  # it may be booked, and nobody knows under which number


def test_no_gateway_no_client() -> None:
    assert asyncio.run(open_client("http://127.0.0.1:9", "sk", 0.05)) is None


def test_a_counted_question_asks_for_no_log_probabilities() -> None:
    client = httpx.AsyncClient()
    caller = Caller(client, Manner("shop/m"), None, None)  # type: ignore[arg-type]
    assert "logprobs" in caller.body(OPEN)
    assert "logprobs" not in caller.body(replace(OPEN, kind=Kind.COUNTED))
    asyncio.run(client.aclose())


def test_what_a_question_asks_for_itself_goes_before_the_references_sampling() -> None:
    client = httpx.AsyncClient()
    caller = Caller(client, Manner("shop/m"), None, None)  # type: ignore[arg-type]
    body = caller.body(replace(OPEN, kind=Kind.STEADY))
    assert (body["temperature"], body["top_p"]) == (0, 1)
    assert caller.body(OPEN)["temperature"] == 1
    asyncio.run(client.aclose())
