from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

from steelyard.domain.listings import UNKNOWN_START, Fact, ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.pricebook.market import Market

PRO = Listing("ByteDance", "official", "doubao-pro", "CNY")
MAY = datetime(2024, 5, 15, tzinfo=UTC)
JUNE = datetime(2024, 6, 1, tzinfo=UTC)


def line(
    listing: Listing = PRO,
    origin: str = "steelyard",
    amount: str = "0.8",
    since: datetime = MAY,
    item: str = "input",
) -> ListedRate:
    rate = Rate(f"{origin}-{item}", item, Fraction(amount), listing.currency, "mtok", since)
    return ListedRate(listing, rate, origin)


def test_the_most_trusted_source_that_has_the_listing_is_chosen_and_the_others_are_kept():
    market = Market(
        [line(origin="litellm", amount="9"), line(origin="own", amount="0.7"), line(amount="0.8")]
    )
    assert market.sources_of(PRO) == ("own", "steelyard", "litellm")
    assert market.choice(PRO) == "own"
    assert [rate.amount for rate in market.of(PRO)] == [Fraction("0.7")]
    assert [found.rate.amount for found in market.lines_of(PRO, "litellm")] == [9]


def test_what_has_no_first_day_is_known_from_when_it_was_read():
    undated = replace(line(since=UNKNOWN_START), read_at=JUNE)
    dated = line(PRO._replace(model="other"), since=MAY)
    market = Market([undated, dated, line(PRO._replace(model="never"), since=UNKNOWN_START)])
    assert [found.model for found in market.known_at(MAY).listings()] == ["other"]
    assert [found.model for found in market.known_at(JUNE).listings()] == ["doubao-pro", "other"]


def test_before_the_first_day_of_ones_own_list_the_next_source_holds():
    july = datetime(2024, 7, 1, tzinfo=UTC)
    market = Market(
        [
            line(origin="own", amount="0.5", since=JUNE),
            line(amount="0.8", since=MAY),
            line(amount="0.7", since=july),
            line(origin="litellm", amount="9"),
        ]
    )
    found = market.of(PRO)
    assert [(str(r.amount), r.valid_from, r.valid_to) for r in found] == [
        ("4/5", MAY, JUNE),
        ("1/2", JUNE, None),
    ]
    assert market.choice(PRO) == "own"
    assert len(market.lines_of(PRO, "own")) == 1
    later = Market([line(since=JUNE), line(origin="litellm", since=MAY)])
    assert [rate.valid_from for rate in later.of(PRO)] == [JUNE]


def test_sources_are_not_mixed_within_a_listing():
    market = Market([line(origin="own"), line(item="output")])
    assert [rate.item for rate in market.of(PRO)] == ["input"]


def test_an_unknown_source_is_trusted_least():
    market = Market([line(origin="hearsay"), line(origin="sheet")])
    assert market.sources_of(PRO) == ("sheet", "hearsay")


def test_a_listing_that_nobody_has_has_no_rates():
    market = Market([])
    assert (market.of(PRO), market.choice(PRO), market.sources_of(PRO)) == ((), "", ())


def test_lines_come_oldest_first():
    market = Market([line(since=JUNE), line(since=MAY)])
    assert [rate.valid_from for rate in market.of(PRO)] == [MAY, JUNE]


def test_case_of_names_does_not_matter_and_the_most_trusted_source_writes_them():
    other = Listing("bytedance", "official", "Doubao-Pro", "CNY")
    market = Market([line(other, "litellm"), line()])
    assert market.listings() == [PRO]
    assert market.find("DOUBAO-PRO", vendor="bytedance") == [PRO]
    assert market.sources_of(other) == ("steelyard", "litellm")


def test_models_are_found_by_vendor_currency_and_channel():
    dollars, resold = PRO._replace(currency="USD"), PRO._replace(channel="reseller")
    market = Market([line(), line(dollars), line(resold)])
    assert market.find("doubao-pro") == [PRO, dollars, resold]
    assert market.find("doubao-pro", currency="USD") == [dollars]
    assert market.find("doubao-pro", channel="reseller") == [resold]
    assert market.find("doubao-pro", vendor="OpenAI") == []
    assert market.find("doubao") == []
    assert market.near("doubao-prp") == ["doubao-pro"]


def test_facts_of_the_model_come_first_and_only_those_of_its_time_channel_and_kind():
    general = Fact("limit", "ByteDance", "", MAY, None, {"rpm": 10})
    own = Fact("limit", "ByteDance", "doubao-pro", MAY, JUNE, {"tpm": 800_000})
    later = Fact("promise", "ByteDance", "doubao-pro", JUNE, None, {"text": "for ever"})
    resold = Fact("limit", "ByteDance", "doubao-pro", MAY, None, {}, channel="reseller")
    market = Market([line()], [general, own, later, resold])
    assert market.facts_of(PRO, MAY) == [own, general]
    assert market.facts_of(PRO, JUNE) == [later, general]
    assert market.facts_of(PRO, JUNE, "limit") == [general]
    assert market.facts_of(PRO, None) == [own, later, general]
    assert market.facts("promise") == [later]
