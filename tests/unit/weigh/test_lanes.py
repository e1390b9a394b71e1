from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.domain.errors import ConfigError, UnbalancedEntry
from steelyard.domain.tasks import Constraint, Grade, PromptForm, Sample, Task
from steelyard.weigh.asking import Contender
from steelyard.weigh.datasets import Dataset
from steelyard.weigh.graders import label
from steelyard.weigh.lanes import Bill, Lane, make_lanes, todo
from steelyard.weigh.runfile import Record
from steelyard.weigh.stats import Decision

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
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def lanes(*contenders: Contender, samples: tuple[Sample, ...] = SAMPLES) -> list[Lane]:
    made, _ = make_lanes(
        TASK,
        Dataset("mine", "d", samples),
        contenders,
        label.GRADER,
        limit=0,
        decision=lambda: Decision(TASK.floor),
    )
    return made


def record(lane: Lane, index: int, grade: Grade) -> Record:
    return Record(lane.offer, lane.digest, lane.items[index].sample.id, grade, NOON)


def test_grades_are_read_in_the_order_of_items_not_of_answers() -> None:
    (lane,) = lanes(Contender("a"))
    values = [Fraction(n % 3, 2) for n in range(8)]
    for index in (3, 1, 0, 2, 7, 5, 6):
        lane.put(index, record(lane, index, Grade(values[index])))
    assert lane.decision.grades == values[:4]  # the fifth is still missing
    lane.put(4, record(lane, 4, Grade(values[4])))
    assert lane.decision.grades == values


def test_an_offer_without_the_constraint_is_another_prompt_form() -> None:
    held, free = lanes(Contender("a", frozenset({Constraint.GRAMMAR})), Contender("b"))
    assert "grammar" in held.items[0].request
    assert "grammar" not in free.items[0].request
    assert held.digest != free.digest
    assert [i.sample.id for i in held.items] == [i.sample.id for i in free.items]


def test_items_go_round_over_the_offers_and_decided_ones_drop_out() -> None:
    a, b = lanes(Contender("a"), Contender("b"))
    waiting = todo([a, b])
    assert [next(waiting) for _ in range(4)] == [(a, 0), (b, 0), (a, 1), (b, 1)]
    a.stopped = "down"
    assert [next(waiting)[0] for _ in range(3)] == [b, b, b]
    assert list(todo([])) == []


def test_items_that_cannot_be_graded_are_faults_before_they_cost() -> None:
    odd = Sample("odd", "Good?", "yes")
    made, faults = make_lanes(
        TASK,
        Dataset("mine", "d", (*SAMPLES, odd)),
        [Contender("a")],
        label.GRADER,
        limit=5,
        decision=lambda: Decision(TASK.floor),
    )
    assert len(made[0].items) == 5
    assert [(fault.where, fault.reason) for fault in faults] == [
        ("odd", "the label grader needs labels")
    ]
    with pytest.raises(ConfigError, match="no usable item; the label grader needs labels"):
        lanes(Contender("a"), samples=(odd,))


def test_a_bill_adds_up_in_one_currency() -> None:
    bill = Bill()
    bill.add(0, "")
    bill.add(5, "CNY")
    bill.add(7, "CNY")
    assert (bill.cost_pico, bill.currency) == (12, "CNY")
    with pytest.raises(UnbalancedEntry, match="CNY and in USD"):
        bill.add(1, "USD")
