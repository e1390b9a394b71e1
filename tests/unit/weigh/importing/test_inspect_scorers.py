import pytest

from steelyard.domain.tasks import Sample
from steelyard.weigh.graders.base import Item, grade_answer
from steelyard.weigh.graders.registry import find_grader
from steelyard.weigh.importing.inspect_scorers import scoring_of


def is_right(name: str, options: dict[str, object], targets: tuple[str, ...], answer: str) -> bool:
    scoring = scoring_of(name, options)
    assert scoring is not None
    grader = find_grader(scoring.grader, scoring.parameters)
    sample: Sample = Item("a", "?", targets, extras=scoring.fields(targets))
    assert grader.fits(sample) == ""
    return grade_answer(grader, answer, sample, scoring.parameters).value == 1


@pytest.mark.parametrize(
    ("name", "options", "answer", "right"),
    [
        ("match", {}, "It is PARIS.", True),
        ("match", {}, "Paris it is", False),
        ("inspect_ai/match", {"location": "begin"}, "**paris** it is", True),
        ("match", {"location": "begin", "ignore_case": False}, "paris", False),
        ("match", {"location": "any"}, "So paris it is", True),
        ("match", {"location": "exact"}, "Paris", True),
        ("match", {"location": "exact"}, "In Paris", False),
        ("includes", {}, "so PARIS it is", True),
        ("includes", {"ignore_case": False}, "so PARIS it is", False),
        ("exact", {}, "the Paris!", True),
        ("f1", {}, "Paris", True),
        ("answer", {"pattern": "word"}, "Well.\nANSWER: Paris", True),
        ("answer", {"pattern": "line"}, "Answer: Paris or so", False),
        ("pattern", {"pattern": r"town=(\w+)"}, "town=Paris", True),
    ],
)
def test_a_scorer_means_the_same_here(
    name: str, options: dict[str, object], answer: str, right: bool
) -> None:
    assert is_right(name, options, ("Paris",), answer) is right


def test_several_targets_are_alternatives() -> None:
    assert is_right("match", {}, ("5", "five (5)"), "It is Five (5)!")
    assert is_right("includes", {}, ("x", "y"), "only y")
    assert is_right("match", {"numeric": True}, ("42",), "first 7, then 42.")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("my_scorer", {}),
        ("answer", {"pattern": "page"}),
        ("pattern", {"pattern": "no group"}),
        ("pattern", {"pattern": "(?i)a(b)"}),
        ("match", {"location": "middle"}),
    ],
)
def test_what_has_no_counterpart_is_not_guessed(name: str, options: dict[str, object]) -> None:
    assert scoring_of(name, options) is None


def test_a_graded_by_model_is_a_judge_s_task_and_numbers_tell_of_their_place() -> None:
    judged = scoring_of("model_graded_qa", {})
    assert judged is not None and judged.grader == "judge" and judged.notes
    begin = scoring_of("match", {"numeric": True, "location": "begin"})
    assert begin is not None and begin.notes
    choice = scoring_of("choice", {})
    assert choice is not None and choice.fields(("A",)) == {}
