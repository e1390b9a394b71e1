import json
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from steelyard.domain.conditions import ALWAYS, Clock, Condition
from steelyard.domain.listings import UNKNOWN_START, Parsed
from steelyard.pricebook.sources import genai_prices
from steelyard.pricebook.sources.genai_prices import listing_of, tier_of
from unit.pricebook import shipped_rig
from unit.pricebook.sources.lists import READING

HERE = READING._replace(origin="genai-prices")


def read(vendors: object) -> Parsed:
    return genai_prices.parse(json.dumps(vendors).encode(), HERE)


def model(prices: Any, vendor: str = "openai", **more: Any) -> list[dict[str, Any]]:
    models = [{"id": "m", "prices": prices, **more}]
    return [{"id": vendor, "name": "Name", "models": models}]


def rates(vendors: object) -> list[tuple[str, Condition, Fraction, datetime, datetime | None]]:
    parsed = read(vendors)
    assert parsed.findings == ()
    return [
        (r.rate.item, r.rate.condition, r.rate.amount, r.rate.valid_from, r.rate.valid_to)
        for r in parsed.rates
    ]


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_plain_prices_hold_since_ever() -> None:
    assert rates(model({"input_mtok": 0.075, "output_mtok": 3, "cache_read_mtok": None})) == [
        ("input", ALWAYS, Fraction(3, 40), UNKNOWN_START, None),
        ("output", ALWAYS, 3, UNKNOWN_START, None),
    ]


def test_tiers_are_of_the_whole_request() -> None:
    tiered = {"base": 1, "tiers": [{"start": 272000, "price": 2}, {"start": 500000, "price": 3}]}
    assert [
        (condition, amount) for _, condition, amount, _, _ in rates(model({"input_mtok": tiered}))
    ] == [
        (Condition(input_to=272_001), 1),
        (Condition(input_from=272_001, input_to=500_001), 2),
        (Condition(input_from=500_001), 3),
    ]


def test_dates_end_one_price_where_the_next_begins() -> None:
    prices = [
        {"prices": {"input_mtok": 3}},
        {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 2}},
        {"constraint": {"start_date": "2026-06-01"}, "prices": {"input_mtok": 2, "output_mtok": 9}},
    ]
    assert rates(model(prices)) == [
        ("input", ALWAYS, 3, UNKNOWN_START, day("2026-01-01")),
        ("input", ALWAYS, 2, day("2026-01-01"), None),
        ("output", ALWAYS, 9, day("2026-06-01"), None),
    ]


def test_the_last_that_is_met_holds_and_the_first_where_none_is() -> None:
    prices = [
        {"constraint": {"start_date": "2026-06-01"}, "prices": {"input_mtok": 1}},
        {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 2}},
    ]
    assert rates(model(prices)) == [
        ("input", ALWAYS, 1, UNKNOWN_START, day("2026-01-01")),
        ("input", ALWAYS, 2, day("2026-01-01"), None),
    ]


def test_hours_are_clocks_of_utc() -> None:
    prices = [
        {"prices": {"input_mtok": 1}},
        {
            "constraint": {"start_time": "16:30:00Z", "end_time": "00:30:00+00:00"},
            "prices": {"input_mtok": 2},
        },
        {
            "constraint": {"start_time": "09:00:00+08:00", "end_time": "12:00:00+08:00"},
            "prices": {"input_mtok": 2},
        },
    ]
    clock = Clock("UTC", ((60, 240), (990, 30)))
    assert rates(model(prices)) == [
        ("input", Condition(clock=clock), 2, UNKNOWN_START, None),
        ("input", ALWAYS, 1, UNKNOWN_START, None),
    ]


def test_hours_and_dates_together() -> None:
    hours = {"start_time": "01:00:00Z", "end_time": "04:00:00Z"}
    prices = [
        {"prices": {"input_mtok": 1}},
        {"constraint": {"start_date": "2026-08-17"}, "prices": {"input_mtok": 2}},
        {"constraint": hours, "prices": {"input_mtok": 4}},
    ]
    peak = Condition(clock=Clock("UTC", ((60, 240),)))
    assert sorted(rates(model(prices)), key=lambda rate: rate[2]) == [
        ("input", ALWAYS, 1, UNKNOWN_START, day("2026-08-17")),
        ("input", ALWAYS, 2, day("2026-08-17"), None),
        ("input", peak, 4, UNKNOWN_START, None),  # at any date: the last that is met holds
    ]


def test_adjoining_hours_of_one_price_are_one_window() -> None:
    prices = [{"prices": {"input_mtok": 1}}] + [
        {
            "constraint": {"start_time": f"{hour:02}:00:00Z", "end_time": f"{hour + 1:02}:00:00Z"},
            "prices": {"input_mtok": 2},
        }
        for hour in (3, 4)
    ]
    assert ("input", Condition(clock=Clock("UTC", ((180, 300),))), 2, UNKNOWN_START, None) in rates(
        model(prices)
    )


