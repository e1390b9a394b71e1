"""What workers get to see of the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from steelyard.config.presets import default_text
from steelyard.control.snapshot import compile as compiler
from steelyard.control.snapshot.compile import compile_core, write_keys
from steelyard.control.snapshot.offerings import RANK_LAST
from steelyard.domain.budgets import Limit, Period, Unit
from steelyard.domain.rates import ExchangeRate
from steelyard.domain.tasks import Verdict
from steelyard.gateway import snapshot
from steelyard.gateway.keytable import KeyTable
from steelyard.store import accounts, exchange, keys, limits, objects, proofs, revisions
from steelyard.store.database import Database
from steelyard.store.schema import API

NOW_NS = 1_773_144_000 * 10**9
Put = Callable[..., list[str]]
BOOK = """
home_currency: CNY
channels:
  east: {base_url: "http://e/v1/", residency: cn, credential: k, timeout_total_s: 7}
  west: {base_url: "http://w/v1"}
offers:
  - {model: m, channel: east, context: 100, output_max: 10,
     rates: {input: 2 CNY/mtok, output: 8 CNY/mtok, cache_read: 0.5 CNY/mtok}}
  - {model: m, channel: west, context: 100, rates: {input: 1 USD/mtok, output: 1 USD/mtok}}
  - {model: free, channel: west, context: 100}
  - {model: off, channel: west, context: 100, enabled: false}
accounts:
  acme:
    policy: careful
    limits: [{money: 10 USD, period: month}, {money: 5 USD, period: day}]
    accounts:
      support: {limits: [{requests: 6}, {money: 1 USD, period: day, is_hard: false}]}
