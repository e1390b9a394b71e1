"""The ledger recomputed over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from steelyard.control.control import Control
from steelyard.domain.usage import Usage
from steelyard.journal.segment import Journal
from steelyard.ledger.scribe import Scribe
from steelyard.store import prices
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement


def book(control: Control, cost_pico: int) -> None:
    """One line of 10 tokens in and 4 out at the prices of the offer, booked at ``cost_pico``."""
    with control.database.read() as connection:
        ids = tuple(rate.rate_id for rate in prices.of_offers(connection)["shop/m"])
    called_at_ns = control.started_at_ns + 10**9
    intent = make_intent(leases=(), called_at_ns=called_at_ns)
    settlement = make_settlement(
        intent, usage=Usage(10, 4), rate_ids=ids, cost_pico=cost_pico, leases=()
    )
    with Journal(control.places.home / "journal", intent.incarnation) as journal:
        journal.append_intent(intent)
        journal.append_settlement(settlement)
    scribe = Scribe(control.places.home, control.database)
    scribe.run_once(called_at_ns)
    scribe.close()


def test_an_empty_ledger_is_sound(ask: Callable[..., Any]) -> None:
    assert ask("GET", "/api/ledger/recompute").json() == {
        **dict.fromkeys(("lines", "equal", "nothing_used", "unpriced", "adjustments"), 0),
        "findings": [],
    }
    assert ask("GET", "/api/ledger/recompute", token="sk-no-admin").status_code == 401


def test_what_was_booked_is_priced_again(ask: Callable[..., Any], control: Control) -> None:
    assert CALLED_AT_NS  # the records' own instant lies before the offer's first price
    book(control, 10 * 10**6 + 4 * 2_500_000)
    assert ask("GET", "/api/ledger/recompute").json()["equal"] == 1


def test_a_wrong_line_is_named(ask: Callable[..., Any], control: Control) -> None:
    book(control, 1)
    [finding] = ask("GET", "/api/ledger/recompute").json()["findings"]
    assert finding["what"] == "books 1 pico-units, its rates say 20000000"
