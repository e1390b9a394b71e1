import asyncio
import random
import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.domain.errors import (
    BudgetExceeded,
    ConfigError,
    StoreUnavailable,
    Unauthenticated,
    UnbalancedEntry,
)
from steelyard.domain.tasks import Grade, PromptForm, Sample, Status, Task
from steelyard.weigh import entering
from steelyard.weigh.asking import Answer, AskError, Contender, Preempted
from steelyard.weigh.graders import label
from steelyard.weigh.graders.base import Grader, Parameters
from steelyard.weigh.runfile import Record, RunFile
from steelyard.weigh.runner import run
from weigh.rig import (
    DATASET,
    HASTY,
    NOON,
    TASK,
    A,
    B,
    Died,
    Vendor,
    always_busy,
    mostly_yes,
    no,
    options,
    weigh,
    yes,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def test_good_and_bad_offers_are_decided_early_at_little_cost(path: Path) -> None:
    vendor = Vendor(lambda offer, _: yes() if offer == "a" else no())
    good, bad = weigh(vendor, path, A, B)
    assert good.verdict.status is Status.PROVEN
    assert bad.verdict.status is Status.FAILED
    assert good.verdict.n < 30
    assert good.verdict.quality == 1
    assert good.verdict.cost_pico == 10 * good.verdict.n
    assert (good.verdict.currency, good.verdict.model_answered) == ("USD", "model-1")
    assert good.verdict.time_s == 0.5 * good.verdict.n
    assert good.faults == DATASET.faults
    assert len(vendor.asked) == good.verdict.n + bad.verdict.n


def test_every_offer_meets_the_same_items_in_the_same_order(path: Path) -> None:
    vendor = Vendor(lambda *_: yes())
    weigh(vendor, path, A, B)
    inputs = {offer: [i for o, i in vendor.asked if o == offer] for offer in "ab"}
    assert inputs["a"] == inputs["b"]


def test_the_limit_bounds_the_calls(path: Path) -> None:
    vendor = Vendor(lambda _, text: yes() if int(text[5:-1]) % 5 < 3 else no())
    (result,) = weigh(vendor, path, limit=7)
    assert len(vendor.asked) == 7 == result.n_total
    assert result.verdict.status is Status.NOT_PROVEN
    assert result.stopped == ""


def test_a_finished_item_is_never_paid_twice(path: Path) -> None:
    first = Vendor(lambda *_: no())
    weigh(first, path, limit=4)
    second = Vendor(lambda *_: no())
    (result,) = weigh(second, path, limit=6)
    assert len(second.asked) == 2
    assert not set(first.asked) & set(second.asked)
    assert result.verdict.n == 6
    assert result.verdict.cost_pico == 60


def test_a_resumed_run_is_as_old_as_its_answers(path: Path) -> None:
    weigh(Vendor(lambda *_: yes()), path)
    silent = Vendor(lambda *_: yes())
    (result,) = weigh(silent, path, now=lambda: NOON + timedelta(days=90))
    assert silent.asked == []
    assert result.verdict.decided_at == NOON


def test_a_crash_at_any_moment_changes_nothing_that_is_said(path: Path) -> None:
    (whole,) = weigh(Vendor(mostly_yes), path.with_name("whole.jsonl"))
    chance = random.Random(5)
    paid, deaths, left = 0, 0, 0

    def dying(offer: str, text: str) -> Answer:
        nonlocal paid, left
        if left == 0:
            raise Died
        left -= 1
        paid += 1
        return mostly_yes(offer, text)

    while True:
        left = chance.randrange(4)
        try:
            (result,) = weigh(Vendor(dying), path)
            break
        except Died:
            deaths += 1
            with path.open("ab") as file:
                file.write(b'{"v":1,"offer"')  # the line it died in
    assert result == whole
    assert paid == whole.verdict.n
    assert deaths > 5


def test_the_verdict_does_not_hang_on_the_order_of_answers(path: Path) -> None:
    chance = random.Random(3)

    async def slowly(offer: str, text: str) -> Answer:
        await asyncio.sleep(chance.random() / 500)
        return mostly_yes(offer, text)

    (alone,) = weigh(Vendor(mostly_yes), path)
    (together,) = weigh(Vendor(slowly), path.with_name("two.jsonl"), concurrency=8)
    # What overtook the last needed answer is kept and paid, but says nothing.
    assert len(together.records) >= alone.verdict.n
    assert together.verdict == alone.verdict
    assert together.paid_pico == 10 * len(together.records)


def test_concurrency_is_used_and_bounded(path: Path) -> None:
    now, peak = 0, 0

    async def count(*_: str) -> Answer:
        nonlocal now, peak
        now += 1
        peak = max(peak, now)
        await asyncio.sleep(0.001)
        now -= 1
        return no()

    weigh(Vendor(count), path, A, B, concurrency=5)
    assert peak == 5


def test_a_preempted_item_is_asked_again_and_nothing_is_lost(path: Path) -> None:
    seen: dict[str, int] = {}

    def pushed(_: str, text: str) -> Answer:
        seen[text] = seen.get(text, 0) + 1
        if seen[text] < 5:
            raise Preempted("a call came", cost_pico=1, currency="USD")
        return yes()

    (result,) = weigh(Vendor(pushed), path, patience=replace(HASTY, attempts_max=1))
    assert result.verdict.status is Status.PROVEN
    assert result.verdict.n_unscored == 0
    assert result.verdict.cost_pico == (10 + 4) * result.verdict.n


def test_an_item_preempted_for_ever_is_left_for_the_next_run(path: Path) -> None:
    vendor = Vendor(always_busy)
    (result,) = weigh(vendor, path, patience=replace(HASTY, pauses_max=3))
    assert len(vendor.asked) == 4
    assert result.stopped == "paused 4 times in a row"
    assert result.records == ()
    assert (result.verdict.status, result.verdict.quality) == (Status.NOT_PROVEN, None)
    (later,) = weigh(Vendor(lambda *_: yes()), path)
    assert later.verdict.status is Status.PROVEN


def test_a_failing_item_is_unscored_and_moves_no_mean(path: Path) -> None:
    victim: list[str] = []

    def say(_: str, text: str) -> Answer:
        victim[:] = victim or [text]
        if text == victim[0]:
            raise AskError("blocked by a filter", is_retryable=False)
        return yes()

    (result,) = weigh(Vendor(say), path, limit=30)
    assert result.records[0].grade == Grade.unscored("blocked by a filter")
    assert result.verdict.n_unscored == 1
    assert result.verdict.quality == 1  # unscored is not zero


def test_what_failed_tries_cost_is_counted_once_even_over_two_runs(path: Path) -> None:
    def broken(*_: str) -> Answer:
        raise AskError("cut", cost_pico=3, currency="USD")

    (result,) = weigh(Vendor(broken), path, limit=2)
    assert result.verdict.cost_pico == 2 * 3 * 3 == result.paid_pico
    assert result.verdict.n_unscored == 2
    (none,) = weigh(Vendor(always_busy), path, limit=2, patience=replace(HASTY, pauses_max=0))
    assert (none.verdict.cost_pico, none.paid_pico) == (0, 2 * 3 * 3)
    (again,) = weigh(Vendor(lambda *_: yes()), path, limit=2)
    assert again.paid_pico == again.verdict.cost_pico
    assert again.verdict.cost_pico == 2 * (3 * 3 + 10)
    assert (again.verdict.n, again.verdict.n_unscored) == (2, 0)


def test_an_offer_that_only_fails_is_given_up_and_the_others_go_on(path: Path) -> None:
    def say(offer: str, prompt: str) -> Answer:
        if offer == "a":
            raise AskError(f"down: I do not take {prompt}", is_retryable=False)
        return yes()

    vendor = Vendor(say)
    down, good = weigh(vendor, path, A, B, failures_max=4)
    assert [offer for offer, _ in vendor.asked].count("a") == 4
    assert down.stopped == "4 items in a row failed: down"  # a vendor's words quote items
    assert down.verdict.status is Status.NOT_PROVEN
    assert good.verdict.status is Status.PROVEN


@pytest.mark.parametrize("error", [Unauthenticated(), ConfigError("no offer a")])
def test_what_every_call_would_meet_ends_the_run_and_keeps_what_is_done(
    path: Path, error: Exception
) -> None:
    def say(_: str, text: str) -> Answer:
        if len(vendor.asked) > 3:
            raise error
        return no()

    vendor = Vendor(say)
    with pytest.raises(type(error)):
        weigh(vendor, path, concurrency=2)
    with RunFile(path) as file:
        assert len(file.records) == 3


def test_an_account_without_money_ends_the_run_and_what_is_known_is_said(path: Path) -> None:
    def say(_: str, text: str) -> Answer:
        if len(vendor.asked) > 3:
            raise BudgetExceeded("no room")
        return no()

    vendor = Vendor(say)
    (result,) = weigh(vendor, path)
    assert result.stopped == "no money left: no room"
    assert (result.verdict.n, result.is_dropped) == (3, False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the answer holds nothing"),
        ("x" * (10 << 20), "the answer has more than 1000000 characters"),
    ],
)
def test_an_empty_or_endless_answer_is_unscored_and_paid(
    path: Path, text: str, reason: str
) -> None:
    (result,) = weigh(Vendor(lambda *_: Answer(text, cost_pico=4, currency="USD")), path, limit=3)
    assert {record.grade for record in result.records} == {Grade.unscored(reason)}
    assert result.verdict.cost_pico == 12
    assert path.stat().st_size < 100_000


