"""A call's answer names the rates of its attempts, as they were recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from steelyard.control.control import Control
from steelyard.domain.calls import call_id
from steelyard.domain.instants import instant_ns
from steelyard.journal.segment import Journal
from steelyard.ledger.scribe import Scribe
from steelyard.store import accounts, listings, prices
from steelyard.testing.records import make_intent, make_settlement

FRIDAY_NS = instant_ns(datetime(2024, 5, 17, 9, tzinfo=UTC))


def test_a_call_says_its_rates_to_the_admin_alone(
    ask: Callable[..., Any], control: Control
) -> None:
    key = ask("POST", "/api/keys", json={"account": "acme", "name": "k"}).json()
    with control.database.read() as tx:
        account_id = accounts.tree(tx).find("acme")
        (own,) = (rate for rate in prices.of_offers(tx)["shop/m"] if rate.item == "output")
        listed = next(
            line
            for line in listings.load(tx, model="qwen-long")
            if line.rate.item == "input" and line.origin == "steelyard"
        )
    intent = make_intent(1, account_id=account_id, key_id=key["id"], called_at_ns=FRIDAY_NS)
    ids = (own.rate_id, listed.rate.rate_id, "rate_9")
    (control.places.home / "journal").mkdir(exist_ok=True)
    journal = Journal(control.places.home / "journal", 18, 2**15)
    journal.append_intent(intent)
    journal.append_settlement(make_settlement(intent, rate_ids=ids))
    journal.close()
    with Scribe(control.places.home, control.database) as scribe:
        scribe.run_once(FRIDAY_NS)
    path = f"/api/calls/{call_id(intent.incarnation, intent.sequence)}"
    (row,) = ask("GET", path).json()["attempts"]
    assert row["account_name"] == "acme"
    assert row["rates_unknown"] == ["rate_9"]
    first, second = row["rates"]
    assert (first["item"], first["price"]) == ("output", "2.50 CNY/mtok")
    assert (first["source"], first["listing"]) == ("offer", None)
    assert second["listing"]["model"] == "qwen-long"
    # A day of the vendor's, which began in UTC the evening before.
    assert second["from_day"] == "2024-05-01"
    assert second["valid_from"] == "2024-04-30T16:00:00+00:00"
    assert second["evidence"] == listed.rate.source
    (row,) = ask("GET", path, token=key["secret"]).json()["attempts"]
    assert not row.keys() & {"rates", "rates_unknown", "account_name"}
