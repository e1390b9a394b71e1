"""Watching: who is watched, when, for how much, and what becomes of an alarm."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from control.weighing_rig import (
    BAD,
    GOOD,
    ScriptedAsk,
    make_control,
    until,
    write_config,
    write_set,
)
from steelyard.control import news
from steelyard.control.drift import job as module
from steelyard.control.drift.job import PUT_OFF_NS, DriftWatch, NotWatched
from steelyard.control.drift.watched import KIND
from steelyard.control.news import untold
from steelyard.domain.errors import ConfigError
from steelyard.domain.instants import DAY_NS, NS, instant_ns, instant_of
from steelyard.domain.tasks import Grade, Verdict
from steelyard.store import measurements, objects, proofs
from steelyard.weigh.runfile import Record, RunFile

HOUR_NS = 3600 * NS
PAID = "\nweighing: {drift: {money_per_day: %s, items: 10%s}}\n"


class Clock:
    """A clock of UTC nanoseconds that stands still until it is moved."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class Rig:
    """A control on which the good offer is proven, and a watch over it."""

    def __init__(self, home: Path, drift: str, at_ns: int = 0) -> None:
        write_set(home)
        write_config(home)
        with (home / "steelyard.yaml").open("a") as file:
            file.write(drift)
        self.control = make_control(home)
        self.vendor = ScriptedAsk()
        self.clock = Clock(at_ns or time.time_ns())
        self.weigh()
        self.watch = DriftWatch(self.control, self.vendor.make, self.clock)

    def weigh(self) -> None:
        """Writes down what a weighing does: its run file and two verdicts."""
        now = instant_of(self.clock.now_ns)
        with self.control.database.write() as connection:
            digest = objects.current(connection, "task")["mood"].body["digests"][0]
            for offer, share in ((GOOD, 1), (BAD, 0)):
                verdict = Verdict(
                    task="mood",
                    offer=offer,
                    form_digest=digest,
                    floor=Decimal("0.6"),
                    total=Fraction(30 * share),
                    n=30,
                    n_unscored=0,
                    lower=Decimal(share * 8) / 10,
                    upper=Decimal(1 + share * 9) / 10,
                    confidence=Decimal("0.95"),
                    cost_pico=0,
                    currency="",
                    time_s=1.0,
                    decided_at=now,
                    model_answered="",
                )
                proofs.add_verdict(connection, verdict)
        path = self.control.places.home / "weighings" / f"mood-{self.clock.now_ns:x}.jsonl"
        with RunFile(path) as file:
            for n in range(40):
                grade = Grade(Fraction(1))
                file.append(Record(GOOD, digest, f"i{n}", grade, now, output_tokens=1))

    @property
    def asked(self) -> int:
        """Questions of looks."""
        return len(self.vendor.asked)

    def look_after(self, hours: float) -> bool:
        self.clock.now_ns += round(hours * HOUR_NS)
        return bool(run(self.watch.look_once()))

    def row(self) -> dict[str, Any]:
        row: dict[str, Any]
        (row,) = run(self.watch.rows())
        return row

    def history(self) -> list[str]:
        with self.control.database.read() as connection:
            found = measurements.history(connection, KIND, GOOD, "mood")
        return [each.state for each in found][::-1]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, PAID % ("1 CNY", ""))
    yield made
    made.control.close()


def test_only_what_is_proven_is_watched_and_first_a_day_after_its_verdict(rig: Rig) -> None:
    row = rig.row()
    assert (row["offer"], row["state"], row["looks"]) == (GOOD, "thin", 0)
    assert not rig.look_after(23.9)
    assert rig.look_after(0.2)
    assert set(rig.vendor.asked) == {GOOD}
    assert rig.asked == 10
    assert not rig.look_after(23.9)
    assert rig.look_after(0.2)
    row = rig.row()
    assert (row["looks"], row["items"]) == (2, 20)
    assert row["paid"] == {"CNY": "200"}
    assert rig.history()[-1] in ("thin", "steady")