policies: {careful: {residency: [cn], attempts_max: 2}}
aliases: {gpt: m, gone: "off"}
tasks: {shop/review-sentiment: {policy: careful}}
"""


def rate(base: str, quote: str, value: str) -> ExchangeRate:
    day = datetime(2026, 3, 9, tzinfo=UTC)
    return ExchangeRate(f"ecb-{base}-{quote}", base, quote, Fraction(value), day)


def core_of(database: Database, now_ns: int = NOW_NS) -> snapshot.Core:
    with database.read() as tx:
        return compile_core(tx, now_ns)


def test_offers_are_grouped_by_model_with_exact_periods(database: Database, put: Put) -> None:
    put(BOOK)
    core = core_of(database)
    assert set(core.models) == {"m", "free"}
    east, west = snapshot.decode_offers(core.models["m"])
    (period,) = east.periods
    (card,) = period.cards
    assert card.prices[0] == 2 * 10**6 * period.denominator
    assert card.prices[2] * 2 == 10**6 * period.denominator
    assert len(card.rate_ids) == 3
    assert (east.currency, west.currency) == ("CNY", "USD")
    assert west.output_tokens_max == 100
    (free,) = snapshot.decode_offers(core.models["free"])
    assert (free.periods, free.currency) == ((), "")
    assert core.public_ids == ("free", "gpt", "m")
    assert snapshot.decode_offer_index(core.offers)["west/m"] == "m"


def test_a_channel_carries_the_name_of_its_credential_never_the_value(
    database: Database, put: Put
) -> None:
    put(BOOK)
    east = core_of(database).channels["east"]
    assert (east.credential, east.base_url, east.timeout_total_s) == ("east", "http://e/v1", 7.0)


def test_ranking_compares_currencies_and_without_a_rate_there_is_none(
    database: Database, put: Put
) -> None:
    put(BOOK)
    assert snapshot.decode_offers(core_of(database).models["m"])[1].rank_input == RANK_LAST
    with database.write() as tx:
        exchange.add(tx, [rate("USD", "CNY", "7.25"), rate("CNY", "USD", "0.14")])
    core = core_of(database)
    east, west = snapshot.decode_offers(core.models["m"])
    assert (east.rank_input, west.rank_input) == (2e6, 7.25e6)
    assert core.exchange["USD/CNY"] == snapshot.ExchangeEntry("ecb-USD-CNY", 29, 4)
    assert set(core.exchange) == {"USD/CNY", "CNY/USD"}


def test_an_account_bears_the_limits_of_all_above_it_one_meter_each(
    database: Database, put: Put
) -> None:
    put(BOOK)
    core = core_of(database)
    entry = snapshot.decode_account(core.accounts["acc_2"])
    assert entry.path == "acc_1/acc_2"
    assert entry.policy == "careful"
    money, requests = entry.meters
    assert (money.scope, money.unit, money.amount) == ("account:acc_1", "money", 5 * 10**12)
    assert money.label == "account acme (5.00 USD per day, 10.00 USD per month)"
    assert (requests.scope, requests.unit, requests.amount) == ("account:acc_2", "requests", 6)
    assert core.policies["careful"].residency == frozenset({"cn"})
    assert "default" in core.policies
    # Who measures supply wants a refusal told, not tried again.
    assert core.policies["supplying"].attempts_max == 1


def test_verdicts_count_at_the_floor_of_today_and_only_in_todays_form(
    database: Database, put: Put
) -> None:
    put(BOOK)
    name = "shop/review-sentiment"
    with database.write() as tx:
        task = objects.current(tx, "task")[name].body
        for offer, digest, lower in [
            ("east/m", task["digests"][0], "0.7"),
            ("west/m", task["digests"][0], "0.2"),
            ("west/m", "0" * 16, "0.9"),
        ]:
            proofs.add_verdict(tx, _verdict(name, offer, digest, Decimal(lower)))
    entry = core_of(database).tasks[name]
    assert entry.policy == "careful"
    assert [(v.offer, v.status) for v in entry.verdicts] == [
        ("east/m", "proven"),
        ("west/m", "not_proven"),
    ]
    put(BOOK.replace("{policy: careful}}", "{policy: careful, floor: 0.95}}"))
    assert [v.status for v in core_of(database).tasks[name].verdicts] == ["failed", "failed"]


def _verdict(task: str, offer: str, digest: str, lower: Decimal) -> Verdict:
    return Verdict(
        task=task,
        offer=offer,
        form_digest=digest,
        floor=Decimal("0.65"),
        total=Fraction(80),
        n=100,
        n_unscored=0,
        lower=lower,
        upper=Decimal("0.9"),
        confidence=Decimal("0.95"),
        cost_pico=0,
        currency="",
        time_s=0.0,
        decided_at=datetime(2026, 3, 1, tzinfo=UTC),
        model_answered="m",
    )


def test_prices_that_ended_long_ago_are_left_out(database: Database, put: Put) -> None:
    put(BOOK)
    put(BOOK.replace("output: 8 CNY", "output: 9 CNY"), NOW_NS + 10**9)
    later = core_of(database, NOW_NS + 2 * 10**9)
    assert len(snapshot.decode_offers(later.models["m"])[0].periods) == 2
    next_day = core_of(database, NOW_NS + 86_400 * 10**9)
    assert len(snapshot.decode_offers(next_day.models["m"])[0].periods) == 1


def test_an_offer_may_change_its_currency(database: Database, put: Put) -> None:
    put(BOOK)
    put(BOOK.replace("1 USD/mtok, output: 1 USD", "1 CNY/mtok, output: 1 CNY"), NOW_NS + 10**9)
    east, west = snapshot.decode_offers(core_of(database, NOW_NS + 2 * 10**9).models["m"])
    assert east.periods
    assert west.periods[-1].to_ns > NOW_NS
    assert west.currency == "CNY"


def test_engines_are_channels_without_an_address(database: Database, put: Put) -> None:
    put(default_text())
    channel = core_of(database).channels["local/smollm2-135m-instruct"]
    assert (channel.kind, channel.base_url, channel.is_default) == ("embedded", "", True)
    assert channel.credential == channel.name


def test_the_key_table_holds_live_keys_with_their_own_limits(
    database: Database, put: Put, tmp_path: Path
) -> None:
    put("accounts: {acme: }")
    with database.write() as tx:
        change = revisions.begin(tx, NOW_NS, "admin", "")
        acme = accounts.tree(tx).find("acme")
        for number in range(50):
            secret_hash = bytes([(7 * number) % 256]) * 32
            new = keys.NewKey(secret_hash, "sk-…", acme, f"k{number}", task="a/b")
            keys.add(tx, change, new)
        terms = limits.Terms(Unit.MONEY, 5, Period.DAY, "CNY")
        limits.replace(tx, change, "key:key_3", [terms], API)
        keys.revoke(tx, change, keys.find(tx, name="k9")[0], API)
    with database.read() as tx:
        assert write_keys(tx, tmp_path, NOW_NS) == 49
    table = KeyTable(tmp_path / snapshot.KEYS_FILE)
    record = table.find(bytes([14]) * 32)
    assert record is not None
    assert (record.key_id, record.account_id, record.task) == ("key_3", acme, "a/b")
    assert record.meters[0].label == "key k2 (0.000000000005 CNY per day)"
    assert table.find(bytes([63]) * 32) is None
    table.close()


def test_limits_read_well() -> None:
    total = Limit(1, "account:acc_1", Unit.MONEY, 10**12, Period.TOTAL, "CNY")
    assert compiler.describe(total) == "1.00 CNY in all"
    minute = Limit(1, "account:acc_1", Unit.REQUESTS, 60, Period.MINUTE)
    assert compiler.describe(minute) == "60 requests per minute"
