"""Verdicts over the API: in force, past, with what stands beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from steelyard.control.control import Control
from steelyard.domain.tallies import Tally, Used
from steelyard.domain.tasks import Verdict
from steelyard.domain.usage import Usage
from steelyard.store import measurements, objects, proofs
from steelyard.store.measurements import Measurement

Ask = Callable[..., Any]
TASK = "shop/review-sentiment"


@pytest.fixture
def won(control: Control) -> Verdict:
    """A verdict of now on ``shop/m``; an older one of the same form is there, too."""
    with control.database.write() as tx:
        digest = objects.current(tx, "task")[TASK].body["digests"][0]
        verdict = Verdict(
            **{"task": TASK, "offer": "shop/m", "form_digest": digest, "floor": Decimal("0.6")},
            **{"total": Fraction(50), "n": 100, "n_unscored": 0},
            **{"lower": Decimal("0.98"), "upper": Decimal("0.99"), "confidence": Decimal("0.95")},
            **{"cost_pico": 10_000, "currency": "CNY", "time_s": 1.0, "model_answered": "m-1"},
            decided_at=datetime.now(UTC),
            cost_lower_pico=150,
            time_median_s=0.5,
        )
        older = replace(verdict, decided_at=verdict.decided_at - timedelta(days=1), n=99)
        proofs.add_verdict(tx, older)
        proofs.add_verdict(tx, verdict)
    return verdict


def test_a_verdict_in_force_with_all_about_it(ask: Ask, control: Control, won: Verdict) -> None:
    with control.database.write() as tx:
        body = {"requests_per_minute": 60, "success_by_hour": {"3": 1.0}, "secret": "text"}
        now_ns = time.time_ns()
        measurements.add(tx, Measurement("supply", "shop/m", now_ns, "limited", body))
        measurements.add(tx, Measurement("authenticity", "shop/m", now_ns, "not_genuine", {}))
    (row,) = ask("GET", "/api/verdicts").json()["data"]
    assert (row["status"], row["cause"], row["reason"]) == ("proven", "", "")
    assert row["is_current"] and row["n"] == 100
    assert (row["cost_per_accepted_pico"], row["cost_lower_pico"]) == ("200", "150")
    assert (row["cost_upper_pico"], row["time_median_s"]) == (None, 0.5)
    ends = datetime.fromisoformat(row["stale_at"])
    assert ends == won.decided_at + timedelta(days=90)
    supply = row["supply"]
    assert (supply["state"], supply["requests_per_minute"]) == ("limited", 60)
    assert supply["success_by_hour"] == {"3": 1.0} and supply["tokens_per_s"] is None
    assert "secret" not in supply
    assert row["authenticity"]["state"] == "not_genuine"


def test_what_went_stale_says_why(ask: Ask, control: Control, won: Verdict) -> None:
    with control.database.write() as tx:
        alarm = Measurement("drift", "shop/m", time.time_ns(), "drifted", {}, TASK)
        measurements.add(tx, alarm)
    (row,) = ask("GET", "/api/verdicts").json()["data"]
    assert (row["status"], row["cause"], row["stale_at"]) == ("stale", "drift", None)
    assert row["reason"].startswith("drift alarm of ")
    (offer,) = ask("GET", "/api/offers").json()["data"]
    assert offer["verdicts"] == {TASK: "stale"}


def test_what_the_same_calls_cost_now(ask: Ask, control: Control, won: Verdict) -> None:
    (row,) = ask("GET", "/api/verdicts").json()["data"]
    # Nobody knows its tokens, and no price has moved.
    assert row["used"] is None
    assert row["cost_now"] == {
        **{"cost_per_accepted_pico": "200", "cost_lower_pico": "150", "cost_upper_pico": None},
        **{"currency": "CNY", "is_exact": True},
    }
    used = Tally((Used(Usage(10, 4, 3), "", 100),))
    with control.database.write() as tx:
        later = won.decided_at + timedelta(seconds=1)
        proofs.add_verdict(tx, replace(won, used=used, decided_at=later))
    new, old = ask("GET", "/api/verdicts?all=1").json()["data"][:2]
    assert (new["used"]["calls"], new["used"]["input_tokens"]) == (100, 1_000)
    assert new["used"]["cache_read_tokens"] == 300 and new["used"]["extras"] == {}
    # Ten tokens at one and four at two and a half, of which every other answer is right.
    assert new["cost_now"]["cost_per_accepted_pico"] == str(2 * 20 * 10**6)
    assert new["cost_per_accepted_pico"] == "200"
    assert old["cost_now"] is None and old["used"] is None


def test_past_verdicts_when_asked_for(ask: Ask, won: Verdict) -> None:
    rows = ask("GET", "/api/verdicts?all=1").json()["data"]
    assert [(row["n"], row["is_current"]) for row in rows] == [(100, True), (99, False)]
    assert ask("GET", f"/api/verdicts?task={TASK}&offer=shop/m").json()["data"] == rows[:1]
    assert ask("GET", "/api/verdicts?offer=other&all=1").status_code == 404
    assert ask("GET", "/api/verdicts", token="wrong").status_code == 401  # noqa: S106
