"""Every packaged vendor: read as the file would be, facts with sources, its place in the book."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from steelyard import dialects
from steelyard.config.load import InvalidConfig, load_text
from steelyard.config.presets import default_text, packaged_vendors
from steelyard.config.vendor import Manner, Vendor
from steelyard.control.configuration import resolve
from steelyard.control.configuration.channels import channel_entry
from steelyard.control.configuration.resolve import RULES
from steelyard.control.prices.book import listed_price
from steelyard.control.snapshot.offerings import offer_entry
from steelyard.dialects import bridge
from steelyard.domain.instants import instant_ns
from steelyard.gateway.channels import spoken_of
from steelyard.gateway.heads import request_head
from steelyard.pricebook import shipped
from steelyard.pricebook.market import Market
from steelyard.pricebook.sources.base import Reading, available


@pytest.fixture(scope="module")
def book() -> Market:
    """The list that comes with steelyard."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    reading = Reading("steelyard", shipped.phrases(), now)
    return Market(available()["own"].parse(shipped.read("prices.csv"), reading).rates)


VENDORS = sorted(packaged_vendors().items())
DIALECTS = dialects.available()
WANTED = {
    *("volcano-ark", "dashscope", "qianfan", "spark", "hunyuan", "zhipu", "deepseek", "moonshot"),
    *("minimax", "yi", "sensenova", "openai", "anthropic", "azure-openai", "gemini", "bedrock"),
    *("bedrock-openai", "deepbricks", "openrouter", "siliconflow", "coze"),
    *("vllm", "sglang", "ollama", "llama-server", "lmdeploy"),
}


def channel_text(name: str, vendor: Vendor, region: str = "") -> str:
    """A channel of the vendor's with all that it asks for, and an offer on it."""
    values = "".join(f"{parameter}: value-1, " for parameter in vendor.parameters)
    site = f", region: {region}" if region else ""
    return f"""
channels: {{c: {{vendor: {name}, credential: k, parameters: {{{values}}}{site}}}}}
offers: [{{model: some-model, channel: c, context: 1000}}]
"""


def test_every_vendor_that_was_promised_is_there() -> None:
    assert set(packaged_vendors()) == WANTED | {"local"}


@pytest.mark.parametrize(("name", "vendor"), VENDORS, ids=[name for name, _ in VENDORS])
class TestVendor:
    def test_it_says_where_its_facts_come_from(self, name, vendor) -> None:
        assert vendor.source
        assert vendor.title
        assert vendor.title_zh

    def test_it_can_be_reached(self, name, vendor) -> None:
        assert bool(vendor.base_url) == (name != "local")
        assert vendor.base_url.startswith(("https://", "http://127.0.0.1:")) or not vendor.base_url
        assert vendor.needs or {vendor.dialect, *vendor.dialects} <= set(DIALECTS)
        for region in vendor.regions.values():
            assert region.base_url.startswith("https://")
            assert set(region.dialects) <= set(DIALECTS)
            # How a dialect is spoken is said once, at the vendor's first site.
            assert set(region.dialects) <= set(vendor.dialects)

    def test_the_price_book_knows_it_by_the_name_it_gives(self, name, vendor, book) -> None:
        """A vendor whose list comes with steelyard says where it stands there."""
        if vendor.list is None:
            return
        listed = [x for x in book.listings() if x.vendor == vendor.list.vendor]
        assert any(x.currency == vendor.list.currency for x in listed)
        for model in vendor.models.values():
            if model.list_model:
                assert book.find(model.list_model, vendor.list.vendor, vendor.list.currency)

    def test_a_channel_and_an_offer_need_what_it_asks_for_and_a_credential(
        self, name, vendor
    ) -> None:
        if name == "local":
            return
        text = channel_text(name, vendor)
        if vendor.needs:
            with pytest.raises(InvalidConfig, match="cannot be called yet"):
                load_text(text, "s.yaml", {}, RULES)
            return
        config = load_text(text, "s.yaml", {}, RULES)
        body, terms = resolve.offers(config)["c/some-model"]
        assert terms == {}
        assert body["follows_list"]
        assert "stream" in body["features"]
        assert set(vendor.manners) <= set(body["features"])
        entry = channel_entry("c", resolve.channels(config)["c"])
        assert entry.base_url == vendor.base_url.replace("{resource}", "value-1").replace(
            "{aws_region}", "value-1"
        )
        assert set(entry.speaks) == set(vendor.dialects)
        for base_url in (entry.base_url, *(one.base_url for one in entry.speaks.values())):
            assert "{" not in base_url

    def test_each_of_its_regions_can_be_chosen(self, name, vendor) -> None:
        if vendor.needs:
            return
        for region, site in vendor.regions.items():
            config = load_text(channel_text(name, vendor, region), "s.yaml", {}, RULES)
            body = resolve.channels(config)["c"]
            assert body["base_url"] == site.base_url.replace("{aws_region}", "value-1")
            assert set(body["speaks"]) == set(site.dialects)
        assert bool(vendor.region) == bool(vendor.regions)
        assert vendor.region not in vendor.regions

    def test_a_head_can_be_made_for_each_dialect(self, name, vendor) -> None:
        if name == "local" or vendor.needs:
            return
        config = load_text(channel_text(name, vendor), "s.yaml", {}, RULES)
        entry = channel_entry("c", resolve.channels(config)["c"])
        for dialect in (entry.dialect, *entry.speaks):
            spoken = spoken_of(entry, DIALECTS[dialect])
            credential = (spoken.credential_header, spoken.credential_prefix + "k")
            head = request_head("c", "/x", "h", [*spoken.headers, credential]).decode()
            assert head.count(": k\r\n") + head.count(" k\r\n") >= 1
            if dialect == "anthropic_messages":
                assert "anthropic-version: " in head


