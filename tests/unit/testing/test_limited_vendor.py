"""The vendor with an unstated limit, over real HTTP."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from steelyard.testing.limited_vendor import SHAPES, LimitedVendor, main
from steelyard.testing.limiters import FixedWindow


def test_it_answers_until_its_limit_and_says_when_to_come_again() -> None:
    async def run() -> None:
        limiter = FixedWindow(2, span_s=1e6, tells=True)
        async with LimitedVendor(limiter, 0.001) as vendor:
            async with httpx.AsyncClient(base_url=vendor.base_url, trust_env=False) as client:
                body = {"model": "m", "messages": [], "max_tokens": 3}
                answers = [await client.post("/chat/completions", json=body) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            assert answers[0].json()["usage"]["completion_tokens"] == 3
            assert int(answers[2].headers["retry-after"]) > 0
            assert vendor.refused == 1

    asyncio.run(run())


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_every_shape_takes_a_first_call(name: str) -> None:
    assert SHAPES[name](60).ask(0.0, 0.1).is_accepted


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["--shape", "round"])