@pytest.mark.parametrize(
    ("misdeed", "reason"),
    [
        (ZeroDivisionError("by zero"), "the grader raised ZeroDivisionError: by zero"),
        (StopIteration(), "the grader raised RuntimeError: the grader raised StopIteration"),
        (RecursionError("deep" * 500), "the grader raised RecursionError: deepdeep"),
        (1.0, "the grader gave a float, not a grade"),
    ],
)
def test_a_grader_that_misbehaves_costs_one_item_not_the_run(
    path: Path, monkeypatch: pytest.MonkeyPatch, misdeed: object, reason: str
) -> None:
    def bad(answer: str, sample: Sample, parameters: Parameters) -> Grade:
        if isinstance(misdeed, Exception):
            raise misdeed
        return misdeed  # type: ignore[return-value]

    monkeypatch.setattr(entering, "find_grader", lambda *_: Grader("bad", bad, label.fits, ()))
    (result,) = weigh(Vendor(lambda *_: yes()), path, limit=3)
    assert result.verdict.n_unscored == 3
    assert all(r.grade.reason.startswith(reason) for r in result.records)
    assert all(len(r.grade.reason) <= 300 for r in result.records)


def test_cancelling_keeps_finished_items_and_gives_up_the_file(path: Path) -> None:
    async def story() -> None:
        reached = asyncio.Event()

        async def say(*_: str) -> Answer:
            if len(vendor.asked) > 2:
                reached.set()
                await asyncio.Event().wait()
            return no()

        vendor = Vendor(say)
        task = asyncio.get_running_loop().create_task(
            run(TASK, DATASET, [A], vendor, path=path, options=options())
        )
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    with RunFile(path) as file:
        assert len(file.records) == 2


