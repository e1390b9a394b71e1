"""Measurements as control runs them; whole ones are in tests/integration/test_supply.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from steelyard.control.supply import measuring as supply
from steelyard.control.supply.measuring import Wish
from steelyard.domain.errors import ConfigError
from steelyard.store import measurements
from steelyard.store.database import Database
from steelyard.weigh.supply.finder import Reply
from steelyard.weigh.supply.record import End, Kind, Rate
from steelyard.weigh.supply.terms import Found, State

CONFIG = """
weigh_when_idle: false
channels: {shop: {base_url: "http://x/v1"}}
offers:
  - {model: m, channel: shop, context: 4096, output_max: 512,
     rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}}
  - {model: free, channel: shop, context: 4096, output_max: 512}
"""
NOW_NS = 1_773_144_000 * 10**9


def _target(database: Database, wish: Wish) -> supply.Target:
    with database.read() as tx:
        return supply._target(tx, wish, NOW_NS)


def test_an_offer_is_found_with_its_price_and_the_money(
    database: Database, put: Callable[..., list[str]]
) -> None:
    put(CONFIG)
    target = _target(database, Wish("shop/m", money="0.5 CNY"))
    assert target.entry.name == "shop/m" and target.money_pico_max == 5 * 10**11
    calls = asyncio.run(_calls())
    load, timed = supply._call_most_pico(calls, Wish("shop/m"), target)
    assert 0 < load < timed < 10**9  # not a tenth of a fen


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish("shop/none"), "No offer"),
        (Wish("shop/free"), "no price"),
        (Wish("shop/m", money="much"), "money"),
        (Wish("shop/m", money="1 XAU"), "money"),
        (Wish("shop/m", money="0 CNY"), "pays for no call"),
        (Wish("shop/m", enough=300, requests_max=100), "never be found enough"),
    ],
)
def test_what_cannot_be_measured_is_said(
    database: Database, put: Callable[..., list[str]], wish: Wish, message: str
) -> None:
    put(CONFIG)
    with pytest.raises(ConfigError, match=message):
        _target(database, wish)


def test_slow_answers_are_the_slowest_in_twenty() -> None:
    assert supply._p95([1.0]) == 1.0
    assert supply._p95([float(n) for n in range(1, 22)]) == 20.0


@pytest.mark.parametrize(("most", "timed"), [(9, 0), (10, 5)])
def test_timed_calls_are_left_out_where_the_terms_are_tiny(most: int, timed: int) -> None:
    lengths: list[int] = []

    class Caller:
        problem = ""

        async def call(self, max_tokens: int) -> Reply:
            lengths.append(max_tokens)
            return Reply(End.ACCEPTED)

    async def load() -> None:
        wish = Wish("shop/m", requests_max=most, minutes=0.005)
        target = supply.Target(cast("Any", None), cast("Any", None), 10**12)
        measured = supply.Supplies(cast("Any", None))
        await measured._load(wish, target, (Caller(), (1, 1)), lambda _: None)

    asyncio.run(load())
    assert sum(length > 1 for length in lengths) == timed
    assert len(lengths) <= most


def test_one_that_fails_before_its_first_call_leaves_room_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> tuple[int, int]:
        raise ConfigError("a body that nobody can read")

    monkeypatch.setattr(supply, "_call_most_pico", fail)

    async def read(_: object) -> supply.Target:
        return supply.Target(cast("Any", None), cast("Any", None), 1)

    async def measure_twice() -> None:
        measured = supply.Supplies(cast("Any", SimpleNamespace(read=read)))
        for _ in range(2):
            running = await measured.start(Wish("shop/m"), lambda _: None)
            with pytest.raises(ConfigError, match="nobody can read"):
                await running
            assert measured.running() is None

    asyncio.run(measure_twice())


async def _calls() -> Any:
    from steelyard.control.supply import calls as supply_calls  # noqa: PLC0415

    return supply_calls


def test_one_that_is_cut_short_takes_no_earlier_result_away(
    database: Database, put: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(CONFIG)
    monkeypatch.setattr(supply, "hours_of", lambda *_: {})
    caller = SimpleNamespace(tokens=0, accepted=0, timed=[], last_error="")
    target, wish = _target(database, Wish("shop/m")), Wish("shop/m")

    async def write(_who: str, _why: str, work: Callable[..., None]) -> None:
        with database.write() as connection:
            work(connection, None)

    core = SimpleNamespace(want=lambda: None)
    control = SimpleNamespace(write=write, publisher=SimpleNamespace(core=core))
    measured = supply.Supplies(cast("Any", control))

    def keep(state: State, rate: Rate) -> str:
        found = Found(state, rate, 0, 1.0, 6, 0, 0, 5, 2.0, "stopped by hand")
        asyncio.run(measured._keep(wish, target, (found, 0), caller))
        with database.read() as tx:
            return measurements.latest(tx, supply.KIND)["shop/m", ""].state

    nothing = Rate(Kind.NONE, 0.0, 0.0, None)
    assert keep(State.UNKNOWN, nothing) == "unknown"
    assert keep(State.OK, Rate(Kind.NONE, 300.0, 298.0, None)) == "ok"
    assert keep(State.UNKNOWN, nothing) == "ok"
    assert keep(State.UNKNOWN, Rate(Kind.NONE, 50.0, 40.0, None)) == "unknown"