@pytest.mark.parametrize(
    ("vendor", "model"),
    [
        ("openai", "gpt-4o"), ("deepseek", "deepseek-v4-pro"), ("dashscope", "qwen-plus"),
        ("volcano-ark", "doubao-1-5-pro-32k-250115"), ("zhipu", "glm-4.5"),
        ("moonshot", "kimi-k3"), ("anthropic", "claude-sonnet-5-5"), ("minimax", "MiniMax-M3"),
        ("qianfan", "ernie-5.1"), ("hunyuan", "hy3"), ("spark", "4.0Ultra"), ("yi", "yi-lightning"),
        ("sensenova", "SenseNova-V6-5-Pro"),
    ],
)  # fmt: skip
def test_an_offer_of_a_listed_vendor_is_priced_today(vendor: str, model: str, book: Market) -> None:
    text = f"""
channels: {{c: {{vendor: {vendor}, credential: k}}}}
offers: [{{model: {model}, channel: c, context: 1000, output_max: 500}}]
"""
    ((body, _),) = resolve.offers(load_text(text, "s.yaml", {}, RULES)).values()
    priced = listed_price(book, body["list"])
    assert priced.problem == ""
    now_ns = instant_ns(datetime(2026, 11, 21, tzinfo=UTC))
    entry = offer_entry("o", body, priced.rates, now_ns)
    assert any(period.from_ns <= now_ns < period.to_ns for period in entry.periods)


def test_whatever_translation_goes_by_can_be_said_of_an_offer() -> None:
    """A manner that a bridge asks for and no file may name would never be there."""
    bridges = Path(bridge.__file__).parent.glob("*.py")
    text = "".join(file.read_text("utf-8") for file in bridges)
    asked = set(re.findall(r'"([a-z_]+:[a-z_]+)" (?:not )?in \w*\.?\w*\.?_?features', text))
    assert "reasoning:back" in asked
    assert asked <= set(get_args(Manner))


def test_the_newcomers_file_is_right_and_prices_its_local_models() -> None:
    config = load_text(default_text(), "steelyard.yaml", {}, RULES)
    offers = resolve.offers(config)
    assert len(offers) == 2
    assert all({"input", "output"} == set(terms) for _, terms in offers.values())
    assert config.demo_key


def test_models_that_do_not_reason_are_not_told_how_hard_to_think() -> None:
    """A client's thinking switch would become a field that such a model refuses."""
    config = load_text(
        "channels: {c: {vendor: openai, credential: k}}\n"
        "offers: [{model: gpt-4o-mini, channel: c}, {model: gpt-5, channel: c}]\n",
        *("s.yaml", {}, RULES),
    )
    offers = resolve.offers(config)
    assert "thinking:effort" not in offers["c/gpt-4o-mini"][0]["features"]
    assert "thinking:effort" in offers["c/gpt-5"][0]["features"]
