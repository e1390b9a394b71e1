"""What holds for every task that comes with steelyard, whoever wrote its items."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction

import pytest

from steelyard.domain.tasks import Sample, Task
from steelyard.weigh.catalog import SCENARIOS, shipped_tasks
from steelyard.weigh.datasets import load_set
from steelyard.weigh.graders.base import extra, grade_answer
from steelyard.weigh.graders.registry import find_grader
from steelyard.weigh.prompts import prepare

GARBAGE = "zq"
RUN_EACH = 6
"""Of the sets whose answers are run, so many are: a run takes a tenth of a second and more."""
JUDGED = {"office/open-questions"}
"""Tasks that no program grades."""

every_task = pytest.mark.parametrize("name", shipped_tasks())
every_graded_task = pytest.mark.parametrize("name", sorted(set(shipped_tasks()) - JUDGED))


def shown(task: Task) -> list[Sample]:
    samples = load_set(task.set_name).samples
    return [prepare(task.form, sample, task.seed).sample for sample in samples]


def few(task: Task) -> list[Sample]:
    samples = shown(task)
    is_run = task.grader == "code_tests"
    return samples[:: len(samples) // RUN_EACH] if is_run else samples


def golds(sample: Sample) -> Iterator[str]:
    """Answers that must be right."""
    accepts = extra(sample, "accepts")
    if isinstance(accepts, list):  # a pattern or a list of facts is no answer
        yield from map(str, accepts)
    elif isinstance(sample.reference, Mapping):
        yield json.dumps(dict(sample.reference), ensure_ascii=False)
    else:
        yield from (sample.reference,) if isinstance(sample.reference, str) else sample.reference


def cluster_of(sample: Sample) -> str:
    return str(extra(sample, "cluster") or sample.id)


@every_graded_task
def test_every_item_can_be_graded(name: str) -> None:
    task = shipped_tasks()[name]
    grader = find_grader(task.grader, task.grader_parameters)
    assert {grader.fits(sample) for sample in shown(task)} == {""}


@every_graded_task
def test_gold_answers_get_full_marks(name: str) -> None:
    task = shipped_tasks()[name]
    grader = find_grader(task.grader, task.grader_parameters)
    graded = 0
    for sample in few(task):
        for gold in golds(sample):
            grade = grade_answer(grader, gold, sample, task.grader_parameters)
            assert grade.value == 1, (sample.id, gold, grade)
            graded += 1
    assert graded or task.grader == "ifeval"  # which has no gold answers


@every_graded_task
def test_an_empty_answer_is_unscored_and_garbage_stays_below_the_floor(name: str) -> None:
    task = shipped_tasks()[name]
    grader = find_grader(task.grader, task.grader_parameters)
    values = []
    for sample in few(task):
        assert grade_answer(grader, " \n", sample, task.grader_parameters).value is None
        values.append(grade_answer(grader, GARBAGE, sample, task.grader_parameters).value)
    scored = [value for value in values if value is not None]
    assert len(scored) >= 0.9 * len(values)  # a language cannot be told from two letters
    assert sum(scored, Fraction(0)) / len(scored) < Fraction(task.floor) / 3


@every_graded_task
def test_another_item_s_answer_stays_below_the_floor(name: str) -> None:
    task = shipped_tasks()[name]
    grader = find_grader(task.grader, task.grader_parameters)
    samples = few(task)
    half = len(samples) // 2  # neighbours may have the same label
    values = []
    for sample, other in zip(samples, samples[half:] + samples[:half], strict=True):
        for gold in list(golds(other))[:1]:
            values.append(grade_answer(grader, gold, sample, task.grader_parameters).value)
    scored = [value for value in values if value is not None]
    assert sum(scored, Fraction(0)) < Fraction(task.floor) * max(len(scored), 1)


@every_task
def test_a_task_says_what_it_is_for_and_why_its_floor(name: str) -> None:
    task = shipped_tasks()[name]
    assert task.scenario in SCENARIOS
    assert task.title
    assert name.endswith("-zh") == (task.language == "zh") or task.scenario == "translation"


def test_tasks_are_named_apart_even_when_folders_are_written_with_hyphens() -> None:
    names = [name.replace("/", "-") for name in shipped_tasks()]
    assert len(set(names)) == len(names)


def test_judged_items_have_a_question_and_turns_that_the_set_itself_gives() -> None:
    for sample in load_set("mt-bench").samples:
        assert sample.reference or not sample.messages, sample.id
        assert [m["role"] for m in sample.messages] in ([], ["user", "assistant", "user"])


@pytest.mark.parametrize("name", ["cmrc2018", "crosswoz-slots", "qmsum", "wikitq", "xquad-en"])
def test_items_of_one_text_are_one_cluster(name: str) -> None:
    samples = load_set(name).samples
    assert 1 < len({cluster_of(sample) for sample in samples}) < len(samples)
    texts: dict[str, set[str]] = {}
    for sample in samples:
        text = sample.input.rpartition("\n\n")[0]
        if text and name != "qmsum":  # a meeting's items have excerpts of their own
            texts.setdefault(text, set()).add(cluster_of(sample))
    assert all(len(clusters) == 1 for clusters in texts.values())