def test_an_item_of_some_hours_only_has_no_price_at_others() -> None:
    prices = [
        {"prices": {"input_mtok": 1}},
        {
            "constraint": {"start_time": "00:00:00Z", "end_time": "20:00:00Z"},
            "prices": {"input_mtok": 1, "output_mtok": 5},
        },
    ]
    assert rates(model(prices)) == [
        ("input", ALWAYS, 1, UNKNOWN_START, None),
        ("output", Condition(clock=Clock("UTC", ((0, 1200),))), 5, UNKNOWN_START, None),
    ]


def test_variants_override_key_by_key_and_inherit_the_rest() -> None:
    variants = [
        {
            "when": {"processing": "batch"},
            "prices": {"input_mtok": 1},
            "constraint": {"start_date": "2026-10-14"},
        },
        {"when": {"processing": "batch"}, "prices": {"input_mtok": 9}},
        {"when": {"service_tier": "default"}, "prices": {}},
    ]
    batch = Condition(tier="batch")
    found = rates(model({"input_mtok": 2, "output_mtok": 6}, price_variants=variants))
    assert set(found) == {
        ("input", ALWAYS, Fraction(2), UNKNOWN_START, None),
        ("output", ALWAYS, Fraction(6), UNKNOWN_START, None),
        ("input", batch, Fraction(9), UNKNOWN_START, day("2026-10-14")),
        ("input", batch, Fraction(1), day("2026-10-14"), None),
        ("output", batch, Fraction(6), UNKNOWN_START, None),
    }


@pytest.mark.parametrize(
    ("context", "tier"),
    [
        ({}, ""),
        ({"processing": "batch"}, "batch"),
        ({"service_tier": "flex"}, "flex"),
        ({"speed": "fast"}, "fast"),
        ({"service_tier": "default"}, ""),
        ({"route": "mistral/eu"}, "route=mistral/eu"),
    ],
)
def test_tiers(context: dict[str, str], tier: str) -> None:
    assert tier_of(context) == tier


def test_listings_are_named_as_in_our_own_list() -> None:
    assert str(listing_of("openai", "OpenAI", "gpt-4o")) == "OpenAI gpt-4o in USD"
    assert str(listing_of("zai", "Z.AI", "glm-5")) == "Zhipu glm-5 (Z.AI international) in USD"
    assert str(listing_of("groq", "Groq", "llama")) == "Groq llama (reseller) in USD"


def test_what_is_not_known_is_left_out_and_told() -> None:
    prices = [
        {"prices": {"input_mtok": 1, "input_gpixels": 2}},
        {"constraint": {"type": "future", "region": "mars"}, "prices": {"input_mtok": 99}},
    ]
    parsed = read({"version": "9", "providers": model(prices)})
    assert {(f.kind, f.is_error) for f in parsed.findings} == {
        ("item_unknown", False),
        ("constraint_unknown", False),
    }
    assert [r.rate.amount for r in parsed.rates] == [1]
    assert parsed.rates[0].rate.source == "genai-prices 9"


@pytest.mark.parametrize(
    "vendors",
    [
        3,
        {"providers": 3},
        [3],
        [{"id": "a"}],
        [{"id": "a", "models": [3]}],
        model({"input_mtok": -1}),
        model({"input_mtok": "1"}),
        model({"input_mtok": {"base": 1}}),
        model({"input_mtok": {"base": 1, "tiers": [{"start": "x", "price": 1}]}}),
        model([{"constraint": {"start_date": "soon"}, "prices": {"input_mtok": 1}}]),
        model([{"constraint": {"start_time": "00:00:30", "end_time": "01:00"}, "prices": {}}]),
        model([3]),
        model([{"prices": 3}]),
        model({"input_mtok": 1}, price_variants=[{"prices": {"input_mtok": 1}}]),
    ],
)
def test_what_is_wrong_is_an_error_and_nothing_is_taken(vendors: object) -> None:
    parsed = read(vendors)
    assert not parsed.is_sound
    assert parsed.rates == ()


def test_a_model_without_prices_is_told() -> None:
    parsed = read([*model([]), *model({"input_mtok": 1}, vendor="x")])
    assert [(f.kind, f.is_error) for f in parsed.findings] == [("unpriced", False)]
    assert [f.kind for f in read([]).findings] == ["empty"]


def test_the_shipped_document_is_sound() -> None:
    parsed = shipped_rig.genai()
    assert parsed.findings == ()
    assert len(parsed.rates) > 8_000
    assert {r.read_at for r in parsed.rates} == {day("2026-10-26")}
    ids = Counter(r.rate.rate_id for r in parsed.rates)
    assert max(ids.values()) == 1
