"""What ``/v1/models`` tells beside a model's name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from steelyard.control.snapshot.offerings import offer_entry
from steelyard.control.snapshot.public_models import public_facts
from steelyard.domain.conditions import Clock, Condition
from steelyard.domain.rates import Rate
from steelyard.gateway.snapshot import OfferEntry

NOW_NS = 1_700_000_000 * 10**9
BODY: dict[str, Any] = {
    "model": "m",
    "channel": "c",
    "upstream_model": "m",
    "context_tokens": 1000,
    "output_tokens_max": 100,
    "features": ["stream", "tools", "thinking:type"],
    "tokens_per_byte": 0.3,
}


def rate(item: str, amount: str, unit: str = "mtok", **conditions: Any) -> Rate:
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    condition = Condition(**conditions)
    name = f"{item}-{amount}"
    return Rate(name, item, Fraction(amount), "CNY", unit, begin, condition=condition)


def entry(name: str, *rates: Rate, **changes: Any) -> OfferEntry:
    return offer_entry(name, {**BODY, **changes}, rates, NOW_NS)


def told(*entries: OfferEntry) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(public_facts(entries, NOW_NS))
    return found


def test_a_model_is_told_by_the_best_of_its_offers_and_each_with_its_prices() -> None:
    small = entry("c/m", rate("input", "0.8"), rate("output", "2"))
    large = entry(
        "d/m",
        rate("input", "1/3"),
        rate("output", "4"),
        rate("input", "9", input_from=32_000),
        rate("request", "0.01", "request"),
        context_tokens=64_000,
        features=["images"],
    )
    found = told(large, small)
    assert (found["context_length"], found["max_output_tokens"]) == (64_000, 100)
    assert found["features"] == ["images", "stream", "tools"]
    first, second = found["offers"]
    assert (first["name"], first["currency"], first["prices_vary"]) == ("c/m", "CNY", False)
    assert (first["prices"]["input"], first["prices"]["output"]) == ("0.8", "2")
    assert "request" not in first["prices"]
    assert (second["prices_vary"], second["prices"]["request"]) == (True, "0.01")
    assert second["prices"]["input"].startswith("0.33333")


def test_work_that_is_no_chat_is_told_by_what_it_is_priced_by() -> None:
    images = entry("c/i", rate("image", "0.06", "image"), features=["image_generation"])
    [offer] = told(images)["offers"]
    assert (offer["features"], offer["prices"]) == (["image_generation"], {"image": "0.06"})
    assert offer["price_units"] == {"image": "image"}
    assert "context_length" not in offer and "context_length" not in told(images)


def test_parts_of_the_tokens_are_told_at_their_own_price_and_with_its_unit() -> None:
    drawn = entry(
        "c/i", rate("input", "5"), rate("output", "10"), rate("output_image", "32"),
        rate("input_image", "4"), features=["image_generation"],
    )  # fmt: skip
    [offer] = told(drawn)["offers"]
    prices = {"input": "5", "output": "10", "output_image": "32", "input_image": "4"}
    # An image that a cache read costs what images do, where nothing else is said.
    assert offer["prices"] == {**prices, "cache_read_image": "4"}
    assert set(offer["price_units"].values()) == {"mtok"}


def test_a_price_that_changes_within_the_day_varies() -> None:
    night = Clock(windows=((0, 8 * 60),), zone="Asia/Shanghai")
    [offer] = told(
        entry("c/m", rate("input", "2"), rate("output", "2"), rate("input", "1", clock=night))
    )["offers"]
    assert offer["prices_vary"]


def test_an_offer_without_a_price_says_so() -> None:
    [offer] = told(entry("c/m", rate("input", "1")))["offers"]
    assert (offer["prices"], offer["prices_vary"]) == ({}, False)
