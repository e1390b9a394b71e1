"""Which offer is probed, for how much, and what becomes of it; whole probes are integration."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from migrated import copy_migrated

from control.probing.plays import said
from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.control.probing import run
from steelyard.control.probing.run import NoSuchProbe, Wish
from steelyard.control.probing.sending import Direct, Gateway
from steelyard.domain.errors import ConfigError, Overloaded, StoreUnavailable
from steelyard.domain.money import PICO
from steelyard.store import probes

CONFIG = """
weigh_when_idle: false
channels: {shop: {base_url: "http://x/v1"}, empty: {base_url: "http://y/v1"}}
offers:
  - {model: dear, channel: shop, context: 9000, rates: {input: 9 CNY/mtok, output: 9 CNY/mtok}}
  - {model: cheap, channel: shop, context: 9000, rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}}
  - {model: off, channel: shop, context: 9000, enabled: false,
     rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
  - {model: free, channel: shop, context: 9000}
  - {model: abroad, channel: shop, context: 9000,
     rates: {input: 1 USD/mtok, output: 1 USD/mtok}}
"""


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    (tmp_path / "steelyard.yaml").write_text(CONFIG)
    copy_migrated(tmp_path, has_prices=True)
    made = Control(Places(tmp_path, tmp_path, 1), {})
    made.prepare()
    yield made
    made.close()


def target(control: Control, channel: str = "shop", **more: Any) -> run.Target:
    with control.database.read() as tx:
        return run._target(tx, Wish(channel, **more), time.time_ns())


def test_the_cheapest_offer_is_taken_or_the_one_that_was_named(control: Control) -> None:
    assert target(control).entry.name == "shop/cheap"
    assert target(control, offer="dear").entry.name == "shop/dear"
    assert target(control, offer="shop/dear").entry.name == "shop/dear"
    ready = [target(control, offer=name) for name in ("cheap", "dear", "abroad")]
    with control.database.read() as tx:
        ready.sort(key=run._price(tx, ready, time.time_ns()))
    assert [each.entry.name for each in ready] == ["shop/cheap", "shop/abroad", "shop/dear"]


def test_the_budget_is_told_in_the_offers_currency(control: Control) -> None:
    assert target(control, offer="dear", budget="0.02 CNY").budget_pico == PICO // 50
    assert target(control, offer="abroad").budget_pico == PICO // 100
    in_yuan = target(control, offer="cheap").budget_pico
    assert 5 * PICO // 100 < in_yuan < 10 * PICO // 100


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"channel": "none"}, "No channel 'none'; there are empty, shop."),
        ({"channel": "empty"}, "Channel empty has no offer."),
        ({"offer": "none"}, "has no offer none"),
        ({"offer": "off"}, "is enabled and has a price"),
        ({"offer": "free"}, "is enabled and has a price"),
        ({"budget": "much"}, "budget: 'much' is no amount; write an amount"),
        ({"budget": "0 CNY"}, "budget: 0 CNY pays for no call"),
        ({"budget": "1 QQQ"}, "budget: unknown currency 'QQQ'"),
        ({"budget": "1 VES", "offer": "abroad"}, "budget: no rate of VES in USD; say it in USD"),
    ],
)
def test_what_cannot_be_probed(control: Control, more: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        target(control, **more)


class Vendor:
    """Stands in for the gateway and the vendor."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, is_up: bool = True) -> None:
        async def known(_self: Gateway, timeout_s: float) -> bool:
            return is_up

        async def send(_self: Any, shot: Any) -> Any:
            return said()

        monkeypatch.setattr(Gateway, "wait_until_known", known)
        monkeypatch.setattr(Gateway, "send", send)
        monkeypatch.setattr(Direct, "send", send)


def test_a_probe_is_kept_applied_and_forgotten(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    Vendor(monkeypatch)
    told: list[dict[str, Any]] = []
    wish = Wish("shop", checks=("plain", "json_mode", "stream"))
    found = asyncio.run(run.probe(control, wish, told.append))
    assert [row["name"] for row in told] == ["plain", "stream", "json_mode"]
    assert found["checks"] == told and found["answers"]
    assert found["lacks"] == ["json_mode"] and found["cost_pico"] == "0"
    with control.database.read() as tx:
        kept = probes.find(tx, found["number"])
    assert kept is not None and kept.offer == "shop/cheap" and not kept.is_applied

    async def decide() -> tuple[Any, bool, bool]:
        done = await run.apply(control, found["number"], "admin")
        first = await run.forget(control, "shop/cheap", "admin")
        return done, first, await run.forget(control, "shop/cheap", "admin")

    done, first, second = asyncio.run(decide())
    assert "json_mode" not in done["features"] and (first, second) == (True, False)
    with pytest.raises(NoSuchProbe):
        asyncio.run(run.apply(control, 99, "admin"))


def test_what_was_probed_elsewhere_cannot_be_applied(control: Control) -> None:
    old = probes.Probe("shop/cheap", "shop", "older", 1, {"has": [], "lacks": []})
    with control.database.write() as tx:
        number = probes.add(tx, old)
    with pytest.raises(ConfigError, match="not what was probed"):
        asyncio.run(run.apply(control, number, "admin"))


def test_one_probe_at_a_time_and_none_without_a_worker(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    Vendor(monkeypatch, is_up=False)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        asyncio.run(run.probe(control, Wish("shop"), lambda _: None))
    with run._running, pytest.raises(Overloaded):
        asyncio.run(run.probe(control, Wish("shop"), lambda _: None))