def test_without_an_amount_nobody_pays_not_even_when_asked_to(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "")
    assert not rig.look_after(100)
    assert "money_per_day" in rig.row()["why_not"]
    with pytest.raises(ConfigError, match=rf"^{GOOD} on .*: it costs money: .*money_per_day"):
        run(rig.watch.look("", ""))
    assert rig.asked == 0
    rig.control.close()


def test_watching_is_off_when_the_file_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path, PAID % ("1 CNY", ", enabled: false"))
    assert not rig.look_after(100)
    assert "enabled" in rig.row()["why_not"]
    rig.control.close()


def test_a_fall_alarms_once_then_rests_until_it_is_accepted(rig: Rig) -> None:
    for _ in range(6):
        assert rig.look_after(24)
    rig.vendor.word = "no"
    looks = 0
    while rig.history()[-1] != "drifted":
        assert rig.look_after(24)
        looks += 1
    assert looks <= 4
    n_asked = rig.asked
    assert not rig.look_after(1000)
    assert rig.asked == n_asked
    row = rig.row()
    assert (row["state"], row["causes"], row["next_at"]) == ("drifted", ["quality"], None)
    assert float(row["upper"]) < 0
    with pytest.raises(ConfigError, match="acknowledge"):
        run(rig.watch.look("mood", GOOD))
    done = run(rig.watch.acknowledge("mood", GOOD, "admin"))
    assert (done["state"], done["causes"], done["acknowledged_by"]) == ("thin", [], "admin")
    for _ in range(10):
        assert rig.look_after(24)
    assert rig.history()[-1] == "steady"


def test_what_has_not_alarmed_cannot_be_accepted(rig: Rig) -> None:
    with pytest.raises(NotWatched):
        run(rig.watch.acknowledge("mood", GOOD, "admin"))
    rig.look_after(24)
    with pytest.raises(NotWatched):
        run(rig.watch.acknowledge("mood", BAD, "admin"))


def test_a_new_verdict_is_a_new_watch(rig: Rig) -> None:
    rig.look_after(24)
    rig.clock.now_ns += HOUR_NS
    rig.weigh()
    row = rig.row()
    assert (row["looks"], row["state"]) == (0, "thin")


def test_the_days_money_is_never_passed_and_the_next_day_goes_on(tmp_path: Path) -> None:
    # At 2 CNY per million tokens a question is held at some hundred millionths.
    rig = Rig(tmp_path, PAID % ("0.002 CNY", ", every_hours: 1"))
    rig.vendor.cost_pico = 3 * 10**8
    began_ns = rig.clock.now_ns
    for _ in range(20):
        rig.look_after(1)
    per_day = 2 * 10**9
    days = rig.clock.now_ns // DAY_NS - began_ns // DAY_NS + 1
    assert 0 < rig.asked * rig.vendor.cost_pico <= days * per_day
    assert "money_per_day" in rig.row()["problem"]
    before = rig.asked
    rig.look_after(25)
    assert rig.asked > before
    rig.control.close()


def test_what_cannot_be_looked_at_now_is_tried_again_later(rig: Rig) -> None:
    rig.vendor.is_known = False
    rig.look_after(24)
    assert "key" in rig.row()["problem"]
    rig.vendor.is_known = True
    assert not rig.look_after(0.1)
    assert rig.look_after(PUT_OFF_NS / HOUR_NS)
    assert rig.history() == ["thin"]
    assert rig.row()["problem"] == ""


def test_a_look_that_died_half_way_is_finished_and_not_paid_twice(rig: Rig) -> None:
    rig.vendor.hang_after = 4

    async def die() -> None:
        rig.clock.now_ns += 24 * HOUR_NS
        looking = asyncio.get_running_loop().create_task(rig.watch.look_once())
        await rig.vendor.hanging.wait()
        looking.cancel()
        await asyncio.wait({looking})

    run(die())
    assert rig.history() == []
    rig.vendor.hang_after = None
    again = DriftWatch(rig.control, rig.vendor.make, rig.clock)
    assert run(again.look_once())
    assert rig.asked == 10
    assert rig.row()["items"] == 10


