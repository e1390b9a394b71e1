"""Weighings: verdicts, turns, progress and what is left after an end."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from control.weighing_rig import (
    BAD,
    GOOD,
    ScriptedAsk,
    finished,
    make_control,
    rows,
    run,
    until,
    verdicts,
    write_config,
    write_set,
)
from steelyard.control.control import Control
from steelyard.control.weighing import contenders, weighings
from steelyard.control.weighing.orders import Order
from steelyard.control.weighing.weighings import Weighings
from steelyard.domain.errors import ConfigError
from steelyard.store import measurements, objects, proofs
from steelyard.store.measurements import Measurement
from steelyard.weigh import sandbox
from steelyard.weigh.asking import Contender


def test_on_demand_every_offer_with_a_price_gets_its_verdict(control: Control) -> None:
    async def work() -> None:
        weighings = Weighings(control, "http://gateway", ScriptedAsk().make)
        begun = await weighings.start(Order("mood"))
        assert begun == {"task": "mood", "weighings": [1, 2]}
        await finished(weighings)
        assert weighings.live() == {}

    run(work())
    assert {o: v.status.value for o, v in verdicts(control).items()} == {
        GOOD: "proven",
        BAD: "failed",
    }
    assert all(row["state"] == "done" and row["ended_at_ns"] for row in rows(control))
    assert (control.places.home / "weigh.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("task", "offers"), [("moot", []), ("mood", ["shop/none"])])
def test_what_cannot_be_weighed_is_refused_at_once(
    control: Control, task: str, offers: list[str]
) -> None:
    async def work() -> None:
        with pytest.raises(ConfigError):
            await Weighings(control, "", ScriptedAsk().make).start(Order(task, offers))

    run(work())
    assert rows(control) == []


@pytest.mark.parametrize("trouble", ["money", "key"])
def test_without_money_or_key_nothing_is_said_of_the_offers(control: Control, trouble: str) -> None:
    ask = ScriptedAsk()
    ask.has_money, ask.is_known = trouble != "money", trouble != "key"

    async def work() -> None:
        weighings = Weighings(control, "", ask.make)
        await weighings.start(Order("mood", [GOOD], 0))
        await finished(weighings)

    run(work())
    (row,) = rows(control)
    assert row["state"] == "stopped"
    assert ("no room" if trouble == "money" else "key yet") in row["detail"]
    assert verdicts(control) == {}
    assert ask.n_closed == 1


def test_progress_is_live_with_bounds_and_noted_now_and_then(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weighings, "_NOTE_EVERY_S", 0.01)

    async def work() -> None:
        ask = ScriptedAsk()
        ask.hang_after = 5
        weighings = Weighings(control, "", ask.make)
        await weighings.start(Order("mood", [GOOD], 30))
        await ask.hanging.wait()
        await until(lambda: weighings.live()[1]["items_done"] == 5)
        shown = weighings.live()[1]
        assert (shown["items_done"], shown["items_total"]) == (5, 30)
        assert 0 < float(shown["lower"]) < float(shown["upper"]) == 1
        await until(lambda: rows(control)[0]["items_done"] == 5)
        await weighings.close()

    run(work())
    (row,) = rows(control)
    assert (row["state"], row["items_done"], row["items_total"]) == ("stopped", 5, 30)
    assert "steelyard ended" in row["detail"]


def test_what_a_dead_process_left_running_is_stopped_at_the_next_start(control: Control) -> None:
    with control.database.write() as connection:
        number = proofs.begin_weighing(connection, "mood", GOOD, 9, 1)
    again = make_control(control.places.home)
    again.close()
    (row,) = rows(control)
    assert (row["weighing_number"], row["state"]) == (number, "stopped")
    assert row["ended_at_ns"] == again.started_at_ns


def test_who_asks_goes_before_the_background_which_goes_on_where_it_was(idle: Control) -> None:
    ask = ScriptedAsk()

    async def work() -> None:
        weighings = Weighings(idle, "", ask.make)
        ask.hang_after = 7
        background = asyncio.get_running_loop().create_task(weighings.run_when_idle())
        await ask.hanging.wait()
        ask.hang_after = None
        async with asyncio.timeout(2):
            await weighings.start(Order("mood", [BAD], 12))
            await finished(weighings)
        assert set(ask.asked[7:]) == {BAD}
        await until(lambda: GOOD in verdicts(idle))
        background.cancel()
        await asyncio.wait({background})
        # Nothing that was answered before it gave way was asked again.
        assert ask.asked.count(GOOD) == verdicts(idle)[GOOD].n

    run(work())
    assert ask.was_background[:3] == [True, False, True]
    assert rows(idle)[0]["detail"] == weighings._GAVE_WAY


def test_the_background_ends_when_all_is_decided_and_takes_up_what_a_new_floor_leaves_open(
    idle: Control,
) -> None:
    ask = ScriptedAsk()

    async def work() -> None:
        weighings = Weighings(idle, "", ask.make)
        background = asyncio.get_running_loop().create_task(weighings.run_when_idle())
        await until(lambda: len(verdicts(idle)) == 2)
        first, at_first_floor = len(rows(idle)), len(ask.asked)
        await asyncio.sleep(0.1)
        assert len(rows(idle)) == first
        # The bad one is as bad as before; whether the good one is this good is not known yet.
        write_config(idle.places.home, floor="0.9", is_idle=True)
        await idle.read_config()
        await until(lambda: verdicts(idle)[GOOD].floor.compare(verdicts(idle)[BAD].floor) == 1)
        assert [row["offer"] for row in rows(idle)[first:]] == [GOOD]
        assert verdicts(idle)[GOOD].n == ask.asked.count(GOOD)
        assert len(ask.asked) > at_first_floor
        background.cancel()
        await asyncio.wait({background})

    run(work())
    assert len(list((idle.places.home / "weighings").glob("mood-idle-*"))) == 1


def test_a_changed_set_is_another_weighing_and_its_verdict_counts(idle: Control) -> None:
    ask = ScriptedAsk()

    async def work() -> None:
        weighings = Weighings(idle, "", ask.make)
        await weighings.start(Order("mood", [GOOD], 0))
        await finished(weighings)
        write_set(idle.places.home, 30)
        await weighings.start(Order("mood", [GOOD], 0))
        await finished(weighings)
        found = verdicts(idle)[GOOD]
        task = weighings._tasks()["mood"]
        with idle.database.read() as connection:
            stored = objects.current(connection, "task")["mood"].body
            assert contenders.weighed(task, stored["digests"], [found]) == {GOOD}

    run(work())


def test_the_background_rests_longer_after_each_weighing_that_proves_nothing(
    idle: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = ScriptedAsk()
    ask.has_money = False
    monkeypatch.setattr(weighings, "_PAUSE_MIN_S", 0.05)
    slept: list[float] = []
    sleep = asyncio.sleep

    async def noted(delay_s: float) -> None:
        slept.append(delay_s)
        await sleep(0)

    async def work() -> None:
        weighings = Weighings(idle, "", ask.make)
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "sleep", noted)
            background = asyncio.get_running_loop().create_task(weighings.run_when_idle())
            while ask.n_closed < 3:
                await sleep(0.001)
            background.cancel()
            await asyncio.wait({background})

    run(work())
    rests = [delay_s for delay_s in slept if delay_s != weighings.IDLE_LOOK_S]
    assert rests[:2] == [0.05, 0.1]


def test_the_background_is_announced_to_workers_only_while_it_runs(
    idle: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[bool] = []
    monkeypatch.setattr(idle, "set_background", said.append)
    ask = ScriptedAsk()

    async def work() -> None:
        weighings = Weighings(idle, "", ask.make)
        assert await weighings._weigh_idle(weighings._tasks()["mood"], [Contender(GOOD)], "")

    run(work())
    assert said == [True, False]


def test_what_went_stale_is_weighed_anew_and_nothing_said_before_counts(idle: Control) -> None:
    ask = ScriptedAsk()

    async def work() -> None:
        weighings = Weighings(idle, "", ask.make)
        background = asyncio.get_running_loop().create_task(weighings.run_when_idle())
        await until(lambda: len(verdicts(idle)) == 2)
        before, asked = verdicts(idle), ask.asked.count(GOOD)
        with idle.database.write() as connection:
            alarm = Measurement("drift", GOOD, time.time_ns(), "drifted", {}, "mood")
            measurements.add(connection, alarm)
        await until(lambda: verdicts(idle)[GOOD].decided_at > before[GOOD].decided_at)
        await asyncio.sleep(0.05)
        assert verdicts(idle)[BAD] == before[BAD]
        assert ask.asked.count(GOOD) >= asked + verdicts(idle)[GOOD].n
        assert [row["offer"] for row in rows(idle)].count(GOOD) == 2
        background.cancel()
        await asyncio.wait({background})

    run(work())
    assert len(list((idle.places.home / "weighings").glob("mood-idle-*"))) == 2


def test_a_weighing_ends_with_its_money_says_so_and_goes_on_with_more(control: Control) -> None:
    ask = ScriptedAsk()
    ask.cost_pico = 10**8

    async def work() -> None:
        weighings = Weighings(control, "", ask.make)
        await weighings.start(Order("mood", [BAD], money="0.001 CNY", concurrency=1))
        await finished(weighings)
        asked = len(ask.asked)
        assert verdicts(control)[BAD].n == asked < 10
        await weighings.start(Order("mood", [BAD], money="1 CNY", concurrency=1))
        await finished(weighings)
        # What was answered before the money ended is there, and nobody is asked for it again.
        assert len(ask.asked) == verdicts(control)[BAD].n
        assert weighings.told()[2]["n_stored"] == asked

    run(work())
    short, whole = rows(control)
    assert (short["state"], whole["state"]) == ("stopped", "done")
    assert short["detail"].startswith("no money left")
    assert (short["currency"], short["money_max_pico"]) == ("CNY", str(10**9))
    assert int(short["paid_pico"]) <= 10**9
    assert int(short["paid_pico"]) + int(whole["paid_pico"]) == 10**8 * len(ask.asked)


def test_who_asks_afresh_pays_anew(control: Control) -> None:
    ask = ScriptedAsk()

    async def work() -> None:
        weighings = Weighings(control, "", ask.make)
        for is_fresh in (False, True):
            await weighings.start(Order("mood", [GOOD], concurrency=1, is_fresh=is_fresh))
            await finished(weighings)

    run(work())
    first, second = rows(control)
    assert int(first["paid_pico"]) == int(second["paid_pico"]) > 0
    assert len(ask.asked) == 2 * verdicts(control)[GOOD].n
    (path,) = {p.parent for p in (control.places.home / "weighings").glob("answers/*.jsonl")}
    assert path.stat().st_mode & 0o777 == 0o700


def test_several_weighings_queue(control: Control) -> None:
    ask = ScriptedAsk()

    async def work() -> None:
        weighings = Weighings(control, "", ask.make)
        for offer in (GOOD, BAD):
            await weighings.start(Order("mood", [offer], concurrency=1))
        assert rows(control)[1]["state"] == "waiting"
        await finished(weighings)

    run(work())
    assert ask.asked == sorted(ask.asked, key=[GOOD, BAD].index)  # one after the other
    assert [row["state"] for row in rows(control)] == ["done", "done"]


def test_code_is_not_run_without_a_sandbox_unless_somebody_says_so(
    control: Control, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "why_not", lambda method: "not here")
    text = (tmp_path / "steelyard.yaml").read_text().replace("grader: label", "grader: code_tests")
    (tmp_path / "steelyard.yaml").write_text(text)
    line = {"id": "a", "input": "Write f.", "reference": None, "tests": "assert f() == 1"}
    (tmp_path / "sets" / "mood.jsonl").write_text(json.dumps(line) + "\n")

    async def work() -> None:
        await control.read_config()
        weighings = Weighings(control, "", ScriptedAsk().make)
        with pytest.raises(ConfigError, match="--unsafe-code"):
            await weighings.start(Order("mood", [GOOD]))
        await weighings.start(Order("mood", [GOOD], is_unsafe_code=True))
        await finished(weighings)

    run(work())
    (row,) = rows(control)
    assert "sandbox" not in row["detail"]
