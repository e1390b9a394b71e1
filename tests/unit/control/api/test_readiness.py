"""Verdicts on tasks over the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from steelyard.control.api.readiness import cost_row, text_of
from steelyard.control.control import Control
from steelyard.domain.readiness import Change, Cost, Lever
from steelyard.domain.tasks import Verdict
from steelyard.store import objects, proofs

Ask = Callable[..., Any]
TASK = "shop/review-sentiment"


def weigh(control: Control, lower: str) -> None:
    with control.database.write() as tx:
        digest = objects.current(tx, "task")[TASK].body["digests"][0]
        verdict = Verdict(
            **{"task": TASK, "offer": "shop/m", "form_digest": digest, "floor": Decimal("0.6")},
            **{"total": Fraction(90), "n": 100, "n_unscored": 0},
            **{"lower": Decimal(lower), "upper": Decimal("0.99"), "confidence": Decimal("0.95")},
            **{"cost_pico": 9_000, "currency": "CNY", "time_s": 1.0, "model_answered": ""},
            decided_at=datetime.now(UTC),
        )
        proofs.add_verdict(tx, verdict)


def row_of(ask: Ask, path: str = "/api/readiness") -> dict[str, Any]:
    rows = ask("GET", path).json()["data"]
    found: dict[str, Any] = next(row for row in rows if row["task"] == TASK)
    return found


def test_every_task_has_a_verdict(ask: Ask, control: Control) -> None:
    row = row_of(ask)
    assert (row["state"], row["best"], row["counts"]) == ("not_yet", None, {"not_weighed": 1})
    assert [change["text"] for change in row["changes"]] == ["weigh shop/m"]
    assert ask("GET", "/api/readiness?weighed=1").json()["data"] == []
    weigh(control, "0.85")
    row = row_of(ask, "/api/readiness?weighed=1")
    assert (row["state"], row["cheapest"], row["currency"]) == ("ready", "shop/m", "CNY")
    assert row["cost_per_accepted_pico"] == "100"
    assert row["best"]["offer"] == "shop/m"
    assert row["changes"] == [] and row["until"]


def test_one_task_with_its_offers(ask: Ask, control: Control) -> None:
    weigh(control, "0.1")
    row = ask("GET", f"/api/readiness/{TASK}").json()
    (offer,) = row["offers"]
    assert (offer["offer"], offer["status"], offer["quality"]) == ("shop/m", "not_proven", 0.9)
    (change,) = row["changes"]
    assert change["lever"] == "more_items" and change["items"] > 0
    assert change["text"].startswith("ask shop/m about ")
    missing = ask("GET", "/api/readiness/none")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "task_not_found")


def test_only_what_was_opened_again(ask: Ask, control: Control) -> None:
    weigh(control, "0.85")
    assert ask("GET", "/api/readiness?reopened=1").json()["data"] == []
    file = control.places.config
    rates = "{input: 0.1 CNY/mtok, output: 0.2 CNY/mtok}"
    more = f"  - {{model: n, channel: shop, context: 9, rates: {rates}}}"
    file.write_text(file.read_text().replace("accounts:", f"{more}\naccounts:"))
    ask("POST", "/api/config/apply")
    row = row_of(ask, "/api/readiness?reopened=1")
    assert row["reopened"] == [{"offer": "shop/n", "role": "rival", "reason": "it is new"}]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Change(Lever.WEIGH, "a", cost_pico=123_456), "weigh a, about 0.000000124 CNY"),
        (Change(Lever.WEIGH_AGAIN, "a", reason="old"), "weigh a again: old"),
        (Change(Lever.MORE_ITEMS, "a", items=1200), "ask a about 1,200 items more"),
        (Change(Lever.GRADES, "a", reason="7 of 9"), "see why a has no grade on so many items: 7"),
        (Change(Lever.SUPPLY, "a", reason="60"), "more supply of a: 60"),
        (Change(Lever.RELEASE, "a", reason="other"), "test a in quarantine anew: other"),
        (Change(Lever.BETTER_MODEL, missing=Decimal("0.08")), "a model that is better by 0.080"),
    ],
)
def test_what_would_change_it_in_words(change: Change, text: str) -> None:
    assert text_of(change, "CNY").startswith(text)


def test_costs_are_whole_pico_units() -> None:
    row = cost_row(Cost(Fraction(7, 2), Fraction(1, 3)))
    assert list(row.values()) == ["4", "0", None]
    assert list(cost_row(None).values()) == [None] * 3
