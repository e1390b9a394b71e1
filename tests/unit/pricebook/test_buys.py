from __future__ import annotations

from fractions import Fraction

from pricebook.lists_rig import NOW, exchange, listed
from steelyard.domain.conditions import Condition
from steelyard.pricebook import shipped
from steelyard.pricebook.buys import Bill, buys
from steelyard.pricebook.market import Market
from steelyard.pricebook.tokens import parse

TABLE = parse(shipped.read("characters.yaml"))


def test_one_yuan_names_what_it_buys_and_at_which_rate() -> None:
    market = Market(
        (
            listed("doubao-pro-32k input", "0.0008", unit="ktok"),
            listed("doubao-pro-32k output", "0.002", unit="ktok"),
            listed("gpt-4o output", "15", currency="USD"),
            listed("gpt-4o output", "7.5", currency="USD", condition=Condition(tier="batch")),
        )
    )
    found, unconvertible = buys(market, Bill(Fraction(1), "CNY", NOW), TABLE, exchange)
    assert unconvertible == []
    assert [(b.listing.model, b.line.rate.item, b.number) for b in found] == [
        ("doubao-pro-32k", "input", 1_250_000),
        ("doubao-pro-32k", "output", 500_000),
        ("gpt-4o", "output", 9523),  # 1/7 USD at 15 USD a million
    ]
    assert found[0].exchange is None and found[0].texts() == (2_250_000, 2_250_000, 2_250_000)
    assert found[2].exchange is not None
    assert found[2].exchange.rate_id == "test-2026-11-21-CNY-USD"
    assert found[2].amount == Fraction(1, 7)
    assert found[2].texts() == (11559, 11436, 11679)


def test_what_is_free_comes_first_and_has_no_number() -> None:
    market = Market((listed("m input", "1"), listed("free input", "0")))
    found, _ = buys(market, Bill(Fraction(1), "CNY", NOW, ("input",)), TABLE, exchange)
    assert [(b.listing.model, b.number) for b in found] == [("free", None), ("m", 10**6)]
    assert found[0].texts() is None


def test_a_list_price_counts_only_where_nothing_else_is_charged() -> None:
    beside = Condition(is_list_price=True)
    market = Market(
        (
            listed("m input", "1"),
            listed("m input", "2", condition=beside),
            listed("m output", "4", condition=beside),
        )
    )
    found, _ = buys(market, Bill(Fraction(1), "CNY", NOW), TABLE, exchange)
    assert [(b.line.rate.item, b.number) for b in found] == [
        *(("input", 10**6), ("output", 250_000)),
    ]


def test_images_are_counted_as_images() -> None:
    market = Market((listed("draws image", "0.3", unit="image"), listed("m input", "1")))
    found, _ = buys(market, Bill(Fraction(1), "CNY", NOW, ("image",)), TABLE, exchange)
    assert [(b.counted, b.number, b.characters) for b in found] == [("image", 3, None)]


def test_a_currency_without_a_rate_is_told() -> None:
    market = Market((listed("m input", "1", currency="XTS"), listed("m input", "1")))
    found, unconvertible = buys(market, Bill(Fraction(1), "CNY", NOW), TABLE, exchange)
    assert [listing.currency for listing in unconvertible] == ["XTS"]
    assert [b.listing.currency for b in found] == ["CNY"]
    only = market.find("m", currency="XTS")
    assert buys(market, Bill(Fraction(1), "CNY", NOW), TABLE, exchange, only)[0] == []
