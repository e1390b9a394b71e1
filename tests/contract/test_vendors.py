"""Every packaged vendor: read as the file would be, facts with sources, its place in the book."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from steelyard.config.load import load_text
from steelyard.config.presets import default_text, packaged_vendors
from steelyard.control import resolve
from steelyard.control.offerings import offer_entry
from steelyard.control.price_book import listed_price
from steelyard.control.resolve import RULES
from steelyard.domain.instants import instant_ns
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


@pytest.mark.parametrize(("name", "vendor"), VENDORS, ids=[name for name, _ in VENDORS])
class TestVendor:
    def test_it_says_where_its_facts_come_from(self, name, vendor) -> None:
        assert vendor.source
        assert vendor.title
        assert vendor.title_zh

    def test_it_can_be_reached(self, name, vendor) -> None:
        assert bool(vendor.base_url) == (name != "local")
        assert vendor.base_url.startswith(("https://", "http://127.0.0.1:")) or not vendor.base_url
        assert vendor.dialect == "openai_chat"

    def test_the_price_book_knows_it_by_the_name_it_gives(self, name, vendor, book) -> None:
        """A vendor whose list comes with steelyard says where it stands there."""
        if vendor.list is None:
            return
        listed = [x for x in book.listings() if x.vendor == vendor.list.vendor]
        assert any(x.currency == vendor.list.currency for x in listed)
        for model in vendor.models.values():
            if model.list_model:
                assert book.find(model.list_model, vendor.list.vendor, vendor.list.currency)

    def test_a_channel_and_an_offer_need_nothing_but_a_credential(self, name, vendor) -> None:
        if name == "local":
            return
        text = f"""
channels: {{c: {{vendor: {name}, credential: k}}}}
offers: [{{model: some-model, channel: c, context: 1000}}]
"""
        config = load_text(text, "s.yaml", {}, RULES)
        body, terms = resolve.offers(config)["c/some-model"]
        assert terms == {}
        assert body["follows_list"]
        assert "stream" in body["features"]
        assert resolve.channels(config)["c"]["base_url"] == vendor.base_url


@pytest.mark.parametrize(
    ("vendor", "model"),
    [
        ("openai", "gpt-4o"), ("deepseek", "deepseek-v4-pro"), ("dashscope", "qwen-plus"),
        ("volcano-ark", "doubao-1-5-pro-32k-250115"), ("zhipu", "glm-4.5"),
        ("moonshot", "kimi-k3"),
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


def test_the_newcomers_file_is_right_and_prices_its_local_models() -> None:
    config = load_text(default_text(), "steelyard.yaml", {}, RULES)
    offers = resolve.offers(config)
    assert len(offers) == 2
    assert all({"input", "output"} == set(terms) for _, terms in offers.values())
    assert config.demo_key
