"""How limits are divided: sizes, windows, baselines, currencies, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from migrated import copy_migrated
from sqlalchemy import Connection

from steelyard.control.workers.leases import Ask, Denied, Granted, Leases, room_of
from steelyard.domain.budgets import Period, Unit
from steelyard.domain.rates import ExchangeRate
from steelyard.store import accounts, books, exchange, keys, leases, limits, revisions
from steelyard.store.database import Database
from steelyard.store.schema import API

NS = 10**9
NOON = datetime(2026, 3, 10, 12, 0, 30, tzinfo=UTC)
NOON_NS = int(NOON.timestamp()) * NS
CNY = 10**12


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Connection]:
    database = Database(copy_migrated(tmp_path))
    with database.write() as connection:
        change = revisions.begin(connection, NOON_NS - NS, "test", "")
        accounts.add(connection, change, None, "acme", API)
        yield connection
    database.close()


def put(tx: Connection, *terms: limits.Terms, scope: str = "account:acc_1") -> None:
    change = revisions.begin(tx, NOON_NS, "test", "")
    limits.replace(tx, change, scope, terms, API)


def money(amount: int, period: Period = Period.DAY, currency: str = "CNY") -> limits.Terms:
    return limits.Terms(Unit.MONEY, amount, period, currency)


def ask(need: int, incarnation: int = 1, at_ns: int = NOON_NS, unit: Unit = Unit.MONEY) -> Ask:
    return Ask(incarnation, "account:acc_1", unit, need, at_ns)


def spend(tx: Connection, amount: int, currency: str = "CNY", at_ns: int = NOON_NS) -> None:
    hour = at_ns // books.NS_PER_HOUR
    books.add_balances(tx, {("account:acc_1", hour, currency): books.Sums(amount)})


def granted(answer: Granted | Denied) -> Granted:
    assert isinstance(answer, Granted), answer
    return answer


def denied(answer: Granted | Denied) -> Denied:
    assert isinstance(answer, Denied), answer
    return answer


def test_a_first_grant_is_small_and_recorded_before_it_is_answered(tx: Connection) -> None:
    put(tx, money(100 * CNY))
    answer = granted(Leases().decide(tx, ask(CNY), workers=4))
    assert answer.granted == CNY
    assert answer.currency == "CNY"
    assert answer.window_end_ns == int(datetime(2026, 3, 11, tzinfo=UTC).timestamp()) * NS
    stored = leases.by_id(tx, answer.lease_id)
    assert stored is not None
    assert (stored.granted, stored.incarnation) == (CNY, 1)


def test_grants_grow_with_use_and_never_pass_a_fair_share(tx: Connection) -> None:
    put(tx, money(100 * CNY))
    keeper = Leases()
    totals = [
        granted(keeper.decide(tx, ask(CNY, at_ns=NOON_NS + n * NS), workers=2)).granted
        for n in range(4)
    ]
    growth = [later - earlier for earlier, later in zip(totals, totals[1:], strict=False)]
    assert growth[0] == 5 * CNY  # five seconds of one a second
    assert growth[1] == (100 - 6) * CNY // 4  # a quarter of what is left: two workers, twice
    assert sum(growth) + totals[0] <= 100 * CNY


def test_one_worker_cannot_take_what_another_holds(tx: Connection) -> None:
    put(tx, money(10 * CNY))
    keeper = Leases()
    granted(keeper.decide(tx, ask(8 * CNY, incarnation=1), workers=2))
    refusal = denied(keeper.decide(tx, ask(3 * CNY, incarnation=2), workers=2))
    assert refusal.code == "insufficient_quota"
    assert refusal.is_held_by_others
    assert refusal.message == (
        "Account acme has no room for this call in its budget of 10.00 CNY per day:"
        " 0.00 CNY used, 8.00 CNY reserved for calls under way, 3.00 CNY needed."
    )


def test_what_a_worker_gives_back_others_get(tx: Connection) -> None:
    put(tx, money(10 * CNY))
    keeper = Leases()
    lease = granted(keeper.decide(tx, ask(8 * CNY, incarnation=1), workers=2))
    keeper.shrink(tx, 1, lease.lease_id, 2 * CNY)
    assert granted(keeper.decide(tx, ask(8 * CNY, incarnation=2), workers=2)).granted == 8 * CNY


def test_nobody_shrinks_the_lease_of_another(tx: Connection) -> None:
    put(tx, money(10 * CNY))
    keeper = Leases()
    lease = granted(keeper.decide(tx, ask(8 * CNY, incarnation=1), workers=2))
    keeper.shrink(tx, 2, lease.lease_id, 0)
    keeper.shrink(tx, 1, lease.lease_id, 99 * CNY)
    keeper.shrink(tx, 1, lease.lease_id + 7, 0)
    stored = leases.by_id(tx, lease.lease_id)
    assert stored is not None
    assert stored.granted == 8 * CNY


def test_cost_from_before_the_limit_existed_counts(tx: Connection) -> None:
    spend(tx, 9 * CNY)
    put(tx, money(10 * CNY))
    assert "9.00 CNY used" in denied(Leases().decide(tx, ask(2 * CNY), workers=1)).message
    granted(Leases().decide(tx, ask(CNY), workers=1))


def test_cost_of_yesterday_counts_for_the_month_and_not_for_the_day(tx: Connection) -> None:
    spend(tx, 9 * CNY, at_ns=NOON_NS - 24 * 3600 * NS)
    put(tx, money(10 * CNY, Period.DAY))
    granted(Leases().decide(tx, ask(5 * CNY), workers=1))
    put(tx, money(10 * CNY, Period.MONTH))
    refusal = denied(Leases().decide(tx, ask(5 * CNY), workers=1))
    assert "per month" in refusal.message


def test_the_tightest_of_several_periods_decides_and_the_shortest_ends_the_lease(
    tx: Connection,
) -> None:
    put(
        tx, money(10 * CNY, Period.DAY), money(50 * CNY, Period.MONTH), money(6 * CNY, Period.TOTAL)
    )
    answer = granted(Leases().decide(tx, ask(6 * CNY), workers=1))
    assert answer.window_end_ns == int(datetime(2026, 3, 11, tzinfo=UTC).timestamp()) * NS
    assert "in all" in denied(Leases().decide(tx, ask(1), workers=1)).message


def test_a_new_day_has_its_own_lease_and_yesterdays_stays_for_the_month(tx: Connection) -> None:
    put(tx, money(10 * CNY, Period.DAY), money(15 * CNY, Period.MONTH))
    keeper = Leases()
    first = granted(keeper.decide(tx, ask(10 * CNY), workers=1))
    tomorrow = NOON_NS + 24 * 3600 * NS
    assert isinstance(keeper.decide(tx, ask(6 * CNY, at_ns=tomorrow), workers=1), Denied)
    second = granted(keeper.decide(tx, ask(5 * CNY, at_ns=tomorrow), workers=1))
    assert second.lease_id != first.lease_id
    assert second.granted == 5 * CNY


def test_booked_use_frees_the_hold_but_not_the_budget(tx: Connection) -> None:
    put(tx, money(10 * CNY))
    keeper = Leases()
    lease = granted(keeper.decide(tx, ask(8 * CNY), workers=1))
    books.consume(tx, {lease.lease_id: 8 * CNY})
    spend(tx, 8 * CNY)
    limit = limits.of_scope(tx, "account:acc_1")[0].limit
    assert room_of(tx, limit, NOON_NS) == (8 * CNY, 0)
    granted(keeper.decide(tx, ask(2 * CNY), workers=1))
    denied(keeper.decide(tx, ask(1), workers=1))


def test_other_currencies_are_converted_up_and_without_a_rate_nothing_is_granted(
    tx: Connection,
) -> None:
    spend(tx, CNY, currency="USD")
    put(tx, money(10 * CNY))
    refusal = denied(Leases().decide(tx, ask(1), workers=1))
    assert refusal.code == "limits_unavailable"
    day = datetime(2026, 3, 9, tzinfo=UTC)
    rate = ExchangeRate("ecb-x", "USD", "CNY", Fraction(22, 3), day, "test")
    exchange.add(tx, [rate])
    limit = limits.of_scope(tx, "account:acc_1")[0].limit
    assert room_of(tx, limit, NOON_NS)[0] == 22 * CNY // 3 + 1
    granted(Leases().decide(tx, ask(CNY), workers=1))


def test_requests_come_in_fair_slices_and_run_out_until_the_minute_ends(tx: Connection) -> None:
    put(tx, limits.Terms(Unit.REQUESTS, 6, Period.MINUTE))
    keeper = Leases()
    at = {"unit": Unit.REQUESTS}
    assert granted(keeper.decide(tx, ask(1, 1, **at), workers=2)).granted == 1
    assert granted(keeper.decide(tx, ask(1, 2, **at), workers=2)).granted == 1
    assert granted(keeper.decide(tx, ask(4, 1, **at), workers=2)).granted == 5
    refusal = denied(keeper.decide(tx, ask(1, 2, **at), workers=2))
    assert refusal.code == "rate_limit_exceeded"
    assert refusal.retry_after_s == 30.0
    assert "6 requests per minute" in refusal.message
    next_minute = NOON_NS + 30 * NS
    again = keeper.decide(tx, ask(1, 2, at_ns=next_minute, **at), workers=2)
    assert granted(again).window_end_ns == NOON_NS + 90 * NS


def test_a_lowered_limit_refuses_and_a_removed_one_lets_through(tx: Connection) -> None:
    put(tx, money(10 * CNY))
    keeper = Leases()
    granted(keeper.decide(tx, ask(8 * CNY), workers=1))
    put(tx, money(5 * CNY))
    denied(keeper.decide(tx, ask(1), workers=1))
    put(tx)
    assert granted(keeper.decide(tx, ask(7), workers=1)).granted == 7
    put(tx, money(10 * CNY))
    granted(keeper.decide(tx, ask(1), workers=1))


def test_soft_limits_refuse_nobody(tx: Connection) -> None:
    put(tx, money(1)._replace(is_hard=False))
    assert granted(Leases().decide(tx, ask(CNY), workers=1)).granted == CNY


def test_a_refusal_names_the_key(tx: Connection) -> None:
    change = revisions.begin(tx, NOON_NS, "test", "")
    keys.add(tx, change, keys.NewKey(b"k" * 32, "sk-abc…", "acc_1", "nightly"))
    put(tx, money(CNY), scope="key:key_1")
    wanted = Ask(1, "key:key_1", Unit.MONEY, 2 * CNY, NOON_NS)
    assert denied(Leases().decide(tx, wanted, 1)).message.startswith("Key nightly has no room")


def test_leases_close_only_when_the_journal_is_booked_to_its_end(tx: Connection) -> None:
    put(tx, money(10 * CNY))
    keeper = Leases()
    granted(keeper.decide(tx, ask(10 * CNY, incarnation=7), workers=1))
    begun = books.JournalState(7, 1, 0)
    books.advance(tx, None, begun)
    assert leases.close_finished(tx, NOON_NS) == 0
    denied(keeper.decide(tx, ask(1, incarnation=8), workers=1))
    books.advance(tx, begun, books.JournalState(7, 1, 99, NOON_NS))
    assert leases.close_finished(tx, NOON_NS) == 1
    assert granted(keeper.decide(tx, ask(10 * CNY, incarnation=8), workers=1)).granted == 10 * CNY


def test_counted_leases_are_forgotten_and_money_is_not(tx: Connection) -> None:
    put(tx, money(10 * CNY), limits.Terms(Unit.REQUESTS, 6, Period.MINUTE))
    keeper = Leases()
    kept = granted(keeper.decide(tx, ask(CNY), workers=1))
    granted(keeper.decide(tx, ask(1, unit=Unit.REQUESTS), workers=1))
    assert leases.forget_counts(tx, NOON_NS) == 0
    assert leases.forget_counts(tx, NOON_NS + 3600 * NS) == 1
    assert leases.by_id(tx, kept.lease_id) is not None
