"""Who is told of verdicts, and which offers are tested again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from control.authenticity.conftest import BEGAN_NS, Add
from steelyard.config.price_book import Webhook
from steelyard.control import webhook
from steelyard.control.authenticity import run
from steelyard.control.authenticity.reference import path_of
from steelyard.control.authenticity.watch import AuthenticityWatch
from steelyard.control.control import Control
from steelyard.domain.errors import Overloaded, StoreUnavailable

DAY = 86_400 * 10**9


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []

    async def tell(client: Any, target: Any, event: dict[str, Any]) -> bool:
        events.append(event)
        return True

    monkeypatch.setattr(webhook, "tell", tell)
    return events


def configure(control: Control, *, days: int = 0, has_webhook: bool = False) -> None:
    assert control.config is not None
    terms = control.config.weighing.authenticity.model_copy(update={"every_days": days})
    weighing = control.config.weighing.model_copy(update={"authenticity": terms})
    hook = Webhook.model_validate({"url": "https://hook.example/", "secret": "x" * 16})
    book = control.config.price_book.model_copy(update={"webhook": hook if has_webhook else None})
    update = {"weighing": weighing, "price_book": book}
    control.config = control.config.model_copy(update=update)


def test_each_verdict_is_told_once_and_the_newest_counts(
    control: Control, add: Add, told: list[dict[str, Any]]
) -> None:
    configure(control, has_webhook=True)
    jobs = AuthenticityWatch(control)
    add(state="unsure")
    alarm = {"name": "answers_differ", "is_alarm": True}
    found = add(state="not_genuine", findings=[alarm, {"name": "context_cut", "is_alarm": False}])
    asyncio.run(jobs.tell_once())
    asyncio.run(jobs.tell_once())
    (event,) = told
    assert (event["event"], event["number"]) == ("authenticity", f"authenticity-{found.number}")
    assert (event["offer"], event["state"], event["alarms"]) == (
        *("shop/m", "not_genuine"),
        ["answers_differ"],
    )
    assert event["summary"] == "offer shop/m: not genuine. as was seen"


def test_who_sets_a_webhook_up_gets_news_not_history(
    control: Control, add: Add, told: list[dict[str, Any]]
) -> None:
    jobs = AuthenticityWatch(control)
    add()
    asyncio.run(jobs.tell_once())
    configure(control, has_webhook=True)
    asyncio.run(jobs.tell_once())
    assert told == []
    add("shop/n")
    asyncio.run(jobs.tell_once())
    assert [event["offer"] for event in told] == ["shop/n"]


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is tested again; an exception in ``errors`` is raised instead."""
    wishes: list[Any] = []

    async def verify(control: Control, wish: Any, tell: Any) -> dict[str, Any]:
        wishes.append(wish)
        if wish.offer == "shop/n":
            raise StoreUnavailable("the suspect does not answer")
        if wish.offer == "maker/m":
            raise Overloaded("another test runs")
        return {}

    monkeypatch.setattr(run, "verify", verify)
    return wishes


def test_the_oldest_verdict_is_renewed_first_one_at_a_time(
    control: Control, add: Add, verified: list[Any]
) -> None:
    def look(days: int) -> list[str]:
        verified.clear()
        configure(control, days=days)
        jobs = AuthenticityWatch(control, lambda: BEGAN_NS + 10 * DAY)
        asyncio.run(jobs.test_once())
        return [wish.offer for wish in verified]

    add("shop/n", at_ns=BEGAN_NS)
    add("shop/m", at_ns=BEGAN_NS + DAY, reference={"pool": "m", "sha256": "ab"})
    add("shop/off", at_ns=BEGAN_NS)
    add("shop/gone", at_ns=BEGAN_NS)
    assert look(0) == [] and look(11) == []
    assert look(10) == []  # as old as that, and no older
    assert look(9) == ["shop/n"]
    assert look(5) == ["shop/n", "shop/m"]  # the one that fails keeps nobody waiting
    wish = verified[-1]
    assert wish.against == str(path_of(run.folder_of(control), "ab"))
    assert (str(wish.error), wish.money) == ("1/100", "1 USD")
    assert verified[0].against == "maker/m"
    add("maker/m", at_ns=BEGAN_NS - DAY)
    assert look(5) == ["maker/m"]  # somebody else's test runs: later
