from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from control.api.conftest import Ask
from control.price_rig import BASE, CUT, NOW_NS, shop, take, use
from steelyard.control.api.prices.changes import _months, _volumes
from steelyard.control.control import Control
from steelyard.control.price_watch.loop import FETCHED, PriceLoop
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.instants import DAY_NS
from steelyard.domain.listings import Listing
from steelyard.domain.usage import Usage
from steelyard.pricebook.index import Volume
from steelyard.store import settings


@pytest.fixture
def changed(control: Control) -> Control:
    """A cut was recorded and looked through."""
    take(control, BASE, NOW_NS - 60 * DAY_NS)
    take(control, CUT, NOW_NS)
    asyncio.run(PriceLoop(control, lambda: NOW_NS).look_once())
    return control


def test_changes_are_listed_shown_and_decided(ask: Ask, changed: Control) -> None:
    found = ask("GET", "/api/prices/changes").json()
    (row,) = found["data"]
    assert found["count"] == 1
    assert (row["number"], row["kind"], row["state"]) == (1, "cut", "open")
    assert row["headline_percent"] == "-75.0"
    none = ask("GET", "/api/prices/changes?limit=0").json()
    assert (none["data"], none["count"]) == ([], 1), "all are counted"
    assert ask("GET", "/api/prices/changes/1").json() == row
    approved = ask("POST", "/api/prices/changes/1/approve").json()
    assert (approved["state"], approved["decided_by"]) == ("approved", "admin")
    assert ask("GET", "/api/prices/changes?state=open").json()["data"] == []
    assert ask("POST", "/api/prices/changes/1/dismiss").json()["state"] == "dismissed"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/prices/changes?state=odd", 400),
        ("GET", "/api/prices/changes?limit=all", 400),
        ("GET", "/api/prices/changes/9", 404),
        ("GET", f"/api/prices/changes/{10**30}", 404),
        ("POST", f"/api/prices/changes/{10**30}/approve", 404),
        ("POST", "/api/prices/changes/9/approve", 404),
        ("GET", "/api/prices/timeline?since=May", 400),
        ("GET", "/api/prices/index?since=2024-06-01&until=2024-05-01", 400),
        ("GET", "/api/prices/index?weights=odd", 400),
    ],
)
def test_what_cannot_be_is_refused(ask: Ask, method: str, path: str, status: int) -> None:
    answer = ask(method, path)
    assert answer.status_code == status and answer.json()["error"]["message"]


def test_only_the_admin_decides(ask: Ask, changed: Control) -> None:
    assert ask("POST", "/api/prices/changes/1/approve", token="sk-nobody").status_code == 401


def test_what_was_fetched_is_told_beside(ask: Ask, control: Control) -> None:
    look = {"at_ns": NOW_NS, "source": "own", "state": "refused", "problems": ["p"]}
    with control.database.write() as tx:
        settings.put(tx, FETCHED, {"http://lists/p.csv": look})
    (found,) = ask("GET", "/api/prices/changes").json()["fetched"]
    assert (found["url"], found["state"]) == ("http://lists/p.csv", "refused")
    assert found["at"].startswith("2026-11-21")


def test_the_timeline_is_asked_by_time_vendor_and_model(ask: Ask) -> None:
    path = "/api/prices/timeline?since=2024-05-15&until=2024-05-22"
    rows = ask("GET", path).json()["data"]
    assert [row["vendor"] for row in rows] == ["ByteDance", "Alibaba", "Baidu"]
    assert rows[0]["quote"] == "99.3% below the industry's price"
    (only,) = ask("GET", f"{path}&model=qwen-long").json()["data"]
    assert only["day"] == "2024-05-21" and "qwen-long" in only["models"]


def test_the_index_of_the_shipped_book_falls(ask: Ask) -> None:
    found = ask("GET", "/api/prices/index?since=2024-05-01&until=2024-06-15").json()
    days: list[dict[str, Any]] = found["data"]
    assert [(row["day"], row["method"]) for row in days] == [
        ("2024-05-01", ""),
        ("2024-06-01", "jevons"),
        ("2024-06-15", "jevons"),
    ]
    assert (days[0]["value"], found["currency"], found["base"]) == ("100", "CNY", "2024-05-01")
    assert 70 < float(days[1]["value"]) < 90


def test_months_run_over_the_years_end() -> None:
    assert _months(date(2024, 11, 15), date(2025, 2, 1)) == [
        date(2024, 11, 15),
        date(2024, 12, 1),
        date(2025, 1, 1),
        date(2025, 2, 1),
    ]
    assert _months(date(9999, 12, 1), date.max) == [date(9999, 12, 1), date.max]
    with pytest.raises(InvalidRequest, match="at most 240 months"):
        _months(date(1990, 1, 1), date(2026, 1, 1))


def test_the_ledger_says_how_much_of_each_listing_was_used(tmp_path: Path) -> None:
    with shop(tmp_path) as control:
        use(control, Usage(100, 10), Usage(5, 1), days_ago=3)
        use(control, Usage(7, 7), offer="o/chat", days_ago=2)
        links = _volumes(control, [date(2026, 11, 1), date(2026, 11, 18), date(2026, 11, 21)])
    listing = Listing("Mine AI", "official", "chat", "CNY")
    assert links == [{}, {listing: Volume(105, 11)}]
