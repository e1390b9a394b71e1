"""Which prices stand in for what was sold; amounts are held in integration/test_what_if."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from migrated import copy_migrated

from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.control.price_watch.plans import PricePlan, Wish
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.listings import UNKNOWN_START, ListedRate, Listing
from steelyard.domain.rates import Rate
from steelyard.ledger.cells import Sold
from steelyard.pricebook import shipped
from steelyard.pricebook.book import END_NS
from steelyard.pricebook.market import Market
from steelyard.pricebook.sources import csv_file
from steelyard.pricebook.sources.base import Reading
from steelyard.store import listings, revisions
from steelyard.store.books import NS_PER_HOUR
from steelyard.store.listings import NewRate, Source

CONFIG = """
weigh_when_idle: false
channels: {shop: {base_url: "http://x/v1"}, other: {base_url: "http://x/v1"}}
offers:
  - {model: listed, channel: shop, context: 9, priced_at: end,
     list: {vendor: OpenAI, model: gpt-4o, currency: USD}}
  - {model: own, channel: shop, context: 9, valid_from: 2025-01-01,
     rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}}
  - {model: own, channel: other, context: 9, valid_from: 2025-01-01,
     rates: {input: 3 CNY/mtok, output: 4 CNY/mtok}}
  - {model: peak, channel: shop, context: 9,
     list: {vendor: DeepSeek, model: deepseek-chat, currency: CNY}}