@pytest.mark.parametrize("years", [-1, -20])
def test_a_clock_set_back_does_not_stop_the_watch(rig: Rig, years: int) -> None:
    assert rig.look_after(24)
    # Back to before the look; the verdict itself must not become older than proof holds.
    rig.clock.now_ns += years * 365 * DAY_NS
    assert run(rig.watch.look_once())
    assert not rig.look_after(23)
    assert rig.look_after(1.1)
    assert rig.row()["looks"] == 3


def test_a_clock_that_leaps_ahead_makes_one_look_due_not_many(rig: Rig) -> None:
    assert rig.look_after(24)
    assert rig.look_after(24 * 30)
    assert not rig.look_after(0.5)
    assert rig.row()["looks"] == 2


@pytest.mark.parametrize("day", [(2027, 3, 26), (2027, 10, 29)])
def test_a_change_to_summer_time_or_back_moves_no_look(
    tmp_path: Path, day: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path, PAID % ("1 CNY", ""), instant_ns(datetime(*day, 12, tzinfo=UTC)))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert rig.look_after(24)
        for _ in range(3):
            assert not rig.look_after(23.99)
            assert rig.look_after(0.01)
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
        rig.control.close()


def test_looks_on_demand_do_not_wait_until_they_are_due(rig: Rig) -> None:
    async def work() -> None:
        begun = await rig.watch.look("mood", "")
        assert begun == [{"task": "mood", "offer": GOOD}]
        (row,) = await rig.watch.rows()
        assert row["is_asked"]
        await until(lambda: not rig.watch._asked)
        (row,) = await rig.watch.rows()
        assert not row["is_asked"]
        assert row["looks"] == 1
        with pytest.raises(ConfigError, match="proven"):
            await rig.watch.look("mood", BAD)

    run(work())


def test_an_offer_of_this_machine_gives_way_and_needs_no_money(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path, "")
    original = module.__dict__["watched"]

    def embedded(*arguments: Any) -> Any:
        return [
            each._replace(subject=replace(each.subject, is_embedded=True), refusal="")
            for each in original(*arguments)
        ]

    monkeypatch.setattr(module, "watched", embedded)
    said: list[bool] = []
    monkeypatch.setattr(rig.control, "set_background", said.append)
    rig.vendor.was_background.clear()
    assert rig.look_after(24)
    assert rig.vendor.was_background == [True]
    assert said == [True, False]
    assert rig.asked == 20
    rig.control.close()


def test_the_webhook_is_told_of_an_alarm_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []

    async def tell(client: Any, target: Any, event: dict[str, Any]) -> bool:
        told.append(event)
        return True

    class Target:
        webhook: object = None

    target = Target()
    monkeypatch.setattr("steelyard.control.webhook.tell", tell)
    monkeypatch.setattr(news, "watch_of", lambda control: target)
    run(rig.watch.tell_once())
    rig.vendor.word = "no"
    while "drifted" not in rig.history():
        rig.look_after(24)
    target.webhook = "somewhere"
    for _ in range(2):
        run(rig.watch.tell_once())
    (event,) = told
    assert (event["event"], event["offer"], event["task"]) == ("drift", GOOD, "mood")
    assert "points" in event["summary"]
    assert "Item" not in str(event)


def test_who_sets_a_webhook_up_later_is_not_told_of_old_alarms(rig: Rig) -> None:
    rig.vendor.word = "no"
    while "drifted" not in rig.history():
        rig.look_after(24)
    run(rig.watch.tell_once())
    with rig.control.database.read() as connection:
        assert untold(module.TOLD, module.KIND)(connection) == []
