from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from pricebook.lists_rig import at
from steelyard.domain.listings import Fact
from steelyard.domain.money import PICO
from steelyard.pricebook.contracts import (
    Contract,
    Statement,
    Use,
    effective_price,
    renewals,
)

JANUARY, MARCH, NEXT_YEAR = at("2026-01-01"), at("2026-03-01"), at("2027-01-01")


def state(uses: list[Use], until: str = "2027-01-01", **terms: Any) -> Statement:
    contract = Contract.from_plain({"name": "frame", "currency": "CNY", **terms})
    return effective_price(contract, uses, JANUARY, at(until))


def use(day: str, tokens: int, price: str = "0") -> Use:
    return Use(at(day), tokens, int(Fraction(price) * PICO))


def test_a_free_model_with_a_platform_fee_costs_20_a_million() -> None:
    fee = {"amount": "60000", "from": "2026-01-01"}
    found = state([use("2026-05-01", 3 * 10**9)], fees=[fee])
    assert found.per_mtok == Fraction(20)
    assert found.total_pico == 60_000 * PICO


def test_a_discount_is_taken_off_the_list() -> None:
    found = state([use("2026-02-01", 10**6, "8")], discount="0.15")
    assert (found.list_pico, found.cash_pico) == (8 * PICO, Fraction("6.8") * PICO)


def test_a_pack_is_drawn_down_and_then_the_list_holds() -> None:
    pack = {"count": 10**6, "amount": "5", "from": "2026-01-01"}
    uses = [use("2026-02-01", 600_000, "6"), use("2026-02-02", 600_000, "6")]
    found = state(uses, packs=[pack])
    assert found.packs_pico == 5 * PICO
    assert found.cash_pico == 2 * PICO  # a third of the second use was beyond the pack
    assert found.per_mtok == Fraction(7 * 10**6, 1_200_000)


def test_what_expires_unused_is_a_cost_and_what_lives_on_is_not() -> None:
    pack = {"count": 10**6, "amount": "10", "from": "2026-01-01", "expires": "2026-03-01"}
    before = state([use("2026-02-01", 250_000)], until="2026-02-15", packs=[pack])
    assert (before.packs_pico, before.expired_pico) == (Fraction("2.5") * PICO, 0)
    after = state([use("2026-02-01", 250_000)], packs=[pack])
    assert (after.packs_pico, after.expired_pico) == (2_500_000 * 10**6, 7_500_000 * 10**6)
    assert after.per_mtok == 40


def test_use_after_a_pack_expired_costs_the_list_price() -> None:
    pack = {"count": 10**6, "amount": "10", "from": "2026-01-01", "expires": "2026-03-01"}
    found = state([use("2026-03-01", 10**6, "8")], packs=[pack])
    assert (found.packs_pico, found.cash_pico, found.expired_pico) == (0, 8 * PICO, 10 * PICO)


def test_credit_that_is_lost_sooner_is_used_first() -> None:
    late = {"amount": "10", "from": "2026-01-01", "expires": "2026-12-01"}
    soon = {"amount": "10", "paid": "4", "from": "2026-01-01", "expires": "2026-03-01"}
    found = state([use("2026-02-01", 10**6, "15")], until="2026-04-01", vouchers=[late, soon])
    assert found.cash_pico == 0
    assert found.vouchers_pico == 9 * PICO  # 4 for the whole of one, 5 of the other's 10
    assert found.expired_pico == 0
    gift = {"amount": "10", "paid": 0, "from": "2026-01-01"}
    assert state([use("2026-02-01", 10**6, "15")], vouchers=[gift]).total_pico == 5 * PICO


