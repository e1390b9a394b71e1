import asyncio
import threading
import time
from dataclasses import replace
from fractions import Fraction

import pytest

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders import exact, label
from steelyard.weigh.graders.base import Grader, Parameters
from steelyard.weigh.grading import HUNG_MAX, Grading
from steelyard.weigh.sandbox import unsafe_code

SAMPLE = Sample("i", "Good?", "yes", ("yes", "no"))


def made(grade: object, time_max_s: float = 5.0) -> Grading:
    return Grading(Grader("own", grade, label.fits, ()), {}, time_max_s)  # type: ignore[arg-type]


def test_a_quick_grader_is_called_where_it_is_and_a_long_answer_in_a_thread() -> None:
    threads: list[int] = []

    def noted(answer: str, sample: Sample, parameters: Parameters) -> Grade:
        threads.append(threading.get_ident())
        return exact.grade(answer, sample, parameters)

    noted.__module__ = exact.__name__
    grading = Grading(replace(exact.GRADER, grade=noted), {})

    async def work() -> list[Grade]:
        return [await grading.grade(text, SAMPLE) for text in ("yes", "yes" * 2_000)]

    short, long = asyncio.run(work())
    grading.close()
    assert (short.value, long.value) == (1, 0)
    assert threads[0] == threading.get_ident() != threads[1]


def test_threads_are_kept_for_the_next_answer() -> None:
    names: set[int] = set()

    def noted(answer: str, sample: Sample, parameters: Parameters) -> Grade:
        names.add(threading.get_ident())
        return Grade(Fraction(1))

    grading = made(noted)

    async def work() -> None:
        for _ in range(20):
            assert (await grading.grade("yes", SAMPLE)).value == 1

    asyncio.run(work())
    assert len(names) == 1
    before = threading.active_count()
    grading.close()
    deadline = time.monotonic() + 5
    while threading.active_count() >= before and time.monotonic() < deadline:
        time.sleep(0.001)
    assert threading.active_count() < before


def test_a_grader_that_hangs_is_left_behind_and_asked_no_more_after_some() -> None:
    go_on = threading.Event()

    def hang(answer: str, sample: Sample, parameters: Parameters) -> Grade:
        go_on.wait(10)
        return Grade(Fraction(1))

    grading = made(hang, time_max_s=0.01)

    async def work() -> list[Grade]:
        return [await grading.grade("yes", SAMPLE) for _ in range(HUNG_MAX + 1)]

    try:
        grades = asyncio.run(work())
    finally:
        go_on.set()
    assert [grade.value for grade in grades] == [None] * (HUNG_MAX + 1)
    assert grades[0].reason == "the grader took longer than 0.01 s"
    assert grades[-1].reason == "the grader hung too often"
    assert grading.is_stuck


@pytest.mark.parametrize("misdeed", [ValueError("bad"), SystemExit(3), KeyboardInterrupt()])
def test_whatever_a_grader_raises_is_a_reason(misdeed: BaseException) -> None:
    def bad(answer: str, sample: Sample, parameters: Parameters) -> Grade:
        raise misdeed

    found = asyncio.run(made(bad).grade("yes", SAMPLE))
    assert found.value is None
    assert found.reason.startswith(f"the grader raised {type(misdeed).__name__}")


def test_a_grader_knows_whether_code_may_run_unsafely() -> None:
    def told(answer: str, sample: Sample, parameters: Parameters) -> Grade:
        return Grade(Fraction(int(unsafe_code.get())))

    async def work() -> list[Fraction | None]:
        grading = made(told)
        values = []
        for is_allowed in (False, True):
            token = unsafe_code.set(is_allowed)
            values.append((await grading.grade("yes", SAMPLE)).value)
            unsafe_code.reset(token)
        return values

    assert asyncio.run(work()) == [0, 1]
