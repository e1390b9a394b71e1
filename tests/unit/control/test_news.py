"""News are told once, oldest first; without a webhook they are history."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from migrated import copy_migrated
from sqlalchemy import Connection

from steelyard.control import news
from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.store import measurements, settings
from steelyard.store.measurements import Measurement

TOLD = "test.told"


class Found(NamedTuple):
    number: int


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    (tmp_path / "steelyard.yaml").write_text("weigh_when_idle: false\n")
    copy_migrated(tmp_path, has_prices=True)
    made = Control(Places(tmp_path, tmp_path, 8080), {})
    made.prepare()
    yield made
    made.close()


def numbers(connection: Connection) -> list[Found]:
    return [Found(n) for n in (1, 2, 3) if n > settings.get(connection, TOLD, 0)]


def tell(control: Control) -> None:
    asyncio.run(news.tell_news(control, TOLD, numbers, lambda found: {"n": found.number}))


def test_each_is_told_once_and_in_order(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    async def hear(_client: Any, _target: Any, event: Any) -> bool:
        told.append(event["n"])
        return True

    monkeypatch.setattr("steelyard.control.webhook.tell", hear)
    monkeypatch.setattr(news, "watch_of", lambda _: SimpleNamespace(webhook="somewhere"))
    tell(control)
    tell(control)
    assert told == [1, 2, 3]


def test_one_that_was_not_told_before_a_crash_is_told_after_it(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    async def fail_at_two(_client: Any, _target: Any, event: Any) -> bool:
        if event["n"] == 2 and told == [1]:
            told.append("crash")
            raise RuntimeError("the process ends")
        told.append(event["n"])
        return True

    monkeypatch.setattr("steelyard.control.webhook.tell", fail_at_two)
    monkeypatch.setattr(news, "watch_of", lambda _: SimpleNamespace(webhook="somewhere"))
    with pytest.raises(RuntimeError):
        tell(control)
    tell(control)
    assert told == [1, "crash", 2, 3]


def test_without_a_webhook_it_is_history(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "watch_of", lambda _: SimpleNamespace(webhook=None))
    tell(control)
    with control.database.read() as connection:
        assert settings.get(connection, TOLD) == 3


def test_the_newest_of_a_kind_and_state_are_untold_until_they_were_told(control: Control) -> None:
    with control.database.write() as connection:
        for offer, kind, state in (
            ("shop/a", "supply", "slow"),
            ("shop/b", "supply", "slow"),
            ("shop/b", "supply", "found"),
            ("shop/c", "drift", "slow"),
            ("shop/d", "supply", "slow"),
        ):
            measurements.add(connection, Measurement(kind, offer, 1, state, {}))

    def names(state: str = "") -> list[str]:
        with control.database.read() as connection:
            return [each.offer for each in news.untold(TOLD, "supply", state)(connection)]

    assert (names(), names("slow")) == (["shop/a", "shop/b", "shop/d"], ["shop/a", "shop/d"])
    with control.database.write() as connection:
        settings.put(connection, TOLD, 1)
    assert names("slow") == ["shop/d"]
