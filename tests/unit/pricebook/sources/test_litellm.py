"""The excerpt follows LiteLLM's table (BerriAI, MIT licence); figures as of package 1.109.1."""

import json
from fractions import Fraction
from typing import Any

import pytest

from steelyard.domain.conditions import ALWAYS, Condition
from steelyard.domain.listings import Parsed
from steelyard.pricebook.sources import litellm
from steelyard.pricebook.sources.litellm import listing_of
from unit.pricebook.sources.lists import READING, TODAY

HERE = READING._replace(origin="litellm")
EXCERPT = """{
    "sample_spec": {"input_cost_per_token": 0.0, "mode": "one of: chat, embedding"},
    "gpt-5.4": {
        "cache_read_input_token_cost": 2.5e-07,
        "cache_read_input_token_cost_above_272k_tokens": 5e-07,
        "input_cost_per_token": 2.5e-06,
        "input_cost_per_token_above_272k_tokens": 5e-06,
        "input_cost_per_token_batches": 1.25e-06,
        "input_cost_per_token_priority": 5e-06,
        "litellm_provider": "openai",
        "max_input_tokens": 1050000,
        "mode": "chat",
        "supports_vision": true
    },
    "dashscope/qwen-flash": {
        "litellm_provider": "dashscope",
        "mode": "chat",
        "source": "https://www.alibabacloud.com/help/en/model-studio/models",
        "tiered_pricing": [
            {"input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07, "range": [0, 256000.0]},
            {"input_cost_per_token": 2.5e-07, "output_cost_per_token": 2e-06,
             "range": [256000.0, 1000000.0]}
        ]
    },
    "claude-haiku-4-5": {
        "cache_creation_input_token_cost": 1.25e-06,
        "cache_creation_input_token_cost_above_1hr": 2e-06,
        "litellm_provider": "anthropic",
        "mode": "chat",
        "search_context_cost_per_query": {
            "search_context_size_high": 0.014,
            "search_context_size_low": 0.01,
            "search_context_size_medium": 0.01
        }
    }
}"""


def read(document: object) -> Parsed:
    return litellm.parse(json.dumps(document).encode(), HERE)


def prices(parsed: Parsed) -> set[tuple[str, str, str, Condition, Fraction]]:
    assert parsed.is_sound, parsed.findings
    return {
        (r.listing.model, r.rate.item, r.rate.unit, r.rate.condition, r.rate.amount)
        for r in parsed.rates
    }


def one(**entry: Any) -> set[tuple[str, str, Condition, Fraction]]:
    parsed = read({"m": {"litellm_provider": "x", **entry}})
    assert parsed.findings == ()
    return {row[1:] for row in prices(parsed)}


def test_an_excerpt_of_the_table() -> None:
    parsed = litellm.parse(EXCERPT.encode(), HERE)
    short, long = Condition(input_to=272_001), Condition(input_from=272_001)
    found = prices(parsed)
    assert parsed.findings == ()
    assert {row[1:] for row in found if row[0] == "gpt-5.4"} == {
        ("cache_read", "mtok", short, Fraction(1, 4)),
        ("cache_read", "mtok", long, Fraction(1, 2)),
        ("input", "mtok", short, Fraction(5, 2)),
        ("input", "mtok", long, Fraction(5)),
        ("input", "mtok", Condition(input_to=272_001, tier="batch"), Fraction(5, 4)),
        ("input", "mtok", Condition(input_from=272_001, tier="batch"), Fraction(5, 4)),
        ("input", "mtok", Condition(input_to=272_001, tier="priority"), Fraction(5)),
        ("input", "mtok", Condition(input_from=272_001, tier="priority"), Fraction(5)),
    }
    assert {row[1:] for row in found if row[0] == "qwen-flash"} == {
        ("input", "mtok", Condition(input_to=256_001), Fraction(1, 20)),
        ("input", "mtok", Condition(input_from=256_001), Fraction(1, 4)),
        ("output", "mtok", Condition(input_to=256_001), Fraction(2, 5)),
        ("output", "mtok", Condition(input_from=256_001), Fraction(2)),
    }
    assert {row[1:] for row in found if row[0] == "claude-haiku-4-5"} == {
        ("cache_write", "mtok", ALWAYS, Fraction(5, 4)),
        ("cache_write_1h", "mtok", ALWAYS, Fraction(2)),
        ("search", "kcount", ALWAYS, Fraction(10)),
        ("search", "kcount", Condition(variant="high"), Fraction(14)),
    }
    assert {(r.rate.valid_from, r.rate.valid_to, r.basis) for r in parsed.rates} == {
        (TODAY, None, "observed")
    }