def test_a_plan_is_paid_and_filled_anew_each_month_and_may_stop() -> None:
    plan = {
        "count": 100,
        "unit": "requests",
        "amount": "20",
        "from": "2026-01-31",
        "per": "month",
        "after": "stop",
    }
    uses = [
        Use(at("2026-02-01"), 1000, PICO, requests=150),
        Use(at("2026-02-28"), 1000, PICO, requests=50),
    ]
    found = state(uses, until="2026-03-01", packs=[plan])
    assert found.unserved_tokens == 333
    assert found.tokens == 1667
    assert (found.packs_pico, found.expired_pico) == (30 * PICO, 0)
    assert found.cash_pico == 0
    assert state(uses, until="2026-03-31", packs=[plan]).expired_pico == 10 * PICO


def test_fees_fall_due_by_the_zones_calendar() -> None:
    monthly = {"amount": "1", "per": "month", "from": "2026-01-31"}
    assert state([], until="2026-05-01", fees=[monthly]).fees_pico == 4 * PICO
    yearly = {"amount": "12", "per": "year", "from": "2025-06-01", "to": "2027-01-01"}
    assert state([], until="2028-01-01", fees=[yearly]).fees_pico == 12 * PICO
    china = Contract.from_plain(
        {"name": "x", "currency": "CNY", "zone": "Asia/Shanghai", "fees": [monthly]}
    )
    last = at("2026-03-30") + timedelta(hours=16)  # midnight of the 31st in China
    assert effective_price(china, [], JANUARY, last).fees_pico == 2 * PICO
    assert effective_price(china, [], JANUARY, last + timedelta(1)).fees_pico == 3 * PICO


def test_nothing_served_has_no_price() -> None:
    assert state([]).per_mtok is None
    assert state([use("2025-12-31", 5), use("2027-01-01", 5)]).tokens == 0


def test_contracts_that_renew_soon_are_listed_by_their_day() -> None:
    def fact(renews: str, notice: int, **more: Any) -> Fact:
        body = {"name": renews, "currency": "CNY", "renews": renews, "notice_days": notice}
        return Fact("contract", "Maker", "", JANUARY, more.get("to"), body)

    facts = [
        fact("2026-06-30", 90),
        fact("2026-04-01", 0),
        fact("2026-05-01", 0),
        fact("2026-02-01", 0),  # renewed already
        fact("2026-03-15", 0, to=MARCH),
        Fact("promise", "Maker", "", JANUARY, None, {"text": "cheap"}),
        Fact("contract", "Maker", "", JANUARY, None, {"name": "open", "currency": "CNY"}),
    ]
    found = renewals(facts, MARCH, within_days=31)
    assert [contract.name for _, contract in found] == ["2026-04-01", "2026-06-30"]


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"discount": 0.15}, "as text"),
        ({"discount": "1.5"}, "share from 0 to 1"),
        ({"discount": "-1"}, "at least zero"),
        ({"discount": "1e-999999999"}, "plain decimal"),
        ({"discount": "1/0"}, "plain decimal"),
        ({"currency": "yuan"}, "three letters"),
        ({"zone": "Moon/Sea"}, "no time zone"),
        ({"rebate": "1"}, "unknown rebate"),
        ({"notice_days": -1}, "whole number"),
        ({"renews": "soon"}, "isoformat"),
        ({"fees": [{"amount": "1", "from": 5}]}, "a day is written"),
        ({"fees": [{"amount": "1", "from": "2026-01-01", "per": "week"}]}, "a fee is per"),
        ({"fees": [{"amount": None, "from": "2026-01-01"}]}, "amount is exact"),
        ({"vouchers": [{"amount": "0", "from": "2026-01-01"}]}, "above zero"),
        ({"vouchers": [{"value": "1"}]}, "write amount, paid"),
        ({"packs": [{"count": 0, "amount": "1", "from": "2026-01-01"}]}, "a pack holds"),
        (
            {"packs": [{"count": 1, "amount": "1", "from": "2026-01-01", "after": "wait"}]},
            "a pack is per",
        ),
    ],
)
def test_terms_that_cannot_be_are_refused(terms: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Contract.from_plain({"name": "frame", "currency": "CNY", **terms})
