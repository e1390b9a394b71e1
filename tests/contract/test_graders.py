"""One suite for every grader: those of the folder and those of installed packages."""

import pickle

import pytest

from steelyard.domain.tasks import Grade
from steelyard.weigh.graders.base import ANSWER_CHARS_MAX, Example, Grader, grade_answer
from steelyard.weigh.graders.registry import find_graders

GRADERS = find_graders()
EXAMPLES = [
    pytest.param(grader, example, id=f"{name}-{number}")
    for name, grader in GRADERS.items()
    for number, example in enumerate(grader.examples)
]
every_grader = pytest.mark.parametrize("grader", GRADERS.values(), ids=GRADERS)


@pytest.mark.parametrize(("grader", "example"), EXAMPLES)
def test_an_example_gets_its_grade(grader: Grader, example: Example) -> None:
    grade = grade_answer(grader, example.answer, example.sample, example.parameters)
    assert grade == example.grade


@every_grader
def test_the_examples_show_full_marks_none_and_unscored(grader: Grader) -> None:
    values = [example.grade.value for example in grader.examples]
    assert 1 in values
    assert 0 in values
    assert None in values


@every_grader
def test_a_grader_takes_its_own_examples(grader: Grader) -> None:
    assert [grader.fits(example.sample) for example in grader.examples] == [""] * len(
        grader.examples
    )


@every_grader
@pytest.mark.parametrize(
    "answer",
    [
        "\ud800",
        "\x00" * 100,
        "{" * 20_000,
        "[" * 20_000,
        '{"a": ' * 5_000,
        '{"time": ' + "9" * 5_000 + "}",
        "A" * ANSWER_CHARS_MAX,
        "positive " * 100_000,
        "<think>" * 1_000,
        "答案" * 100_000,
    ],
    ids=lambda answer: ascii(answer[:12]),
)
def test_a_strange_answer_gets_some_grade(grader: Grader, answer: str) -> None:
    grade = grade_answer(grader, answer, grader.examples[0].sample, {})
    assert isinstance(grade, Grade)


@every_grader
def test_the_same_answer_gets_the_same_grade(grader: Grader) -> None:
    for example in grader.examples:
        first = grade_answer(grader, example.answer, example.sample, {})
        again = grade_answer(grader, example.answer, example.sample, {})
        assert pickle.dumps(first) == pickle.dumps(again)
