"""The calls of a measurement: what each answer of the gateway means."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from steelyard.control.supply.calls import Caller, body_of
from steelyard.weigh.supply.finder import Reply
from steelyard.weigh.supply.record import End

STREAM = b"""data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}

data: {"choices": [{"delta": {"content": "1"}}]}

data: not json

data: {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 20}}

data: [DONE]

: steelyard call=c-1-1 cost=0.00002 CNY

"""
ASKED = {"x-steelyard-attempts": "1", "x-steelyard-call": "c-1-1"}


def _ask(answer: httpx.Response | Exception, tokens: int = 1) -> tuple[Reply, Caller]:
    caller = Caller("http://gateway", "key", "shop/m", 99)

    def handle(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def run() -> Reply:
        client = httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="http://gateway")
        before, caller._client = caller._client, client
        await before.aclose()
        reply = await caller.call(tokens)
        await caller.close()
        return reply

    return asyncio.run(run()), caller


def _error(status: int, code: str, **headers: str) -> httpx.Response:
    body = {"error": {"code": code, "message": "no"}}
    return httpx.Response(status, json=body, headers=headers)


def test_a_plain_answer_is_counted_and_its_price_taken() -> None:
    body = {"usage": {"prompt_tokens": 7, "completion_tokens": 1}}
    answer = httpx.Response(200, json=body, headers={"x-steelyard-cost": "0.000009 CNY"})
    reply, caller = _ask(answer)
    assert reply == Reply(End.ACCEPTED, cost_pico=9_000_000)
    assert (caller.accepted, caller.tokens, caller.timed) == (1, 8, [])


def test_a_streamed_answer_is_timed() -> None:
    reply, caller = _ask(httpx.Response(200, content=STREAM), tokens=64)
    assert reply == Reply(End.ACCEPTED, cost_pico=20_000_000)
    (timed,) = caller.timed
    assert (timed.input_tokens, timed.output_tokens) == (5, 20)
    assert 0 < timed.first_byte_s <= timed.total_s


@pytest.mark.parametrize(
    ("answer", "end", "wait_s", "problem"),
    [
        (_error(429, "upstream_rate_limited", **ASKED, **{"retry-after": "7"}), "refused", 7, ""),
        (_error(429, "upstream_rate_limited", **ASKED), "refused", None, ""),
        (_error(503, "upstream_overloaded", **ASKED), "refused", None, ""),
        (_error(503, "no_offer", **{"retry-after": "3"}), "refused", 3, ""),
        (_error(402, "insufficient_quota"), "failed", None, "steelyard itself refuses"),
        (_error(429, "rate_limited"), "failed", None, "steelyard itself refuses"),
        (_error(502, "credential_rejected", **ASKED), "failed", None, "the vendor refuses"),
    ],
)
def test_what_a_refusal_means(
    answer: httpx.Response, end: str, wait_s: float | None, problem: str
) -> None:
    reply, caller = _ask(answer)
    assert (reply.end.value, reply.retry_after_s, reply.cost_pico) == (end, wait_s, 0)
    assert caller.problem.startswith(problem) and bool(caller.problem) == bool(problem)


def test_what_broke_off_at_the_vendor_counts_at_its_bound() -> None:
    reply, _ = _ask(_error(502, "upstream_unavailable", **ASKED))
    assert reply == Reply(End.FAILED, cost_pico=99)


@pytest.mark.parametrize(
    "body",
    [
        b'{"usage": ["x"]}',
        b'{"usage": {"prompt_tokens": 1e308, "completion_tokens": "x"}}',
        b"[" * 100_000,
        b"[]",
    ],
)
def test_nonsense_from_a_vendor_ends_no_measurement(body: bytes) -> None:
    reply, caller = _ask(httpx.Response(200, content=body))
    assert (reply.end, caller.tokens) == (End.ACCEPTED, 0)
    stream = b"data: " + body + b"\n\n"
    reply, caller = _ask(httpx.Response(200, content=stream), tokens=9)
    assert (reply.end, caller.tokens) == (End.ACCEPTED, 0)
    assert _ask(httpx.Response(500, content=body))[0].end is End.FAILED


def test_silence_is_booked_at_its_bound() -> None:
    reply, caller = _ask(httpx.ReadTimeout("slow"))
    assert reply == Reply(End.FAILED, cost_pico=99)
    assert "ReadTimeout" in caller.last_error


def test_a_stream_that_breaks_off_is_a_failure() -> None:
    reply, _ = _ask(httpx.Response(200, content=b'data: {"error": {"code": "x"}}\n\n'), tokens=9)
    assert reply.end is End.FAILED


def test_no_two_requests_are_equal() -> None:
    bodies: list[dict[str, Any]] = [
        body_of("shop/m", tokens, n) for tokens in (1, 9) for n in (1, 2)
    ]
    assert len({str(body) for body in bodies}) == 4
    assert all(body["model"] == "offer:shop/m" for body in bodies)
    assert [body["stream"] for body in bodies] == [False, False, True, True]