"""
NOW_NS = instant_ns(datetime(2026, 11, 22, tzinfo=UTC))
UNDATED = ListedRate(
    Listing("Fireworks", "reseller", "new", "USD"),
    Rate("", "request", Fraction(1), "USD", "request", UNKNOWN_START),
    "genai-prices",
    read_at=datetime(2026, 10, 26, tzinfo=UTC),
)
LISTED, OWN = Sold("shop/listed", "listed"), Sold("shop/own", "own")
PEAK = Sold("shop/peak", "peak")
MTOK = 10**6


def ns(*day: int) -> int:
    return instant_ns(datetime(*day, tzinfo=UTC))


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    folder = tmp_path_factory.mktemp("plans")
    (folder / "steelyard.yaml").write_text(CONFIG)
    copy_migrated(folder, has_prices=True)
    made = Control(Places(folder, folder, 8080), {})
    made.prepare()
    with made.database.write() as tx:
        change = revisions.begin(tx, NOW_NS, "admin", "a test")
        listings.record(tx, change, Source("genai-prices", "a.json", "d"), [NewRate(UNDATED)])
    yield made
    made.close()


@pytest.fixture
def plan(control: Control):
    def make(**wish: object) -> PricePlan:
        made = PricePlan(control.database, Wish(**wish), NOW_NS)
        known = made.prepare()
        assert known == [Sold("other/own", "own"), LISTED, OWN, PEAK]
        return made

    return make


def input_price(prices, at_ns: int = 0) -> int:
    (period,) = [p for p in prices.periods if p.from_ns <= at_ns < p.to_ns]
    return period.cards[0].prices[0] // period.denominator * MTOK


def test_a_day_stands_for_all_time(plan) -> None:
    made = plan(as_of_ns=ns(2024, 5, 14, 12))
    prices = made.prices_of(LISTED)
    assert prices.currency == "USD"
    assert [period[:2] for period in prices.periods] == [(0, END_NS)]
    assert input_price(prices) == 5 * 10**12
    assert prices.is_priced_at_end
    assert "gpt-4o" in made.labels[LISTED]


def test_a_price_without_a_first_day_is_none_before_it_was_read(plan) -> None:
    undated = "Fireworks/new@USD"
    with pytest.raises(InvalidRequest, match="no .* that is known to have been sold at 2024-05-14"):
        plan(as_of_ns=ns(2024, 5, 14, 12), swaps={"listed": undated})
    made = plan(as_of_ns=ns(2026, 11, 1, 12), swaps={"listed": undated})
    assert made.prices_of(LISTED).currency == "USD"


def test_what_had_no_price_that_day_has_none(plan) -> None:
    made = plan(as_of_ns=ns(2024, 5, 12, 12))
    assert made.prices_of(LISTED) is None
    assert "no price at 2024-05-12" in made.reasons[LISTED]
    assert made.prices_of(OWN) is None
    assert made.prices_of(Sold("gone", "no-such-model")) is None
    assert "no no-such-model" in made.reasons[Sold("gone", "no-such-model")]
    assert plan(as_of_ns=ns(2025, 1, 2)).prices_of(OWN) is not None


def test_an_offer_of_before_is_looked_up_by_its_model(plan) -> None:
    made = plan(as_of_ns=ns(2024, 11, 1))
    prices = made.prices_of(Sold("gone/gpt-4o", "gpt-4o"))
    assert prices is not None
    assert input_price(prices) == 2.5 * 10**12


def test_hours_of_a_day_hold_at_the_same_time_of_any_day(plan) -> None:
    made = plan(as_of_ns=ns(2025, 3, 5, 12))
    prices = made.prices_of(PEAK)
    assert prices.is_daily
    assert prices.periods[0].from_ns == 0
    assert prices.periods[-1].to_ns == DAY_NS
    # Half price from 16:30 to 00:30 UTC.
    assert input_price(prices, 17 * NS_PER_HOUR) * 2 == input_price(prices, 12 * NS_PER_HOUR)
    assert input_price(prices, 0) == input_price(prices, 17 * NS_PER_HOUR)
    assert not plan(as_of_ns=ns(2024, 8, 5, 12)).prices_of(PEAK).is_daily


def test_a_swap_keeps_each_calls_own_time(plan) -> None:
    made = plan(swaps={"own": "Alibaba/qwen-long@CNY"})
    prices = made.prices_of(OWN)
    day = ns(2024, 5, 20, 12)
    assert input_price(prices, day) == 20 * 10**12
    assert input_price(prices, day + 2 * DAY_NS) == 5 * 10**11
    assert made.swapped == {"own"}
    # The others cost what they did.
    assert input_price(made.prices_of(LISTED), ns(2024, 6, 1)) == 5 * 10**12


def test_a_swap_may_name_an_offer_or_its_model(plan) -> None:
    prices = plan(swaps={"shop/own": "other/own"}).prices_of(OWN)
    assert input_price(prices, ns(2026, 1, 1)) == 3 * 10**12
    assert plan(swaps={"own": "listed"}).prices_of(OWN).currency == "USD"
    assert plan(swaps={"own": "qwen-long"}).prices_of(OWN).label.startswith("Alibaba qwen-long")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("own", "several offers: other/own, shop/own"),
        ("deepseek-chat", "several times"),
        ("nothing-at-all", "the book has no nothing-at-all"),
        ("Nobody/gpt-4o", "the book has no Nobody gpt-4o"),
    ],
)
def test_a_swap_that_is_not_clear_is_refused(plan, target: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        plan(swaps={"listed": target})


def book(*rows: str) -> Market:
    head = "vendor,channel,model,currency,unit,item,condition,price,effective_from,effective_to"
    text = "\n".join([f"{head},source,note", *rows, ""])
    reading = Reading("own", shipped.phrases(), datetime(2026, 1, 1, tzinfo=UTC))
    parsed = csv_file.parse(text.encode(), reading)
    assert [finding for finding in parsed.findings if finding.is_error] == []
    return Market(parsed.rates)


def test_another_book_knows_nothing_of_ours(plan) -> None:
    market = book(
        "OpenAI,official,gpt-4o,USD,per_1m_tokens,input,,1,2024-01-01,,x,date=announced",
        "Shop,official,own,CNY,per_1m_tokens,input,,7,2024-01-01,,x,date=announced",
    )
    made = plan(book=market)
    assert input_price(made.prices_of(LISTED), ns(2024, 6, 1)) == 10**12
    assert input_price(made.prices_of(OWN), ns(2024, 6, 1)) == 7 * 10**12
    assert made.prices_of(PEAK) is None
    assert "no DeepSeek deepseek-chat" in made.reasons[PEAK]
    assert plan(book=market, as_of_ns=ns(2023, 1, 1)).prices_of(OWN) is None
    assert plan(book=market, swaps={"listed": "own"}).prices_of(LISTED).currency == "CNY"


def test_hours_that_begin_within_a_day_are_told_apart(plan) -> None:
    later = ns(2025, 3, 5, 12) + instant_ns(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=7))
    one, other = (plan(as_of_ns=at).prices_of(PEAK) for at in (ns(2025, 3, 5, 12), later))
    for hour in range(24):
        at = hour * NS_PER_HOUR
        assert input_price(one, at) == input_price(other, at)


def test_without_a_wish_each_day_has_its_own_price(plan) -> None:
    assert len(plan().prices_of(LISTED).periods) > 1
