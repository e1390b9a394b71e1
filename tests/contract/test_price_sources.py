"""One suite for every source of prices: whatever a file holds, a parser answers with findings."""

import random
from collections import Counter
from typing import Any

import pytest

from steelyard.domain.listings import SOURCES, ListedRate, Parsed
from steelyard.pricebook.sources.base import FINDINGS_MAX, Source, available
from unit.pricebook.sources.lists import READING, line, text

SHEET = {
    "columns": {"price": "price", "item": "item", "model": "model", "unit": "unit"},
    "constants": {"vendor": "Example", "currency": "CNY"},
}
LITELLM = (
    b'{"gpt-5.4": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06,'
    b' "input_cost_per_token_above_272k_tokens": 5e-06, "input_cost_per_token_batches": 1.25e-06}}'
)
GENAI = (
    b'{"version": "1", "providers": [{"id": "openai", "name": "OpenAI", "models": [{"id": "m",'
    b' "prices": [{"prices": {"input_mtok": {"base": 1, "tiers": [{"start": 9, "price": 2}]}}},'
    b' {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 0.5}},'
    b' {"constraint": {"start_time": "01:00:00Z", "end_time": "04:00:00Z"},'
    b' "prices": {"input_mtok": 3}}],'
    b' "price_variants": [{"when": {"processing": "batch"}, "prices": {"input_mtok": 0.1}}]}]}]}'
)
EXAMPLES = {
    "own": text(line(), line(item="output", price="2", condition="thinking")).encode(),
    "genai-prices": GENAI,
    "litellm": LITELLM,
    "sheet": text(line(), line(item="output", price="2")).encode(),
}
"""A sound file of each source."""

RUBBISH = [
    b"",
    b"\x00",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf",
    b"\n\n\n",
    b"{}",
    b"[]",
    b"null",
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b'"' * 999,
    b"," * 10_000 + b"\n" + b"," * 9_999,
    "价格,模型\n0.5,豆包\n".encode("gbk"),
    b"a,b\r\r\nc,d\x00",
    b"1" * 100_000,
    b'{"m": {"input_cost_per_token": 1e400}}',
    b'[{"id": "a", "models": [{"id": "m", "prices": {"input_mtok": 1e-400}}]}]',
]

every_source = pytest.mark.parametrize("source", available().values(), ids=available())


def parse(source: Source, data: bytes) -> Parsed:
    mapping: dict[str, Any] = SHEET
    return source.parse(data, READING._replace(origin=source.name, mapping=mapping))


def test_every_source_has_its_place_in_the_order_of_trust() -> None:
    assert {*available(), "steelyard"} == set(SOURCES)
    assert set(EXAMPLES) == set(available())


@every_source
def test_a_sound_file_gives_rates_of_its_origin(source: Source) -> None:
    parsed = parse(source, EXAMPLES[source.name])
    assert parsed.is_sound, parsed.findings
    assert parsed.rates
    assert all(isinstance(listed, ListedRate) for listed in parsed.rates)
    assert {listed.origin for listed in parsed.rates} == {source.name}
    ids = Counter(listed.rate.rate_id for listed in parsed.rates)
    assert max(ids.values()) == 1
    assert all(listed.rate.currency == listed.listing.currency for listed in parsed.rates)
    assert all(listed.rate.valid_from.utcoffset() is not None for listed in parsed.rates)


@every_source
def test_the_same_bytes_give_the_same_rates(source: Source) -> None:
    data = EXAMPLES[source.name]
    assert parse(source, data) == parse(source, data)


@every_source
@pytest.mark.parametrize("data", RUBBISH, ids=lambda data: ascii(data[:12]))
def test_rubbish_is_told_and_never_raises(source: Source, data: bytes) -> None:
    parsed = parse(source, data)
    assert not parsed.is_sound
    assert parsed.rates == ()
    assert len(parsed.findings) <= FINDINGS_MAX + 1


@every_source
def test_damage_of_any_byte_never_raises_and_is_never_half_taken(source: Source) -> None:
    chance = random.Random(7)
    data = EXAMPLES[source.name][:2000]
    for _ in range(200):
        at = chance.randrange(len(data))
        damaged = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        parsed = parse(source, damaged)
        assert parsed.is_sound or parsed.rates == ()
