from __future__ import annotations

from fractions import Fraction

import pytest

from pricebook.claims_rig import exchange, market
from steelyard.domain.listings import Listing
from steelyard.pricebook.claim_inputs import Lookup, Named, Unknown
from steelyard.pricebook.claim_kinds import KINDS

NAMES = ("cut", "free", "tiers", "tied")
LISTINGS = {
    **{name: Named(Listing("Maker", "official", name, "CNY"), "Asia/Shanghai") for name in NAMES},
    "long": Named(Listing("Maker", "official", "tiers", "CNY"), input_tokens=40_000),
    "abroad": Named(Listing("Maker", "official", "abroad", "USD")),
}


def compute(kind: str, **given: str) -> str:
    lookup = Lookup(market(), exchange, LISTINGS)
    found = {name.rstrip("_"): value for name, value in given.items()}
    assert KINDS[kind].needs <= set(found) <= KINDS[kind].needs | KINDS[kind].may
    return str(KINDS[kind].compute(lookup, found))


BEFORE, AFTER = "cut input 2024-05-20", "cut input 2024-05-21"


@pytest.mark.parametrize(
    ("kind", "given", "shown"),
    [
        ("change_percent", {"from_": BEFORE, "to": AFTER}, "-97.5 %"),
        ("change_percent", {"from_": "0.08 CNY/ktok", "to": "0.0008 CNY/ktok"}, "-99 %"),
        (
            "change_percent",
            {"from_": "800_000 CNY for 10_000_000_000 tokens", "to": "0.0008 CNY/ktok"},
            "-99 %",
        ),
        (
            "annual_change_percent",
            {"from_": "abroad output 2023-03-14", "to": "abroad output 2024-03-13"},
            "0 % a year",
        ),
        (
            "share_of",
            {"part": "cut input 2024-05-21", "whole": "abroad input 2024-05-21"},
            "0.2381 %",
        ),
        ("buys", {"money": "1 CNY", "price": "abroad output 2024-05-15"}, "2,381 tokens"),
        ("buys", {"money": "1 CNY", "price": AFTER}, "2,000,000 tokens"),
        ("cost_of_volume", {"tokens": "10_000_000", "input": AFTER}, "5 CNY"),
        (
            "cost_of_volume",
            {
                "tokens": "10_000_000",
                "input": AFTER,
                "output": "cut output 2024-05-21",
                "output_percent": "20",
            },
            "8 CNY",
        ),
        (
            "time_under_limit",
            {"tokens": "10_000_000_000", "listing": "free", "on": "2024-05-22"},
            "34.72 days",
        ),
        ("characters_per_token", {"characters": "9", "tokens": "5"}, "1.8 characters/token"),
        (
            "characters_per_token",
            {"characters": "3_600_000", "money": "1 CNY", "price": AFTER},
            "1.8 characters/token",
        ),
        ("price_of", {"price": AFTER, "unit": "mtok"}, "0.5 CNY/mtok"),
        ("price_before", {"price": "0.0008 CNY/ktok", "percent": "-99.3"}, "0.1143 CNY/ktok"),
        ("free_since", {"listing": "free", "on": "2024-05-30"}, "2024-05-21"),
        ("price_of", {"price": "tiers input 2024-05-21"}, "1 CNY/ktok"),
        ("price_of", {"price": "long input 2024-05-21"}, "2 CNY/ktok"),
    ],
)
def test_each_kind_computes_from_the_book(kind: str, given: dict[str, str], shown: str) -> None:
    assert compute(kind, **given) == shown


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        ("price_of", {"price": "cut output 2024-05-20"}, "no price of output"),
        ("price_of", {"price": "tied input 2024-05-20"}, "2 prices of input hold"),
        ("buys", {"money": "1 CNY", "price": "free input 2024-05-22"}, "free"),
        ("buys", {"money": "1 EUR", "price": AFTER}, "no exchange rate CNY to EUR"),
        ("change_percent", {"from_": "free input 2024-05-22", "to": AFTER}, "free before"),
        ("share_of", {"whole": "free input 2024-05-22", "part": AFTER}, "whole is free"),
        ("time_under_limit", {"tokens": "1", "listing": "cut", "on": "2024-05-22"}, "no tpm"),
        ("free_since", {"listing": "free", "on": "2024-05-20"}, "not free|no price"),
        (
            "annual_change_percent",
            {"from_": "abroad input 2024-05-20", "to": "cut input 2024-05-21"},
            "in one currency",
        ),
    ],
)
def test_what_the_book_lacks_is_unknown(kind: str, given: dict[str, str], why: str) -> None:
    with pytest.raises(Unknown, match=why):
        compute(kind, **given)


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        ("price_of", {"price": "nonsense"}, "no price: 'nonsense'"),
        ("price_of", {"price": "nobody input 2024-05-20"}, "unknown listing 'nobody'"),
        ("price_of", {"price": "cut inputs 2024-05-20"}, "unknown item 'inputs'"),
        ("price_of", {"price": "1 CNY/fen"}, "unknown unit 'fen'"),
        ("price_of", {"price": "1 CNY/mtok", "unit": "x"}, "unknown unit 'x'"),
        ("price_before", {"price": AFTER, "percent": "-100"}, "leads from no price"),
        ("buys", {"money": "one", "price": AFTER}, "no money"),
        ("characters_per_token", {"characters": "9"}, "name tokens, or money and price"),
        ("share_of", {"part": "1 CNY/mtok", "whole": "1 USD/mtok"}, "name a day in exchange"),
        ("buys", {"money": "1 CNY", "price": "1 USD/mtok"}, "name a day in exchange"),
        ("annual_change_percent", {"from_": AFTER, "to": BEFORE}, "to a later one"),
        (
            "cost_of_volume",
            {"tokens": "1", "input": AFTER, "output_percent": "1"},
            "needs the price of output",
        ),
        (
            "cost_of_volume",
            {
                "tokens": "1",
                "input": AFTER,
                "output": "abroad output 2024-05-20",
                "output_percent": "1",
            },
            "different currencies",
        ),
    ],
)
def test_what_a_claim_writes_wrongly_is_refused(kind: str, given: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compute(kind, **given)


def test_a_lookup_keeps_what_it_gave_with_the_evidence() -> None:
    lookup = Lookup(market(), exchange, LISTINGS)
    KINDS["buys"].compute(lookup, {"money": "1 CNY", "price": "abroad output 2024-05-15"})
    price, rate = lookup.used
    assert price.value == "0.06 USD/ktok" and price.reference == "abroad-output-0.06-0314"
    assert (price.evidence, rate.evidence) == ("a page", "a bank")
    assert rate.value == "7 CNY" and rate.reference == "x-2024-05-15"


def test_a_yearly_change_is_compounded_exactly() -> None:
    lookup = Lookup(market(), exchange, LISTINGS)
    given = {"from": "cut input 2024-05-20", "to": "cut input 2024-05-21"}
    value = KINDS["annual_change_percent"].compute(lookup, given)
    assert isinstance(value.amount, Fraction) and -100 < value.amount < -99
