"""One look: what is asked, what is written down, and how it goes on after an end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest

from control.weighing_rig import write_set
from steelyard.control.drift import look as drift_look
from steelyard.control.drift.look import FAILURES_MAX, Look, Looker, Subject, form_of
from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Grade, PromptForm, Sample, Task, Verdict, form_digest
from steelyard.weigh.asking import Answer, AskError
from steelyard.weigh.datasets import digest_of
from steelyard.weigh.drift import Rules, State
from steelyard.weigh.graders import label
from steelyard.weigh.graders.base import Parameters
from steelyard.weigh.grading import HUNG_MAX, Grading
from steelyard.weigh.runfile import Record, RunFile, read_records

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
OFFER = "shop/good"


def task_of(home: Path) -> Task:
    return Task(
        name="mood",
        title="",
        language="en",
        set_name=str(home / "sets" / "mood.jsonl"),
        grader="label",
        floor=Decimal("0.6"),
        form=PromptForm("plain"),
    )


def subject_of(home: Path, *, pool: int = 300) -> Subject:
    task = task_of(home)
    digest = form_digest(task, task.form, digest_of(task.set_name))
    verdict = Verdict(
        task="mood",
        offer=OFFER,
        form_digest=digest,
        floor=task.floor,
        total=Fraction(30),
        n=30,
        n_unscored=0,
        lower=Decimal("0.8"),
        upper=Decimal(1),
        confidence=Decimal("0.95"),
        cost_pico=0,
        currency="",
        time_s=1.0,
        decided_at=AT,
        model_answered="m",
    )
    return Subject(task, verdict, Rules(), pool, is_embedded=True)


class Vendor:
    def __init__(self, answer: Callable[[int], str] = lambda n: "yes") -> None:
        self.asked: list[str] = []
        self._answer = answer

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        messages = request["messages"]
        assert isinstance(messages, list)
        self.asked.append(messages[-1]["content"])
        text = self._answer(len(self.asked))
        if text == "down":
            raise AskError(f"it is down: you said {self.asked[-1]}", is_retryable=False)
        return Answer(text, "stop", 5, 1, 7, "CNY", 0.1)


def look(
    home: Path,
    vendor: Vendor,
    goal: int,
    subject: Subject | None = None,
    anew: tuple[int, ...] = (),
) -> Look:
    looker = Looker(home, vendor, None, lambda: AT)
    return asyncio.run(looker.look(subject or subject_of(home), goal, anew))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_set(tmp_path)
    return tmp_path


def weighed(home: Path, count: int, grade: int = 1) -> None:
    """The run file of a weighing that graded the first ``count`` items."""
    subject = subject_of(home)
    with RunFile(home / "weighings" / "mood-18ea4760483163a0.jsonl") as file:
        for n in range(40):
            for offer, value in ((OFFER, grade), ("shop/bad", 0)):
                record = Record(
                    offer=offer,
                    form_digest=subject.verdict.form_digest,
                    sample=f"i{n}",
                    grade=Grade(Fraction(value)),
                    finished_at=AT,
                    answer="the text of an answer",
                    output_tokens=1,
                )
                if n < count:
                    file.append(record)


def test_a_look_compares_with_what_the_verdicts_run_saw(home: Path) -> None:
    weighed(home, 40)
    vendor = Vendor()
    found = look(home, vendor, 20)
    assert (found.n_asked, found.n_seen, len(set(vendor.asked))) == (20, 20, 20)
    told = found.watch.finding()
    assert (told.state, told.n) == (State.STEADY, 20)
    assert told.change == 0
    assert found.bills == (("CNY", 140),)


def test_its_file_is_private_and_no_reader_of_weighings_takes_it_for_one(home: Path) -> None:
    weighed(home, 40)
    look(home, Vendor(), 20)
    subject = subject_of(home)
    path = subject.path(home)
    assert path.stat().st_mode & 0o777 == 0o600
    records = list(read_records(path))
    assert {r.form_digest for r in records} == {form_of(subject, 0), form_of(subject, 1)}
    assert subject.verdict.form_digest not in {r.form_digest for r in records}
    assert all(not r.answer for r in records if r.form_digest == form_of(subject, 0))


def test_the_next_look_goes_on_with_other_items_and_then_from_the_start(home: Path) -> None:
    vendor = Vendor()
    for goal in (20, 40, 60):
        look(home, vendor, goal)
    assert len(set(vendor.asked[:40])) == 40
    assert vendor.asked[40:] == vendor.asked[:20]


def test_a_look_that_died_pays_only_for_the_rest(home: Path) -> None:
    def dies(n: int) -> str:
        if n == 8:
            raise KeyboardInterrupt
        return "yes"

    vendor = Vendor(dies)
    with pytest.raises(KeyboardInterrupt):
        look(home, vendor, 20)
    again = Vendor()
    assert look(home, again, 20).n_asked == 13
    assert not set(again.asked) & set(vendor.asked[:7])


def test_a_fall_ends_the_look_at_once_and_nothing_is_asked_until_it_is_accepted(home: Path) -> None:
    weighed(home, 40)
    vendor = Vendor(lambda n: "no")
    first = look(home, vendor, 40)
    assert first.watch.finding().state is State.DRIFTED
    n_asked = len(vendor.asked)
    assert n_asked < 20
    assert look(home, vendor, 80).n_asked == 0
    accepted = look(home, vendor, n_asked + 20, anew=(1,))
    assert (accepted.n_asked, accepted.watch.finding().state) == (20, State.THIN)
    assert look(home, vendor, n_asked + 80, anew=(1,)).watch.finding().state is State.STEADY


def test_a_vendor_that_is_down_ends_the_look_and_is_no_worse_for_it(home: Path) -> None:
    weighed(home, 40)
    found = look(home, Vendor(lambda n: "down"), 20)
    assert found.n_asked == FAILURES_MAX
    assert not found.is_cut
    assert found.detail.endswith("failed: it is down")  # and nothing of what was asked
    assert found.watch.finding().state is State.THIN


def test_a_grader_that_hangs_is_left_behind_and_ends_the_look(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()

    def hang(answer: str, sample: Sample, parameters: Parameters) -> Grade:
        let_go.wait(10)
        return Grade(Fraction(1))

    grader = replace(label.GRADER, grade=hang)
    monkeypatch.setattr(drift_look, "find_grader", lambda name, parameters: grader)
    monkeypatch.setattr(drift_look, "Grading", partial(Grading, time_max_s=0.01))
    vendor = Vendor()
    try:
        found = look(home, vendor, 20)
    finally:
        let_go.set()
    assert len(vendor.asked) == HUNG_MAX
    assert found.detail == f"the grader hung {HUNG_MAX} times"
    assert found.watch.finding().state is State.THIN
    subject = subject_of(home)
    (grade,) = {record.grade for record in read_records(subject.path(home))}
    assert grade.reason == "the grader took longer than 0.01 s"


def test_a_pool_smaller_than_the_set_is_its_first_items_in_the_runs_order(home: Path) -> None:
    vendor = Vendor()
    look(home, vendor, 40)
    small = Vendor()
    look(home, small, 40, subject_of(home, pool=20))
    assert small.asked[:20] == small.asked[20:] == vendor.asked[:20]


def test_a_set_that_changed_since_is_not_looked_at(home: Path) -> None:
    subject = subject_of(home)
    write_set(home, 30)
    with pytest.raises(ConfigError, match="another one"):
        look(home, Vendor(), 20, subject)


def test_another_verdict_or_rule_is_another_watch(home: Path) -> None:
    subject = subject_of(home)
    later = replace(subject.verdict, decided_at=AT.replace(hour=13))
    others = [
        replace(subject, verdict=later),
        replace(subject, pool=50),
        replace(subject, rules=Rules(0.02)),
    ]
    assert len({each.mark for each in (subject, *others)}) == 4


def test_a_watch_begun_anew_where_no_alarm_would_be_raised_today_goes_on(home: Path) -> None:
    weighed(home, 40)
    look(home, Vendor(), 15)
    vendor = Vendor()
    found = look(home, vendor, 35, anew=(1,))
    assert (found.n_asked, found.watch.pass_number) == (20, 2)
    assert found.watch.finding().state is State.THIN


def test_what_an_earlier_version_saw_without_an_alarm_alarms_if_it_would_today(home: Path) -> None:
    weighed(home, 40)
    subject = subject_of(home)
    with RunFile(subject.path(home)) as file:
        for number, value in ((0, 1), (1, 0)):
            for n in range(40):
                record = Record(
                    offer=OFFER,
                    form_digest=form_of(subject, number),
                    sample=f"i{n}",
                    grade=Grade(Fraction(value)),
                    finished_at=AT,
                )
                file.append(record)
    vendor = Vendor()
    found = look(home, vendor, 60)
    assert found.watch.finding().state is State.DRIFTED
    assert not vendor.asked
