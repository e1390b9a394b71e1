"""Exchange rates over the API: by day, and one's own taken over whole or not at all."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from steelyard.control.api import exchange
from steelyard.control.app import make_app
from steelyard.control.control import Control
from steelyard.control.prices import exchange as rates
from steelyard.control.prices.exchange import exchange_of, remember
from steelyard.pricebook.exchange import History
from steelyard.store import exchange as rows
from steelyard.store import revisions

BANK = "Date,USD,CNY,\n2024-05-17,1.0,7.25,\n2024-05-16,1.0,7.5,\n2024-01-02,1.0,7.0,\n"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(control: Control, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    monkeypatch.setattr(rates, "packaged", lambda: History((BANK,)))
    monkeypatch.setattr(exchange, "packaged", lambda: History((BANK,)))
    runner = asyncio.Runner()

    def send(method: str, path: str, **more: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(make_app(control, exchange.routes))
            headers = {"authorization": f"Bearer {control.admin_token}"}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost", headers=headers
            ) as client:
                return await client.request(method, path, **more)

        return runner.run(run())

    yield send
    runner.close()


def bring(ask: Ask, text: str, **more: Any) -> dict[str, Any]:
    content = base64.b64encode(text.encode()).decode()
    answer = ask("POST", "/api/exchange/import", json={"content": content, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def kinds(told: dict[str, Any]) -> list[tuple[str, int, bool]]:
    return [(found["kind"], found["line"], found["is_error"]) for found in told["findings"]]


def test_a_pair_is_listed_by_day_with_its_sources(ask: Ask) -> None:
    bring(ask, "2024-05-16,USD,CNY,7.4\n")
    found = ask("GET", "/api/exchange?pair=USD/CNY").json()["data"]
    assert [(row["id"], row["about"], row["is_recorded"]) for row in found] == [
        ("ecb-2024-05-17-USD-CNY", "7.25", False),
        ("csv-2024-05-16-USD-CNY-7.4", "7.4", True),
    ]
    assert found[1] == {
        **{"id": "csv-2024-05-16-USD-CNY-7.4", "base": "USD", "quote": "CNY"},
        **{"day": "2024-05-16", "value": "37/5", "about": "7.4"},
        **{"source": "finance.csv", "is_recorded": True},
    }
    since = ask("GET", "/api/exchange?pair=CNY/USD&since=2024-01-01").json()["data"]
    assert [row["value"] for row in since] == ["4/29", "5/37", "1/7"]
    assert ask("GET", "/api/exchange?pair=USD/GBP").json()["data"] == []


def test_without_a_pair_what_was_used_is_listed(ask: Ask) -> None:
    assert ask("GET", "/api/exchange").json()["data"] == []
    bring(ask, "2024-05-16,USD,CNY,7.4\n2024-04-16,EUR,CNY,7.4\n", is_far_right=True)
    assert len(ask("GET", "/api/exchange").json()["data"]) == 2
    (row,) = ask("GET", "/api/exchange?since=2024-05-01").json()["data"]
    assert row["base"] == "USD"


@pytest.mark.parametrize("question", ["pair=USD", "pair=USD/RMB", "pair=/", "since=May"])
def test_questions_that_make_no_sense(ask: Ask, question: str) -> None:
    assert ask("GET", f"/api/exchange?{question}").status_code == 400


@pytest.mark.parametrize("content", ["no base64!", "é", "YQ"])
def test_a_body_that_is_no_file(ask: Ask, content: str) -> None:
    answer = ask("POST", "/api/exchange/import", json={"content": content})
    assert answer.status_code == 400 and "Base64" in answer.text


def test_one_mistake_and_nothing_is_taken_over(ask: Ask, control: Control) -> None:
    with control.database.read() as tx:
        revision = revisions.latest(tx)
    told = bring(ask, "date,base,quote,value\n2024-05-16,USD,CNY,7.4\n2024-05-17,USD,RMB,7\n")
    assert (told["ok"], told["added"], kinds(told)) == (False, 0, [("currency_unknown", 3, True)])
    with control.database.read() as tx:
        assert (rows.recorded(tx), revisions.latest(tx)) == ([], revision)


def test_a_dry_run_writes_nothing(ask: Ask, control: Control) -> None:
    told = bring(ask, "2024-05-16,USD,CNY,7.4\n", dry_run=True)
    assert (told["ok"], told["rates"], told["added"]) == (True, 1, 0)
    with control.database.read() as tx:
        assert rows.recorded(tx) == []


def test_far_rates_and_corrections_have_to_be_meant(ask: Ask, control: Control) -> None:
    far = "2024-05-16,CNY,USD,7.4\n"
    assert kinds(bring(ask, far)) == [("value_far", 1, True)]
    told = bring(ask, far, is_far_right=True)
    assert (told["added"], kinds(told)) == (1, [("value_far", 1, False)])
    assert bring(ask, "2024-05-17,USD,CNY,7.3\n", name="may.csv")["added"] == 1
    assert bring(ask, "2024-05-17,USD,CNY,7.30\n")["added"] == 0
    assert kinds(bring(ask, "2024-05-17,USD,CNY,7.4\n")) == [("rate_differs", 1, True)]
    assert bring(ask, "2024-05-17,USD,CNY,7.4\n", is_correction=True)["added"] == 1
    with control.database.read() as tx:
        rate = exchange_of(tx).rate("USD", "CNY", date(2024, 5, 18))
        (line, *_) = revisions.audit_lines(tx, 1)
    assert rate is not None and rate.rate_id == "csv-2024-05-17-USD-CNY-7.4"
    assert (line["action"], "finance.csv" in line["detail"]) == ("exchange rates imported", True)


def test_it_is_said_how_many_reported_days_change(ask: Ask, control: Control) -> None:
    sunday = date(2024, 5, 19)
    with control.database.read() as tx:
        rate = exchange_of(tx).rate("USD", "CNY", sunday)
    assert rate is not None
    remember(control.database, [(sunday, rate)], 1_800_000_000 * 10**9)
    told = bring(ask, "2024-05-17,USD,CNY,7.3\n")
    assert kinds(told) == [("days_reported", 0, False)]
    assert told["findings"][0]["message"].endswith(": 1")
