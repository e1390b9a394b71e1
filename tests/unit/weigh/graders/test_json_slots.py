from fractions import Fraction

import pytest

from steelyard.domain.tasks import Sample
from steelyard.weigh.graders.json_slots import fits, grade

SAMPLE = Sample("a", "?", {"time": "9 PM", "people": "3"})


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ('```json\n{"time": "9 pm", "people": "3"}\n```', Fraction(1)),
        ('{"time": "9 pm", "people": 3, "date": null}', Fraction(1)),  # null names nothing
        ('{"time": "9 pm", "people": "3", "date": "today"}', Fraction(4, 5)),  # made up
        ('{"time": "9 pm"}', Fraction(2, 3)),
        ('{broken} {"time": "9 pm"}', Fraction(2, 3)),
        ('{"time": "8 pm"} {"time": "9 pm"}', Fraction(0)),  # the first object counts
        ('{"time": ["9 pm"]}', Fraction(0)),
        ("{}", Fraction(0)),
        ('["9 pm"]', Fraction(0)),
        ("at nine", Fraction(0)),
    ],
)
def test_slot_f1_is_exact(answer: str, value: Fraction) -> None:
    assert grade(answer, SAMPLE, {}).value == value


def test_the_reason_names_the_slots_not_the_text() -> None:
    assert grade('{"time": "9 pm"}', SAMPLE, {}).reason == "wrong or missing: people"


@pytest.mark.parametrize("reference", ["9 pm", ("a", "b"), {"time": " "}])
def test_named_slots_with_something_in_them_are_needed(reference: object) -> None:
    assert fits(Sample("a", "?", reference))  # type: ignore[arg-type]
    assert not fits(SAMPLE)
