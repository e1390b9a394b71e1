"""How a run begins: who grades, and who enters the race on what terms."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.domain.tasks import Task
from steelyard.weigh import judged
from steelyard.weigh.bills import in_run_currency
from steelyard.weigh.datasets import Dataset
from steelyard.weigh.entrants import Entrant, Floor, Rules
from steelyard.weigh.graders.registry import find_grader
from steelyard.weigh.grading import Grading
from steelyard.weigh.judged import Judging, judging_of, texts_bytes_max
from steelyard.weigh.lanes import Course, Lane
from steelyard.weigh.race import Race
from steelyard.weigh.terms import Options


def grading_of(task: Task, dataset: Dataset, options: Options) -> Judging | Grading:
    """How answers are graded: by a judge, or by a program.

    Raises:
        ConfigError: the task's grader, or a parameter of it, is wrong.
    """
    if task.grader == judged.GRADER:
        bytes_max = texts_bytes_max(dataset.samples)
        return judging_of(task, options.others, bytes_max, options.patience)
    grader = find_grader(task.grader, task.grader_parameters)
    return Grading(grader, task.grader_parameters, options.grading_max_s)


def race_of(
    course: Course, lanes: Sequence[Lane], judging: Judging | None, options: Options
) -> Race:
    """The race over a run's items; offers that cannot be weighed are dropped, with the reason.

    Args:
        course: the items.
        lanes: the offers.
        judging: who judges; None where a program grades.
        options: of the run.
    """
    attempts = options.patience.attempts_max
    beside_pico = judging.paid_pico_max(attempts) if judging else 0
    entrants = []
    for lane in lanes:
        price = lane.contender.price
        most = in_run_currency(attempts * price.call_pico_max, price) if price else 0
        expected = in_run_currency(price.call_pico, price) if price else 0
        entrants.append(
            Entrant(lane.offer, min(expected, most), 0, most, paid_pico_max=most + beside_pico)
        )
    money = options.money_max
    rules = Rules(
        n_items=len(course.samples),
        goal=options.goal,
        confidence=options.confidence,
        graded_min=options.graded_min,
        money_pico_max=money.amount_pico if money else None,
        n_decided=options.n_decided,
        cluster_sizes=course.cluster_sizes,
        ungraded_max=options.failures_max,
        is_wary=True,
        is_judged=judging is not None,
    )
    race = Race(entrants, Floor(course.task.floor), rules)
    for lane in lanes:
        lane.stopped = lane.contender.refusal or (
            judging.refusal(lane.contender) if judging else ""
        )
        is_priced = lane.contender.price is not None and (judging is None or judging.is_priced)
        if not lane.stopped and money and not is_priced:
            lane.stopped = "its price is not known, so no money can be held for its calls"
        if lane.stopped:
            race.drop(lane.offer, lane.stopped)
    return race
