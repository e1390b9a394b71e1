"""The claims of May 2024 and the timeline, against the price list that is shipped with them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest

from steelyard.control.prices.exchange import packaged
from steelyard.pricebook import facts, shipped
from steelyard.pricebook.claims import (
    Status,
    Verdict,
    differences,
    judge_all,
    read_claims,
    unexplained,
)
from steelyard.pricebook.exchange import Exchange
from steelyard.pricebook.market import Market
from steelyard.pricebook.sources import csv_file
from steelyard.pricebook.sources.base import Reading
from steelyard.pricebook.timeline import Event, read_timeline

TODAY = datetime(2026, 11, 22, tzinfo=UTC)


@cache
def market() -> Market:
    reading = Reading("steelyard", shipped.phrases(), TODAY)
    listed = csv_file.parse(shipped.read("prices.csv"), reading)
    return Market(listed.rates, facts.parse(shipped.read("facts.yaml")).facts)


@cache
def verdicts() -> dict[str, Verdict]:
    claims = read_claims(shipped.read("claims.yaml"))
    found = judge_all(claims, market(), Exchange(packaged()).rate)
    return {verdict.claim.claim_id: verdict for verdict in found}


def values(claim: str) -> list[str]:
    return [str(o.value) for o in verdicts()[claim].outcomes if o.value is not None]


def test_every_claim_comes_out_as_its_file_says() -> None:
    assert [line for verdict in verdicts().values() for line in differences(verdict)] == []
    assert unexplained(verdicts().values()) == 0
    assert len(verdicts()) == 11
    assert all(o.reading.expect for v in verdicts().values() for o in v.outcomes)


@pytest.mark.parametrize(
    ("claim", "status", "figures"),
    [
        (
            "doubao-one-yuan",
            Status.CONDITIONAL,
            ["0.0008 CNY/ktok", "1,250,000 tokens", "1.8 characters/token"],
        ),
        (
            "doubao-ten-billion",
            Status.CONDITIONAL,
            ["8,000 CNY", "10,400 CNY", "14,000 CNY", "20,000 CNY", "8.681 days"],
        ),
        ("doubao-below-industry", Status.INCONSISTENT, ["-99 %", "0.1143 CNY/ktok"]),
        ("gpt-4o-cut", Status.HOLDS, ["-83.33 %", "-75 %", "-50 %"]),
        (
            "one-yuan-three-ways",
            Status.CONDITIONAL,
            ["2,426 tokens", "2,308 tokens", "27,699 tokens", "8,333 tokens"],
        ),
        ("glm-3-turbo-cut", Status.HOLDS, ["-80 %"]),
        ("deepseek-v2-hundredth", Status.HOLDS, ["1.388 %", "0.9250 %"]),
        ("qwen-long-cut", Status.CONDITIONAL, ["-97.5 %"]),
        ("free-models", Status.CONDITIONAL, ["2024-05-21", "2024-05-22", "0 CNY", "34.72 days"]),
        ("deepbricks-gpt-4o", Status.HOLDS, ["-60 %"]),
        ("openai-yearly-fall", Status.CONDITIONAL, ["-78.46 % a year", "-69.51 % a year"]),
    ],
)
def test_the_figures_of_may_2024(claim: str, status: Status, figures: list[str]) -> None:
    verdict = verdicts()[claim]
    assert verdict.status is status
    assert set(figures) <= set(values(claim))
    assert all(i.evidence for o in verdict.outcomes for i in o.inputs if i.reference)


def test_two_currencies_are_crossed_at_the_european_central_banks_rate_of_the_day() -> None:
    inputs = [i for o in verdicts()["deepseek-v2-hundredth"].outcomes for i in o.inputs]
    assert {i.value for i in inputs if i.reference == "ecb-2024-05-06-USD-CNY"} == {"7.2069 CNY"}


def _begins(event: Event, model: str) -> bool:
    """Whether a listed price of the model begins on the event's day."""
    zone = shipped.phrases().zone_of(event.vendor)
    for listing in market().find(model, event.vendor, event.currency, "official"):
        for line in market().lines_of(listing):
            if line.rate.valid_from.astimezone(zone).date() == event.day:
                return True
    return False


def test_events_that_name_a_currency_begin_with_a_listed_price() -> None:
    events = [event for event in read_timeline(shipped.read("timeline.yaml")) if event.currency]
    assert len(events) > 20
    wrong = [(e.day, m) for e in events for m in e.models if not _begins(e, m)]
    assert wrong == []