def test_an_answer_that_is_paid_is_written_down_even_while_being_cancelled(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grading, go_on = threading.Event(), threading.Event()

    def slow(answer: str, sample: Sample, parameters: Parameters) -> Grade:
        grading.set()
        assert go_on.wait(5)
        return Grade(Fraction(1))

    async def story() -> None:
        weighing = asyncio.get_running_loop().create_task(
            run(TASK, DATASET, [A], Vendor(lambda *_: yes()), path=path, options=options())
        )
        assert await asyncio.to_thread(grading.wait, 5)
        weighing.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await weighing

    monkeypatch.setattr(entering, "find_grader", lambda *_: Grader("slow", slow, label.fits, ()))
    asyncio.run(story())
    with RunFile(path) as file:
        assert [record.grade.value for record in file.records.values()] == [1]


def test_another_prompt_form_is_asked_anew_in_the_same_file(path: Path) -> None:
    weigh(Vendor(lambda *_: yes()), path, limit=3)
    vendor = Vendor(lambda *_: yes())
    weigh(vendor, path, limit=3, task=replace(TASK, form=PromptForm("g", temperature=Decimal(1))))
    assert len(vendor.asked) == 3
    weigh(vendor, path, limit=3, task=replace(TASK, floor=Decimal("0.9")))
    assert len(vendor.asked) == 3  # another floor asks nothing anew


def test_one_offer_is_billed_in_one_currency(path: Path) -> None:
    def say(_: str, text: str) -> Answer:
        return replace(no(), currency="USD" if len(vendor.asked) % 2 else "CNY")

    vendor = Vendor(say)
    with pytest.raises(UnbalancedEntry, match="USD and in CNY"):
        weigh(vendor, path, limit=2)


@pytest.mark.parametrize(
    ("contenders", "task", "message"),
    [
        ((A, A), TASK, "named twice"),
        ((A,), replace(TASK, grader="lable"), "no grader lable"),
        ((A,), replace(TASK, grader_parameters={"x": 1}), "no parameter x"),
    ],
)
def test_mistakes_are_told_before_any_call(
    path: Path, contenders: tuple[Contender, ...], task: Task, message: str
) -> None:
    vendor = Vendor(lambda *_: yes())
    with pytest.raises(ConfigError, match=message):
        weigh(vendor, path, *contenders, task=task)
    assert vendor.asked == []


@pytest.mark.parametrize(
    "change",
    [{"limit": -1}, {"concurrency": 0}, {"failures_max": 0}, {"confidence": Decimal(1)}],
)
def test_impossible_options_are_a_mistake(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        options(**change)


def test_nobody_to_weigh_is_no_mistake(path: Path) -> None:
    vendor = Vendor(lambda *_: yes())
    assert asyncio.run(run(TASK, DATASET, [], vendor, path=path, options=options())) == []


def test_a_full_disk_ends_the_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: RunFile, record: Record) -> None:
        raise StoreUnavailable("no room")

    monkeypatch.setattr(RunFile, "append", full)
    vendor = Vendor(lambda *_: yes())
    with pytest.raises(StoreUnavailable):
        weigh(vendor, path)
    assert len(vendor.asked) == 1
