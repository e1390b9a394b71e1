from dataclasses import replace
from fractions import Fraction

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.money import Money
from steelyard.domain.tasks import Grade
from steelyard.weigh.asking import Contender, Price
from steelyard.weigh.constancy import Opinion
from steelyard.weigh.entering import grading_of, race_of
from steelyard.weigh.grading import Grading
from steelyard.weigh.judged import Judging
from steelyard.weigh.lanes import Lane, make_course, make_lanes
from steelyard.weigh.race import Race
from weigh.rig import DATASET, TASK, options

PRICED = Contender("a", price=Price("USD", 10, 20, Fraction(7)), model="qwen-max")
FREE = Contender("free", model="qwen-turbo")
JUDGE = Contender("judge", price=Price("CNY", 10, 20), model="deepseek-chat")
JUDGED = replace(TASK, grader="judge", grader_parameters={"judge": "judge"})


def entered(*contenders: Contender, is_judged: bool = False) -> tuple[Race, list[Lane]]:
    task = JUDGED if is_judged else TASK
    given = options(money_max=Money(10**6, "CNY"), others=(JUDGE,))
    how = grading_of(task, DATASET, given)
    course = make_course(task, DATASET, how.fits)
    lanes = make_lanes(task, DATASET.digest, contenders)
    return race_of(course, lanes, how if isinstance(how, Judging) else None, given), lanes


def test_a_program_or_a_judge_grades_as_the_task_says() -> None:
    assert isinstance(grading_of(TASK, DATASET, options()), Grading)
    assert isinstance(grading_of(JUDGED, DATASET, options(others=(JUDGE,))), Judging)
    with pytest.raises(ConfigError, match="there is no such offer"):
        grading_of(JUDGED, DATASET, options())


def test_offers_that_cannot_be_weighed_are_out_from_the_start() -> None:
    refused = replace(PRICED, offer="b", refusal="it is switched off")
    race, lanes = entered(PRICED, FREE, refused)
    assert race.next() == ("a", 0)
    assert [lane.stopped for lane in lanes] == [
        "",
        "its price is not known, so no money can be held for its calls",
        "it is switched off",
    ]
    _, lanes = entered(PRICED, replace(PRICED, offer="kin", model="deepseek-v3"), is_judged=True)
    assert [bool(lane.stopped) for lane in lanes] == [False, True]


def test_with_a_judge_an_offer_is_not_decided_by_ties() -> None:
    (judged, _), (graded, _) = entered(PRICED, is_judged=True), entered(PRICED)
    for index in range(60):
        for race in (judged, graded):
            race.take("a", index, Grade(Fraction(1, 2)), 0, opinion=Opinion.TURNED)
    assert [race.standing("a").status for race in (judged, graded)] == ["not_proven", "failed"]
    assert judged.standing("a").noise and not graded.standing("a").noise
