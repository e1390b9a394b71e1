"""Snapshot files: gathered, written, poked, waited for; and revocations that wait for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from steelyard.control.places import Places
from steelyard.control.snapshot import publish
from steelyard.control.snapshot.compile import compile_core
from steelyard.control.snapshot.publish import Publisher
from steelyard.control.workers.link import LinkServer
from steelyard.domain.errors import StoreUnavailable
from steelyard.gateway import snapshot
from steelyard.store.database import Database

Put = Callable[..., list[str]]


class Heard(LinkServer):
    """A link server that keeps what is told to everybody."""

    def __init__(self) -> None:
        super().__init__(lambda *_: None, lambda _: None)
        self.told: list[tuple[object, ...]] = []

    def broadcast(self, *fields: object) -> None:
        self.told.append(fields)


@pytest.fixture
def made(database: Database, put: Put, tmp_path: Path) -> tuple[Publisher, Heard, Path]:
    put("accounts: {acme: }")
    links = Heard()
    places = Places(tmp_path, tmp_path, 1)
    publisher = Publisher(places, database, links, lambda: {"c": "secret"})
    publisher.prepare()
    return publisher, links, places.snapshot


def test_everything_is_there_before_workers_are(made: tuple[Publisher, Heard, Path]) -> None:
    publisher, links, folder = made
    assert snapshot.load(folder).revision == publisher.revision == 1
    assert snapshot.load_secrets(folder) == {"c": "secret"}
    assert snapshot.load_revoked(folder) == []
    assert (folder / snapshot.KEYS_FILE).exists()
    assert links.told == []


def test_many_wishes_are_one_write_and_one_poke(made: tuple[Publisher, Heard, Path]) -> None:
    publisher, links, _ = made

    async def run() -> None:
        task = asyncio.get_running_loop().create_task(publisher.run_core())
        for _ in range(10):
            publisher.core.want()
        assert await publisher.settled(publisher.core, 10)
        task.cancel()

    asyncio.run(run())
    assert links.told == [("snapshot", 1)]


def test_a_write_that_fails_is_tried_again(
    made: tuple[Publisher, Heard, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, links, _ = made
    monkeypatch.setattr(publish, "_RETRY_S", 0.01)
    real, failures = publish.write_keys, [StoreUnavailable("locked"), OSError("full")]

    def failing(*arguments: object) -> int:
        if failures:
            raise failures.pop()
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(publish, "write_keys", failing)

    async def run() -> None:
        task = asyncio.get_running_loop().create_task(publisher.run_keys())
        publisher.keys.want()
        assert await publisher.settled(publisher.keys, 10)
        task.cancel()

    asyncio.run(run())
    assert failures == []
    assert links.told == [("snapshot", 1)]


def test_a_revocation_goes_out_before_anything_is_written(
    made: tuple[Publisher, Heard, Path],
) -> None:
    publisher, links, _ = made
    publisher.revoke([b"h" * 32])
    assert links.told == [("revoked", [b"h" * 32])]


def test_nobody_waits_for_ever(made: tuple[Publisher, Heard, Path]) -> None:
    publisher, _, _ = made

    async def run() -> bool:
        publisher.core.want()  # and no task that writes
        return await publisher.settled(publisher.core, 0.05)

    assert not asyncio.run(run())


def test_a_price_that_changes_by_the_clock_makes_a_new_core(
    made: tuple[Publisher, Heard, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, links, folder = made
    first = snapshot.load(folder)
    monkeypatch.setattr(publish.time, "time_ns", lambda: first.changes_at_ns + 1)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(publisher.run_core()), loop.create_task(publisher.run_clock())]
        async with asyncio.timeout(10):
            while not links.told:
                await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()

    asyncio.run(run())
    assert [what for what, *_ in links.told] == ["snapshot"]
    assert snapshot.load(folder).changes_at_ns > first.changes_at_ns


def test_a_core_that_ends_sooner_than_the_one_before_is_not_slept_over(
    made: tuple[Publisher, Heard, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, links, _ = made
    compiled: list[int] = []

    def soon(connection: object, now_ns: int) -> snapshot.Core:
        compiled.append(now_ns)
        core = compile_core(connection, now_ns)  # type: ignore[arg-type]
        ahead_ns = 3 * 10**8 if len(compiled) == 1 else 10**15
        return msgspec.structs.replace(core, changes_at_ns=now_ns + ahead_ns)

    monkeypatch.setattr(publish, "compile_core", soon)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(publisher.run_core()), loop.create_task(publisher.run_clock())]
        await asyncio.sleep(0.05)  # the clock sleeps by now, for as long as it ever does
        publisher.core.want()
        async with asyncio.timeout(10):
            while len(links.told) < 2:
                await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()

    asyncio.run(run())
    assert compiled[1] - compiled[0] >= 3 * 10**8
