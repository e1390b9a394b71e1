"""What is sent, and what it was booked at."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from steelyard.control.own_calls import asking
from steelyard.control.probing import sending
from steelyard.control.probing.seen import Seen
from steelyard.control.probing.sending import Direct, Gateway, Place, request_to
from steelyard.control.probing.terms import Shot
from steelyard.domain.errors import ConfigError
from steelyard.gateway.snapshot import ChannelEntry

SHOT = Shot({"messages": []})
CALL = {"x-steelyard-call": "c-1-2"}


class Web:
    """Answers in place of the network."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        real, transport = httpx.AsyncClient, httpx.MockTransport(self)
        monkeypatch.setattr(
            sending.httpx, "AsyncClient", lambda **more: real(**{**more, "transport": transport})
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if not self.answers:
            raise httpx.ConnectError("down")
        return self.answers.pop(0)


def gateway_sends(shot: Shot = SHOT) -> Seen:
    async def cost_of(call_id: str) -> int:
        assert call_id == "c-1-2"
        return 77

    async def run() -> Seen:
        gateway = Gateway("http://g", "sk-k", "shop/m", cost_of)
        seen = await gateway.send(shot)
        await gateway.close()
        return seen

    return asyncio.run(run())


def test_an_answer_tells_its_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = httpx.Response(200, json={}, headers={**CALL, "x-steelyard-cost": "0.000001 CNY"})
    web = Web(monkeypatch, reply)
    assert gateway_sends().cost_pico == 10**6
    (request,) = web.asked
    assert json.loads(request.content) == {"messages": [], "model": "offer:shop/m"}
    assert request.headers["x-steelyard-why"] == "probe"
    assert request.headers["authorization"] == "Bearer sk-k"


def test_a_stream_tells_it_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    text = ": steelyard call=c-1-2 cost=0.00002 CNY\n\ndata: [DONE]\n\n"
    Web(monkeypatch, httpx.Response(200, text=text, headers=CALL))
    assert gateway_sends(Shot({"stream": True})).cost_pico == 2 * 10**7


def test_a_refusals_cost_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    Web(monkeypatch, httpx.Response(502, json={}, headers=CALL), httpx.Response(400, json={}))
    assert gateway_sends().cost_pico == 77
    ours = gateway_sends()
    assert ours.cost_pico == 0 and ours.is_ours
    silent = gateway_sends()
    assert silent.status == 0 and silent.is_ours and "ConnectError" in silent.error


def test_workers_are_asked_until_they_know_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_KNOWN_EVERY_S", 0.001)
    Web(monkeypatch, httpx.Response(401), httpx.Response(200))

    async def run(timeout_s: float) -> bool:
        gateway = Gateway("http://g", "sk-k", "shop/m", lambda _: asyncio.sleep(0, 0))
        try:
            return await gateway.wait_until_known(timeout_s)
        finally:
            await gateway.close()

    assert asyncio.run(run(5.0))
    assert not asyncio.run(run(0.01))  # nobody answers any more


def place(**more: Any) -> Place:
    values = {"vendor": "v", "kind": "official", "base_url": "", "credential": "c"}
    values |= {"dialect": "openai_chat", **more}
    return Place(ChannelEntry(name="shop", **values), "http://v/v1", "sk-v")


def test_the_vendor_is_asked_as_its_channel_says(monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web(monkeypatch, httpx.Response(404, json={"error": "no"}, headers={"x-a": "1"}))
    where = place(path="/{model}/x", query="v=1", headers=(("x-b", "2"),))
    seen = asyncio.run(Direct(where).send(Shot({"model": "none"}, is_direct=True)))
    (request,) = web.asked
    assert str(request.url) == "http://v/v1/none/x?v=1"
    assert (request.headers["authorization"], request.headers["x-b"]) == ("Bearer sk-v", "2")
    assert (seen.status, seen.headers["x-a"], seen.is_ours) == (404, "1", False)
    assert asyncio.run(Direct(where).send(SHOT)).error == "no answer: ConnectError"
    asyncio.run(Direct(where).close())


def test_a_channel_that_cannot_be_asked_directly_says_why(tmp_path: Any) -> None:
    for more, reason in (
        ({"signer": "aws"}, "signed"),
        ({"dialect": "unheard_of"}, "speaks unheard_of"),
        ({"ca_file": str(tmp_path / "no.pem")}, "cannot be asked directly"),
    ):
        seen = asyncio.run(Direct(place(**more)).send(SHOT))
        assert seen.status == 0 and reason in seen.error
    with pytest.raises(ConfigError, match="not up"):
        request_to(place()._replace(base_url=""), "m")
    url, headers = request_to(place()._replace(secret=""), "m")
    assert url == "http://v/v1/chat/completions" and "authorization" not in headers
