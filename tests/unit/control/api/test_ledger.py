"""Questions to the ledger over the API: an empty one here, a real one in ``tests/integration``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.control.api import ledger
from steelyard.control.control import Control
from steelyard.control.prices import exchange
from steelyard.domain.errors import StoreUnavailable
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.money import round_half_even
from steelyard.journal.segment import Journal
from steelyard.ledger.scribe import Scribe
from steelyard.pricebook.exchange import History
from steelyard.pricebook.exchange_list import read_own
from steelyard.store import exchange as rows
from steelyard.testing.records import make_intent, make_settlement

FRIDAY_NS = instant_ns(datetime(2024, 5, 17, 9, tzinfo=UTC))
RATE = Fraction("7.8500") / Fraction("1.0844")
BANK = "Date,USD,CNY,\n2024-05-17,1.0844,7.8500,\n"
LATER = "Date,USD,CNY,\n2024-05-19,1.0,9.0,\n2024-05-17,1.0,8.0,\n"


def test_an_empty_ledger_answers(ask: Callable[..., Any]) -> None:
    assert (
        ask("GET", "/api/ledger?by=account,day&account=acme&since=2026-01-01").json()["data"] == []
    )
    assert ask("GET", "/api/ledger/lines?limit=5&model=m&model=n").json()["data"] == []
    assert ask("GET", "/api/calls/c-1-1").status_code == 404


@pytest.mark.parametrize(
    "question",
    [
        *("by=tea", "since=yesterday", "weather=fine", "account=nobody", "until=2026-13-01"),
        *("in=RMB", "in=", "rate_age=5", "in=CNY&rate_age=x", "in=CNY&rate_age=99999"),
        f"in=CNY&rate_age={'9' * 5000}",
    ],
)
def test_questions_that_make_no_sense(ask: Callable[..., Any], question: str) -> None:
    answer = ask("GET", f"/api/ledger?{question}")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_an_expired_key_sees_no_calls(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"account": "acme", "name": "k", "expires_at": "2100-01-01T00:00:00Z"}
    made = ask("POST", "/api/keys", json=wanted).json()["secret"]
    assert ask("GET", "/api/calls/c-1-1", token=made).status_code == 404
    year_2100_ns = 4_102_444_800 * 10**9
    monkeypatch.setattr(ledger, "time", SimpleNamespace(time_ns=lambda: year_2100_ns))
    assert ask("GET", "/api/calls/c-1-1", token=made).status_code == 401


def test_a_stranger_sees_no_calls(ask: Callable[..., Any]) -> None:
    made = ask("POST", "/api/keys", json={"account": "acme", "name": "k"}).json()["secret"]
    assert ask("GET", "/api/calls/c-1-1", token="sk-nobody").status_code == 401
    assert ask("GET", "/api/calls/c-1-1", token=made).status_code == 404
    assert ask("GET", "/api/ledger", token=made).status_code == 401


@pytest.fixture
def booked(control: Control, monkeypatch: pytest.MonkeyPatch) -> Control:
    """0.5 and 0.000001 USD booked on a Friday, 3 USD on Sunday, 1 USD 40 days later, and 2 CNY."""
    monkeypatch.setattr(exchange, "packaged", lambda: History((BANK,)))
    home = control.places.home
    (home / "journal").mkdir(exist_ok=True)
    journal = Journal(home / "journal", 18, 2**15)
    amounts = [
        *((0, "USD", 5 * 10**11), (0, "USD", 10**6), (2, "USD", 3 * 10**12)),
        *((2, "CNY", 2 * 10**12), (40, "USD", 10**12)),
    ]
    with Scribe(home, control.database) as scribe:
        for number, (day, currency, cost) in enumerate(amounts, 1):
            intent = make_intent(number, currency=currency, called_at_ns=FRIDAY_NS)
            journal.append_intent(intent)
            journal.append_settlement(make_settlement(intent, cost_pico=cost))
            scribe.run_once(FRIDAY_NS + day * DAY_NS)
    journal.close()
    return control


TOTAL = (
    sum(
        round_half_even(pico * RATE.numerator, RATE.denominator)
        for pico in (5 * 10**11, 10**6, 3 * 10**12)
    )
    + 2 * 10**12
)


class TestInOneCurrency:
    def test_sums_say_what_they_are_worth_at_which_rates_and_what_has_none(
        self, ask: Callable[..., Any], booked: Control
    ) -> None:
        found = ask("GET", "/api/ledger?in=CNY").json()
        assert (found["in"], found["total_in_pico"]) == ("CNY", str(TOTAL))
        assert [(row["currency"], row["cost_in_pico"]) for row in found["data"]] == [
            ("USD", str(TOTAL - 2 * 10**12)),
            ("CNY", str(2 * 10**12)),
        ]
        assert found["data"][0]["unconverted"] == "1.00"
        assert found["data"][1]["cost_in"] == "2.00"
        assert found["rates_used"] == [
            {
                "id": "ecb-2024-05-17-USD-CNY",
                "base": "USD",
                "quote": "CNY",
                "value": str(RATE),
                "about": "7.23903",
                "as_of": "2024-05-17",
                "source": "European Central Bank",
                "first": "2024-05-17",
                "last": "2024-05-19",
                "days": 2,
            }
        ]
        (missing,) = found["unconverted"]
        assert missing["cost"] == "1.00" and missing["currency"] == "USD"
        assert (missing["first"], missing["days"]) == ("2024-06-26", 1)
        assert missing["newest"] == "2024-05-17"

    def test_an_older_rate_may_be_allowed(self, ask: Callable[..., Any], booked: Control) -> None:
        found = ask("GET", "/api/ledger?in=CNY&rate_age=40").json()
        assert found["unconverted"] == []
        with booked.database.read() as tx:
            assert {day for day, _ in rows.fixed(tx)} == {date(2024, 5, 17), date(2024, 5, 19)}
        assert ask("GET", "/api/ledger?in=CNY").json()["unconverted"], "allowed once, not for ever"

    def test_a_currency_nobody_quotes_leaves_all_apart(
        self, ask: Callable[..., Any], booked: Control
    ) -> None:
        found = ask("GET", "/api/ledger?in=GBP").json()
        assert [row["cost_in_pico"] for row in found["data"]] == [None, None]
        assert all("cost_in" not in row for row in found["data"])
        assert [row["newest"] for row in found["unconverted"]] == [None, None]

    def test_a_report_says_the_same_when_the_published_rates_are_renewed(
        self, ask: Callable[..., Any], booked: Control, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = ask("GET", "/api/ledger?in=CNY&by=day_booked").json()
        monkeypatch.setattr(exchange, "packaged", lambda: History((LATER,)))
        again = ask("GET", "/api/ledger?in=CNY&by=day_booked").json()
        for part in ("data", "total_in", "rates_used"):
            assert again[part] == before[part]
        with booked.database.write() as tx:
            own = read_own(b"2024-05-18,USD,CNY,7\n", "finance.csv").rates
            exchange.take_own(tx, own, FRIDAY_NS)
        after = ask("GET", "/api/ledger?in=CNY&by=day_booked").json()
        assert [rate["id"][:14] for rate in after["rates_used"]] == [
            "ecb-2024-05-17",
            "ecb-2024-05-19",
        ], "the freed Sunday is reported anew"

    def test_lines_say_their_rate(self, ask: Callable[..., Any], booked: Control) -> None:
        found = ask("GET", "/api/ledger/lines?in=CNY").json()
        assert found["total_in_pico"] == str(TOTAL)
        told = {row["sequence"]: row["exchange_id"] for row in found["data"]}
        assert told == {n: "ecb-2024-05-17-USD-CNY" for n in (1, 2, 3)} | {4: "", 5: ""}

    def test_a_busy_database_costs_the_record_and_not_the_answer(
        self, ask: Callable[..., Any], booked: Control, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> int:
            raise StoreUnavailable

        monkeypatch.setattr(ledger, "remember", refuse)
        assert ask("GET", "/api/ledger?in=CNY").json()["total_in_pico"] == str(TOTAL)
