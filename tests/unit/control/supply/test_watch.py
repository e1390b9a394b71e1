"""Ordinary calls raise an alarm when an offer becomes slow: once, told, ended by a measurement."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control.shop_rig import AT_NS, HOUR_NS, book, shop_control
from steelyard.control import news
from steelyard.control.control import Control
from steelyard.control.supply.told import KIND, WATCH, hours_of
from steelyard.control.supply.watch import COUNTED, TOLD, SupplyWatch
from steelyard.domain.usage import Usage
from steelyard.store import measurements, settings
from steelyard.store.measurements import Measurement
from steelyard.testing.records import make_intent, make_settlement


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = shop_control(tmp_path)
    yield made
    made.close()


class Books:
    """Books calls of one offer at a speed."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.watch = SupplyWatch(control)
        self._incarnation = 17
        self._at_ns = AT_NS
        self._chance = random.Random(1)

    def book(
        self, count: int, tokens_per_s: float, outcome: str = "completed", status: int = 200
    ) -> None:
        self._incarnation += 1
        calls = []
        for number in range(1, count + 1):
            self._at_ns += 10**9
            intent = make_intent(
                number,
                incarnation=self._incarnation,
                called_at_ns=self._at_ns,
                offer="shop/m",
                is_stream=True,
            )
            span_s = 200 / (tokens_per_s * self._chance.lognormvariate(0, 0.2))
            settlement = make_settlement(
                intent,
                outcome=outcome,
                status=status,
                usage=Usage(input_tokens=10, output_tokens=200),
                first_byte_us=300_000,
                total_us=300_000 + int(span_s * 1e6),
            )
            calls.append((intent, settlement))
        book(self.control, self._incarnation, calls, self._at_ns + HOUR_NS)

    def look(self) -> int:
        return asyncio.run(self.watch.look_once())

    def known(self) -> Measurement | None:
        with self.control.database.read() as tx:
            return measurements.latest(tx, KIND).get(("shop/m", ""))

    def setting(self, name: str) -> Any:
        with self.control.database.read() as tx:
            return settings.get(tx, name)


@pytest.fixture
def books(control: Control) -> Books:
    made = Books(control)
    made.look()  # from now on
    return made


def test_a_fall_raises_one_alarm(books: Books) -> None:
    books.book(150, 80)
    assert books.look() == 0 and books.known() is None
    books.book(40, 15)
    assert books.look() == 1
    known = books.known()
    assert known is not None and known.state == "slow"
    assert "instead of" in known.body["detail"] and known.body["change"]["what"] == "speed"
    books.book(100, 15)
    assert books.look() == 0  # it is known already


def test_failures_raise_one_too(books: Books) -> None:
    books.book(120, 80)
    books.book(40, 80, outcome="uncertain")
    assert books.look() == 1
    known = books.known()
    assert known is not None and "of calls succeed" in known.body["detail"]


def test_each_part_is_taken_in_once_and_nothing_from_before(books: Books) -> None:
    books.book(120, 80)
    books.look()
    learnt, counted = books.setting(WATCH), books.setting(COUNTED)
    assert books.look() == 0
    assert books.setting(WATCH) == learnt and books.setting(COUNTED) == counted > 0
    fresh = Books(books.control)
    fresh.control.database.close()


def test_an_alarm_keeps_what_was_measured(books: Books) -> None:
    body = {"requests_per_minute": 300.0}
    with books.control.database.write() as tx:
        measurements.add(tx, Measurement(KIND, "shop/m", 1, "ok", body))
    books.book(150, 80)
    books.book(40, 15)
    books.look()
    known = books.known()
    assert known is not None and known.body["requests_per_minute"] == 300.0


def test_the_webhook_is_told_once(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    async def tell(_client: Any, _target: Any, event: Any) -> bool:
        told.append(event)
        return True

    class Watch:
        webhook = object()

    monkeypatch.setattr("steelyard.control.webhook.tell", tell)
    books.book(150, 80)
    books.book(40, 15)
    books.look()
    monkeypatch.setattr(news, "watch_of", lambda _: Watch)
    asyncio.run(books.watch.tell_once())
    asyncio.run(books.watch.tell_once())
    (event,) = told
    assert event["event"] == "supply_alarm" and event["offer"] == "shop/m"


def test_without_a_webhook_it_is_history(books: Books) -> None:
    books.book(150, 80)
    books.book(40, 15)
    books.look()
    asyncio.run(books.watch.tell_once())
    assert books.setting(TOLD) == 1


@pytest.mark.parametrize("state", [{"streamed": {"learnt": 3}}, {"failures": {"x": 1}}])
def test_what_another_version_kept_is_learnt_anew(
    control: Control, state: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    books = Books(control)
    asyncio.run(books.watch.look_once())
    with control.database.write() as connection:
        settings.put(connection, WATCH, {"shop/m": state})
    books.book(3, 80)
    assert books.look() == 0
    assert "learnt anew" in caplog.text
    with control.database.read() as connection:
        kept = settings.get(connection, WATCH)["shop/m"]
    assert set(kept) > set(state)


def test_requests_that_the_vendor_calls_wrong_are_no_failures_of_supply(books: Books) -> None:
    books.book(30, 80)
    books.book(5, 80, "refused", 429)
    books.book(20, 80, "refused", 400)
    hours = hours_of(books.control, AT_NS + HOUR_NS)["shop/m"]
    assert sum(hour.calls for hour in hours) == 35
    assert sum(hour.succeeded for hour in hours) == 30
