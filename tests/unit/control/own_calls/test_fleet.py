"""A fleet that cannot be had is one clear error; what askers say comes back as it is."""

from __future__ import annotations

import asyncio
import builtins
import pickle
from typing import Any

import pytest

from steelyard.control.own_calls import fleet
from steelyard.control.own_calls.asking import Books
from steelyard.control.own_calls.fleet import FleetAsk, Place
from steelyard.domain.errors import BudgetExceeded, ConfigError
from steelyard.domain.tallies import Tally, Used
from steelyard.domain.usage import Usage
from steelyard.weigh.asking import Answer, AskError, Booked

PLACE = Place("10.0.0.5:6379", 2, "http://gateway")


class Remote:
    """An asker's method as Ray shows it."""

    def __init__(self, reply: object) -> None:
        self._reply = reply

    async def remote(self, *_arguments: object) -> object:
        if isinstance(self._reply, RayError):
            raise self._reply
        return self._reply


class RayError(Exception):
    """Ray's own failures."""


class FakeRay:
    """Just enough of Ray: a cluster that refuses, and the base of its errors."""

    class exceptions:  # noqa: N801 - a module's name
        RayError = RayError

    def init(self, **_options: object) -> None:
        raise ConnectionError("a page of traceback")


def fleet_of(*replies: object) -> FleetAsk:
    found = FleetAsk(PLACE, "sk-weigh")
    found._askers = [type("Handle", (), {"ask": Remote(reply)})() for reply in replies]
    return found


def test_without_ray_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_ray(name: str, *arguments: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "ray":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(ConfigError, match=r"steelyard\[ray\]"):
        asyncio.run(FleetAsk(PLACE, "sk-weigh").wait_until_known(1))


def test_no_cluster_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "_ray", FakeRay)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with pytest.raises(ConfigError, match="no cluster at 10.0.0.5:6379: ConnectionError$"):
        asyncio.run(FleetAsk(PLACE, "sk-weigh").wait_until_known(1))


def test_askers_take_turns_and_refusals_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "_ray", FakeRay)
    found = fleet_of(Answer("one"), BudgetExceeded("No."), RayError("gone"))

    async def ask() -> Answer:
        return await found("shop/m", {}, task="mood")

    async def work() -> None:
        assert (await ask()).text == "one"
        with pytest.raises(BudgetExceeded):
            await ask()
        with pytest.raises(AskError, match="a machine of the fleet was lost") as lost:
            await ask()
        assert lost.value.is_retryable and lost.value.is_lost
        assert (await ask()).text == "one"

    asyncio.run(work())


def test_what_a_call_was_booked_at_is_asked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "_ray", FakeRay)
    used, retried = Tally.of(Usage(10, 2)), Tally((Used(Usage(10, 2), "", 2),))
    sent = [AskError("HTTP 502", call_id="c-1-2"), Answer("yes", call_id="c-1-3", used=None)]
    sent.append(Answer("no", call_id="c-1-4", used=used))
    found = fleet_of(*(pickle.loads(pickle.dumps(each)) for each in sent))

    async def booked_of(call_id: str) -> Booked:
        return {"c-1-2": Booked(42, used), "c-1-3": Booked(84, retried)}[call_id]

    found._books = Books(booked_of)

    async def work() -> None:
        with pytest.raises(AskError) as refused:
            await found("shop/m", {}, task="mood")
        assert (refused.value.cost_pico, refused.value.used) == (42, used)
        assert (await found("shop/m", {}, task="mood")).used == retried
        assert (await found("shop/m", {}, task="mood")).used == used

    asyncio.run(work())
