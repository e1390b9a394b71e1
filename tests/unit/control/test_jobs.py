"""Jobs: what fails for now is tried again, and the ledger is booked to the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from migrated import copy_migrated

from steelyard.control import jobs as jobs_module
from steelyard.control.control import Control
from steelyard.control.jobs import Jobs
from steelyard.control.places import Places
from steelyard.control.prices import lists as price_lists
from steelyard.control.weighing.weighings import Weighings
from steelyard.domain.errors import StoreUnavailable
from steelyard.store import settings


@pytest.fixture
def jobs(tmp_path: Path):
    copy_migrated(tmp_path, has_prices=True)
    control = Control(Places(tmp_path, tmp_path, 8080), {})
    (tmp_path / "steelyard.yaml").write_text("weigh_when_idle: false")
    control.prepare()
    yield Jobs(control, Weighings(control, "http://127.0.0.1:9"))
    control.close()


def test_a_job_that_fails_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    calls = 0

    async def failing() -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise asyncio.CancelledError
        raise StoreUnavailable("the disk is full")

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(jobs_module._every(0.001, failing))
    assert calls == 5
    assert caplog.text.count("failing failed and is tried again: the disk is full") == 1


def test_a_scribe_that_cannot_work_shows_in_the_state(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        def run_once(self, now_ns: int) -> None:
            raise StoreUnavailable("locked")

        def close(self) -> None:
            pass

    jobs._scribe = Failing()
    with pytest.raises(StoreUnavailable):
        asyncio.run(jobs.scribe_once())
    assert jobs._control.ledger_problem == "locked"
    asyncio.run(jobs.finish())  # says so and ends all the same


def test_corrections_are_booked_by_whoever_holds_the_ledger(jobs: Jobs) -> None:
    database = jobs._control.database
    with database.write() as tx:
        settings.put(tx, price_lists.PENDING, [{"list": 1, "due_ns": 0}])
    asyncio.run(jobs.scribe_once())
    with database.read() as tx:
        (left,) = settings.get(tx, price_lists.PENDING)
    assert (left["list"], left["is_second"]) == (1, True)
    asyncio.run(jobs.finish())


def test_what_came_with_this_version_is_taken_over(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_lists, "seed", lambda database, now_ns: True)
    asyncio.run(jobs._seed_prices())
    assert jobs._control.publisher.core._wishes == 1


def test_a_changed_file_has_another_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "f"
    assert jobs_module._fingerprint(file) is None
    file.write_text("a")
    before = jobs_module._fingerprint(file)
    file.write_text("ab")
    assert jobs_module._fingerprint(file) != before
