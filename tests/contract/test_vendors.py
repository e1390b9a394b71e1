"""Every packaged vendor: read as the file would be, facts with sources, prices that compile."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from steelyard.config.amounts import read_price
from steelyard.config.load import load_text
from steelyard.config.presets import default_text, packaged_vendors
from steelyard.control import resolve
from steelyard.control.resolve import RULES
from steelyard.domain.rates import Rate
from steelyard.pricebook.book import END_NS, compile_periods

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

    def test_its_prices_have_source_and_date_and_no_gap(self, name, vendor) -> None:
        today = datetime(2026, 11, 21, tzinfo=UTC)
        for model in vendor.models.values():
            rates = []
            for number, dated in enumerate(model.prices):
                assert dated.source
                begin = datetime(*dated.valid_from.timetuple()[:3], tzinfo=UTC)
                assert begin <= today
                assert not rates or begin > rates[-1].valid_from
                for item, text in dated.rates.items():
                    price = read_price(text)
                    rates.append(
                        Rate(f"r{number}", item, price.amount, price.currency, price.unit, begin)
                    )
            if rates:
                periods = compile_periods(rates)
                assert periods[-1].to_ns == END_NS
                assert len(periods) <= len(model.prices)

    def test_a_channel_and_an_offer_need_nothing_but_a_credential(self, name, vendor) -> None:
        if name == "local":
            return
        model = next((m for m in vendor.models if vendor.models[m].prices), "some-model")
        priced = model in vendor.models
        rates = "" if priced else ", rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}"
        text = f"""
channels: {{c: {{vendor: {name}, credential: k}}}}
offers: [{{model: "{model}", channel: c, context: 1000{rates}}}]
"""
        config = load_text(text, "s.yaml", {}, RULES)
        body, terms = resolve.offers(config)[f"c/{model}"]
        assert {"input", "output"} <= set(terms)
        assert "stream" in body["features"]
        assert resolve.channels(config)["c"]["base_url"] == vendor.base_url


def test_the_newcomers_file_is_right_and_prices_its_local_models() -> None:
    config = load_text(default_text(), "steelyard.yaml", {}, RULES)
    offers = resolve.offers(config)
    assert len(offers) == 2
    assert all({"input", "output"} == set(terms) for _, terms in offers.values())
    assert config.demo_key
