"""Control's own client of the gateway; what nobody answers is looked up in the ledger."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from steelyard.control.own_calls import askers
from steelyard.control.own_calls.askers import MakeAsker, gateway_asker
from steelyard.testing.replies import Raw, json_response
from steelyard.testing.upstream import ScriptedVendor, Settings
from steelyard.weigh.asking import AskError, Booked


def test_a_question_without_an_answer_costs_what_it_was_booked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control: Any = object()

    async def booked_of(of: object, call_id: str) -> Booked:
        assert (of, call_id) == (control, "c8")
        return Booked(42, None)

    monkeypatch.setattr(askers, "booked_of", booked_of)
    make: MakeAsker = partial(gateway_asker, control)

    async def work() -> None:
        async with ScriptedVendor(Settings(key="sk-weigh")) as vendor:
            ask = make(vendor.base_url.removesuffix("/v1"), "sk-weigh", None)
            assert await ask.wait_until_known(5)
            body = {"error": {"message": "No.", "type": "t", "code": "because"}}
            vendor.script([Raw((json_response(502, body, [("x-steelyard-call", "c8")]),))])
            with pytest.raises(AskError) as caught:
                await ask("shop/m", {"messages": []}, task="mood")
            await ask.close()
        assert caught.value.cost_pico == 42

    asyncio.run(work())
