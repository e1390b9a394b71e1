"""Work that was begun goes on, ends with its owner, and is refused where it goes on already."""

from __future__ import annotations

import asyncio
from threading import Lock

import pytest

from steelyard.control.begun import Begun, alone
from steelyard.domain.errors import Overloaded


def test_work_goes_on_by_itself_until_its_owner_closes() -> None:
    ended: list[str] = []

    async def work(name: str, *, is_long: bool = False) -> None:
        try:
            await asyncio.sleep(60 if is_long else 0)
        finally:
            ended.append(name)

    async def both() -> None:
        begun = Begun("a test")
        assert not begun
        await begun.close()
        begun.begin(work("short"))
        begun.begin(work("long", is_long=True))
        while not ended:
            await asyncio.sleep(0)
        assert begun
        await begun.close()
        await asyncio.sleep(0)
        assert not begun

    asyncio.run(both())
    assert ended == ["short", "long"]


def test_work_that_breaks_off_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def bad() -> None:
        raise ValueError("because")

    async def work() -> None:
        begun = Begun("a look")
        begun.begin(bad())
        while begun:
            await asyncio.sleep(0)

    asyncio.run(work())
    assert "a look broke off" in caplog.text and "because" in caplog.text


def test_only_one_at_a_time_and_the_next_when_it_is_done() -> None:
    lock = Lock()
    with pytest.raises(KeyError), alone(lock, "Another one runs."):
        with pytest.raises(Overloaded, match="Another one runs"), alone(lock, "Another one runs."):
            pass
        raise KeyError
    with alone(lock, "Another one runs."):
        pass
