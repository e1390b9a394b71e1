"""Extraction: the slots of the first JSON object in the answer against the reference, as F1."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders.base import Example, Grader, Parameters, plain

_OBJECTS_MAX = 64  # opening braces tried before giving up


def grade(answer: str, sample: Sample, parameters: Parameters) -> Grade:
    """F1 of right slots, exact: 2 x right / (named by the answer + named by the reference).

    Values are compared without regard to case, width and spacing. An empty value names nothing. An
    answer without a JSON object was asked for one and gave something else: 0, not unscored.
    """
    slots = _first_object(answer)
    if slots is None:
        return Grade(Fraction(0), "no JSON object in the answer")
    said = {key: plain(_text(value)) for key, value in slots.items()}
    said = {key: value for key, value in said.items() if value}
    gold = sample.reference if isinstance(sample.reference, Mapping) else {}
    right = sum(said.get(key) == plain(value) for key, value in gold.items())
    extracted = json.dumps(slots, ensure_ascii=False)[:1000]
    missed = [key for key, value in gold.items() if said.get(key) != plain(value)]
    reason = f"wrong or missing: {', '.join(missed)}" if missed else ""
    return Grade(Fraction(2 * right, len(said) + len(gold)), reason, extracted)


def fits(sample: Sample) -> str:
    """Needs named slots with something in each."""
    if not isinstance(sample.reference, Mapping):
        return "the json_slots grader needs an object as reference"
    empty = [key for key, value in sample.reference.items() if not plain(value)]
    return f"the reference's slots hold nothing: {', '.join(empty)}" if empty else ""


def _first_object(answer: str) -> dict[str, object] | None:
    decoder = json.JSONDecoder()
    start = answer.find("{")
    for _ in range(_OBJECTS_MAX):
        if start < 0:
            return None
        try:
            value, _end = decoder.raw_decode(answer, start)
        except (ValueError, RecursionError):  # ValueError: also a number of 5000 digits
            start = answer.find("{", start + 1)
            continue
        return value if isinstance(value, dict) else None
    return None


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_SLOTS = {"time": "9 pm", "people": "3"}

GRADER = Grader(
    name="json_slots",
    grade=grade,
    fits=fits,
    examples=(
        Example(
            'Sure: {"people": 3, "time": "9 PM"}',
            _SLOTS,
            Grade(Fraction(1), extracted='{"people": 3, "time": "9 PM"}'),
        ),
        Example(
            '{"time": "9 pm", "people": ""}',
            _SLOTS,
            Grade(Fraction(2, 3), "wrong or missing: people", '{"time": "9 pm", "people": ""}'),
        ),
        Example(
            '{"time": "10 pm"}',
            _SLOTS,
            Grade(Fraction(0), "wrong or missing: time, people", '{"time": "10 pm"}'),
        ),
        Example('{"time": "9 p', _SLOTS, Grade(Fraction(0), "no JSON object in the answer")),
        Example("", _SLOTS, Grade.unscored("the answer holds nothing")),
    ),
)
