"""Who is watched, and who is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from control.drift.test_job import PAID, Rig, run
from control.weighing_rig import GOOD
from steelyard.config.weighing import Drift
from steelyard.control.configuration import taskbook
from steelyard.control.drift import watched as drift_watched
from steelyard.control.drift.watched import JUDGED, NO_MONEY, Watched, watched
from steelyard.domain.errors import ConfigError
from steelyard.domain.instants import DAY_NS, instant_ns


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, PAID % ("1 CNY", ", every_hours: 2"))
    yield made
    made.control.close()


def found(rig: Rig, drift: Drift | None = None, after_ns: int = 0) -> list[Watched]:
    config = rig.control.config
    assert config is not None
    if drift is not None:
        weighing = config.weighing.model_copy(update={"drift": drift})
        config = config.model_copy(update={"weighing": weighing})
    with rig.control.database.read() as connection:
        return watched(connection, config, (), rig.clock.now_ns + after_ns)


def test_it_is_the_proven_offer_at_its_price_and_interval(rig: Rig) -> None:
    (only,) = found(rig)
    assert only.subject.offer == GOOD
    assert only.subject.currency == "CNY"
    assert only.subject.periods
    assert not only.subject.is_embedded
    decided_ns = instant_ns(only.subject.verdict.decided_at)
    assert only.due_ns == decided_ns + DAY_NS // 12


def test_a_task_that_is_not_named_is_not_watched(rig: Rig) -> None:
    assert found(rig, Drift(tasks=["mood"]))
    assert not found(rig, Drift(tasks=[]))


def test_a_verdict_that_is_too_old_is_watched_no_more(rig: Rig) -> None:
    assert found(rig, after_ns=89 * DAY_NS)
    assert not found(rig, after_ns=91 * DAY_NS)


def test_a_task_with_a_judge_is_not_watched_and_says_why(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = rig.control.config
    assert config is not None
    tasks = taskbook.tasks(config)
    judged = {**tasks, "mood": replace(tasks["mood"], grader="judge")}
    monkeypatch.setattr(taskbook, "tasks", lambda _: judged)
    (only,) = found(rig)
    assert (only.refusal, only.due_ns) == (JUDGED, None)
    assert not rig.look_after(25)
    row = rig.row()
    assert (row["state"], row["why_not"], row["next_at"]) == ("thin", JUDGED, None)
    with pytest.raises(ConfigError, match="by a judge"):
        run(rig.watch.look("mood", ""))
    assert not rig.asked


def test_why_nobody_looks_by_himself_is_said(rig: Rig) -> None:
    assert found(rig)[0].refusal == ""
    assert found(rig, Drift())[0].refusal == NO_MONEY
    assert "enabled" in found(rig, Drift(enabled=False))[0].refusal
    config = rig.control.config
    assert config is not None
    here = replace(found(rig)[0].subject, is_embedded=True)
    assert "idle" in drift_watched._refusal(here, config, ())
    idle = config.model_copy(update={"weigh_when_idle": True})
    assert drift_watched._refusal(here, idle, ()) == ""
    assert "not up" in drift_watched._refusal(here, idle, {here.channel})
