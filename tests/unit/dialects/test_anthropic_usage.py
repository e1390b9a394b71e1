"""Usage as Anthropic tells it: totals are made, what is left out is kept, nonsense is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from steelyard.dialects.anthropic_usage import tier_named, usage_of
from steelyard.domain.money import to_pico
from steelyard.domain.usage import Usage


def raw(**fields: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(fields).encode())


def counted(so_far: Usage | None = None, **fields: Any) -> Usage:
    usage, fault, _, _ = usage_of(raw(**fields), so_far, is_begin=False)
    assert usage is not None, fault
    return usage


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        ({"input_tokens": 3, "output_tokens": 550}, Usage(3, 550)),
        (
            {
                "input_tokens": 3,
                "output_tokens": 550,
                "cache_creation_input_tokens": 12304,
                "cache_read_input_tokens": None,
                "cache_creation": None,
            },
            Usage(12307, 550, 0, 12304),
        ),
        (
            {
                "input_tokens": 1,
                "output_tokens": 9,
                "cache_creation_input_tokens": 100,
                "cache_read_input_tokens": 7,
                "cache_creation": {"ephemeral_5m_input_tokens": 60}
                | {"ephemeral_1h_input_tokens": 40},
                "output_tokens_details": {"thinking_tokens": 5},
                "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 9},
            },
            Usage(108, 9, 7, 100, 5, 1, (("cache_write_1h", 40), ("search", 2))),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 20,
                "iterations": [
                    {"type": "message", "input_tokens": 10, "output_tokens": 20},
                    {"type": "compaction", "input_tokens": 100, "output_tokens": 5}
                    | {"cache_read_input_tokens": 50, "cache_creation_input_tokens": None},
                ],
            },
            Usage(160, 25, 50, 0),
        ),
    ],
)
def test_totals_include_their_parts(fields: dict[str, Any], usage: Usage) -> None:
    assert counted(**fields) == usage


@pytest.mark.parametrize(
    ("counts", "rates", "cost"),
    [
        ((3, 12_304, 550), ("3", "3.75", "15"), "0.054399"),
        ((6, 159_217, 2_745), ("5", "6.25", "25"), "1.06376125"),
    ],
)
def test_golden_bills_of_input_that_excludes_its_cache(
    counts: tuple[int, int, int], rates: tuple[str, str, str], cost: str
) -> None:
    fresh, written, output = counts
    usage = counted(
        input_tokens=fresh,
        cache_creation_input_tokens=written,
        cache_read_input_tokens=0,
        output_tokens=output,
    )
    exclusive = (usage.input_tokens - usage.cache_write_tokens, written, usage.output_tokens)
    pico = [to_pico(rate) // 10**6 * n for n, rate in zip(exclusive, rates, strict=True)]
    assert sum(pico) == to_pico(cost)


BEGUN = Usage(115, 1, 5, 100, 0, 1, (("cache_write_1h", 40), ("search", 1)))


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        ({"output_tokens": 9}, BEGUN._replace(output_tokens=9)),
        ({"output_tokens": 0}, BEGUN._replace(output_tokens=0)),
        (
            {"output_tokens": 9, "input_tokens": 20},
            BEGUN._replace(input_tokens=125, output_tokens=9),
        ),
        (
            {"output_tokens": 9, "input_tokens": 0, "cache_read_input_tokens": 0},
            BEGUN._replace(input_tokens=100, output_tokens=9, cache_read_tokens=0),
        ),
        (
            {"output_tokens": 9, "server_tool_use": {"web_search_requests": 3}},
            BEGUN._replace(output_tokens=9, extras=(("cache_write_1h", 40), ("search", 3))),
        ),
        (
            {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}},
            BEGUN._replace(output_tokens=9, reasoning_tokens=4),
        ),
    ],
)
def test_what_an_event_leaves_out_was_said_before(fields: dict[str, Any], usage: Usage) -> None:
    assert counted(BEGUN, **fields) == usage


def test_cache_writes_that_grow_keep_their_life_time() -> None:
    begun = Usage(100, 1, 0, 100, 0, 1, (("cache_write_1h", 100),))
    grown = counted(begun, input_tokens=0, output_tokens=2, cache_creation_input_tokens=150)
    assert grown == Usage(150, 2, 0, 150, 0, 1, (("cache_write_1h", 150),))
    mixed = begun._replace(extras=(("cache_write_1h", 40),))
    grown = counted(mixed, input_tokens=0, output_tokens=2, cache_creation_input_tokens=150)
    assert grown.extras == (("cache_write_1h", 40),)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"input_tokens": 1},
        {"output_tokens": 1},
        {"input_tokens": -1, "output_tokens": 1},
        {"input_tokens": -1, "output_tokens": 1, "cache_read_input_tokens": 5},
        {"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": -5},
        {"input_tokens": 5, "output_tokens": -1},
        {"input_tokens": 1.5, "output_tokens": 1},
        {"input_tokens": "1", "output_tokens": 1},
        {"input_tokens": True, "output_tokens": 1},
        {"input_tokens": 2**70, "output_tokens": 1},
        {
            "input_tokens": 1,
            "output_tokens": 1,
            "cache_creation_input_tokens": 5,
            "cache_creation": {"ephemeral_1h_input_tokens": 6},
        },
    ],
)
def test_a_usage_that_cannot_be_is_never_zero(fields: dict[str, Any]) -> None:
    usage, fault, _, _ = usage_of(raw(**fields), None, is_begin=False)
    assert usage is None
    assert fault.startswith("usage ")


def test_no_usage_is_no_fault() -> None:
    assert usage_of(msgspec.Raw(b"null"), None, is_begin=True) == (None, "", "", None)


def test_a_beginning_need_not_count_any_output() -> None:
    usage, _, _, _ = usage_of(raw(input_tokens=3), None, is_begin=True)
    assert usage == Usage(3, 0)


@pytest.mark.parametrize(
    ("fields", "tier"),
    [
        ({}, None),
        ({"service_tier": "standard"}, ""),
        ({"speed": "standard"}, ""),
        ({"service_tier": "batch"}, "batch"),
        ({"service_tier": "priority", "speed": "fast"}, "fast"),
    ],
)
def test_the_tier_that_served(fields: dict[str, str], tier: str | None) -> None:
    told = raw(input_tokens=1, output_tokens=1, **fields)
    assert usage_of(told, None, is_begin=False)[3] == tier


def test_a_vendors_own_fallback_is_named() -> None:
    rounds = [{"type": "message", "model": "a"}, {"type": "fallback_message", "model": "b"}]
    told = raw(input_tokens=1, output_tokens=1, iterations=rounds)
    assert usage_of(told, None, is_begin=False)[2] == "b"


def test_tiers_are_bounded() -> None:
    assert tier_named("x" * 99) == "x" * 16