@pytest.mark.parametrize(
    ("key", "mode", "item", "unit", "amount"),
    [
        ("output_cost_per_reasoning_token", "chat", "reasoning", "mtok", 500_000),
        ("input_cost_per_audio_token", "chat", "input_audio", "mtok", 500_000),
        ("input_cost_per_token_cache_hit", "chat", "cache_read", "mtok", 500_000),
        ("output_cost_per_image", "image_generation", "image", "image", Fraction(1, 2)),
        ("input_cost_per_image", "image_generation", "image", "image", Fraction(1, 2)),
        (
            "input_cost_per_second",
            "audio_transcription",
            "input_audio_time",
            "second",
            Fraction(1, 2),
        ),
        ("output_cost_per_second", "video_generation", "video", "second", Fraction(1, 2)),
        ("input_cost_per_character", "audio_speech", "input_character", "mchar", 500_000),
        ("input_cost_per_query", "search", "search", "kcount", 500),
        ("input_cost_per_query", "rerank", "request", "kcount", 500),
        ("input_cost_per_text_message", "realtime", "message", "kcount", 500),
        ("ocr_cost_per_page", "ocr", "page", "kpage", 500),
        ("annotation_cost_per_page", "ocr", "annotated_page", "kpage", 500),
    ],
)
def test_keys(key: str, mode: str, item: str, unit: str, amount: Fraction) -> None:
    assert one(**{key: 0.5, "mode": mode}) == {(item, unit, ALWAYS, Fraction(amount))}


def test_sizes_are_variants() -> None:
    assert one(output_cost_per_second_720p=1, mode="video_generation") == {
        ("video", "second", Condition(variant="720p"), Fraction(1))
    }
    assert one(output_cost_per_image_2K=1) == {
        ("image", "image", Condition(variant="2K"), Fraction(1))
    }


def test_long_requests_of_a_tier_begin_at_its_short_ones() -> None:
    found = one(
        input_cost_per_token=1,
        input_cost_per_token_above_200k_tokens_batches=3,
        output_cost_per_token_above_200k_tokens=3,  # what shorter ones cost is not said: left out
    )
    assert {(row[2], row[3]) for row in found} == {
        (Condition(input_to=200_001), Fraction(10**6)),
        (Condition(input_from=200_001), Fraction(10**6)),
        (Condition(input_to=200_001, tier="batch"), Fraction(10**6)),
        (Condition(input_from=200_001, tier="batch"), Fraction(3 * 10**6)),
    }


def test_unknown_prices_are_told_once_with_their_number() -> None:
    tiers = [{"a": 1}, {"range": [0, 9], "input_cost_per_pixel": 1, "context": 9}]
    entry = {"input_cost_per_pixel": 1e-8, "cost\n": 1, "tiered_pricing": tiers}
    parsed = read({"a": entry, "b": entry, "c": {"input_cost_per_token": 0}})
    assert [(f.kind, f.is_error) for f in parsed.findings] == [("item_unknown", False)] * 3
    assert [f.message.partition(";")[0] for f in parsed.findings] == [
        "the price cost\\n of 2 models is not known",
        "the price input_cost_per_pixel of 4 models is not known",
        "the price tiered_pricing of 2 models is not known",
    ]
    assert [r.listing.model for r in parsed.rates] == ["c"]


def test_a_search_of_unusual_sizes_alone_has_no_usual_price() -> None:
    assert one(search_context_cost_per_query={"search_context_size_low": 0.01}) == {
        ("search", "kcount", Condition(variant="low"), Fraction(10))
    }


def test_one_model_under_two_names_is_taken_once() -> None:
    parsed = read(
        {
            "deepseek/deepseek-chat": {"litellm_provider": "deepseek", "input_cost_per_token": 2},
            "deepseek-chat": {"litellm_provider": "deepseek", "input_cost_per_token": 1},
        }
    )
    assert [f.kind for f in parsed.findings] == ["model_twice"]
    assert [r.rate.amount for r in parsed.rates] == [10**6]


def test_listings() -> None:
    assert str(listing_of("openai", "gpt-5.4")) == "OpenAI gpt-5.4 in USD"
    assert str(listing_of("azure", "azure/eu/gpt-5")) == "azure eu/gpt-5 (reseller) in USD"
    assert str(listing_of("", "m")) == "unknown m (reseller) in USD"


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"m": 3},
        {"m": {"input_cost_per_token": -1e-6}},
        {"m": {"input_cost_per_token": "1e-6"}},
        {"m": {"tiered_pricing": [{"range": ["x"], "input_cost_per_token": 1}]}},
    ],
)
def test_what_is_wrong_is_an_error_and_nothing_is_taken(document: object) -> None:
    parsed = read(document)
    assert not parsed.is_sound
    assert parsed.rates == ()
