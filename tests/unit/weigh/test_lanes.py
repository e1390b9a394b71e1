from decimal import Decimal

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Constraint, PromptForm, Sample, Task
from steelyard.weigh.asking import Contender
from steelyard.weigh.datasets import Dataset
from steelyard.weigh.graders import label
from steelyard.weigh.graders.base import Item
from steelyard.weigh.lanes import Course, make_course, make_lanes

TASK = Task(
    name="shop/mood",
    title="Mood",
    language="en",
    set_name="mine",
    grader="label",
    floor=Decimal("0.5"),
    form=PromptForm("f", constraint=Constraint.GRAMMAR),
)
SAMPLES = tuple(Sample(f"i{n}", "Good?", "yes", ("yes", "no")) for n in range(30))


def course(*samples: Sample, limit: int = 0) -> Course:
    return make_course(TASK, Dataset("mine", "d", samples or SAMPLES), label.fits, limit)


def ids(made: Course) -> list[str]:
    return [sample.id for sample in made.samples]


def test_the_order_is_seeded_and_a_limit_is_its_beginning() -> None:
    whole = ids(course())
    assert sorted(whole) == sorted(sample.id for sample in SAMPLES) != whole
    assert ids(course(*reversed(SAMPLES))) == whole
    assert ids(course(limit=7)) == whole[:7]
    assert course().cluster_sizes == ()


def test_an_offer_without_the_constraint_is_another_prompt_form() -> None:
    held, free = make_lanes(
        TASK, "d", [Contender("a", frozenset({Constraint.GRAMMAR})), Contender("b")]
    )
    made = course()
    assert "grammar" in made.prepared(held.form, 0).request
    assert "grammar" not in made.prepared(free.form, 0).request
    assert held.digest != free.digest


def test_grades_of_a_held_judge_are_another_measurement() -> None:
    offer = Contender("a")
    free, held = (
        make_lanes(TASK, "d", [offer], judge)[0].digest
        for judge in (Constraint.NONE, Constraint.GRAMMAR)
    )
    assert free == make_lanes(TASK, "d", [offer])[0].digest != held


def test_items_of_a_cluster_lie_side_by_side() -> None:
    def item(n: int) -> Item:
        extras = {"cluster": n // 3} if n < 24 else {}
        return Item(f"i{n}", "Good?", "yes", ("yes", "no"), extras=extras)

    made = course(*(item(n) for n in range(30)))
    assert sum(made.cluster_sizes) == 30
    assert sorted(made.cluster_sizes) == [1] * 6 + [3] * 8
    at = 0
    for size in made.cluster_sizes:
        numbers = [int(sample.id[1:]) for sample in made.samples[at : at + size]]
        assert len({n // 3 if n < 24 else n for n in numbers}) == 1
        at += size
    cut = course(*(item(n) for n in range(30)), limit=10)
    assert (ids(cut), sum(cut.cluster_sizes)) == (ids(made)[:10], 10)


def test_items_that_cannot_be_graded_are_faults_before_they_cost() -> None:
    odd = Sample("odd", "Good?", "yes")
    made = course(*SAMPLES, odd, limit=5)
    assert len(made.samples) == 5
    assert [(fault.where, fault.reason) for fault in made.faults] == [
        ("odd", "the label grader needs labels")
    ]
    with pytest.raises(ConfigError, match="no usable item; the label grader needs labels"):
        course(odd)


def test_a_set_without_items_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="no usable item; it is empty"):
        make_course(TASK, Dataset("mine", "d", ()), label.fits)
