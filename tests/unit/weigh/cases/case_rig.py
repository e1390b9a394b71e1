"""Records, samples and sets for the tests of case analysis."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from steelyard.domain.tasks import Grade, PromptForm, Sample, Task
from steelyard.weigh.cases.kinds import Failure
from steelyard.weigh.datasets import Dataset, read_set
from steelyard.weigh.graders.base import Item
from steelyard.weigh.runfile import Record

FORM = "f" * 16
AT = datetime(2026, 11, 22, 6, tzinfo=UTC)


def record(sample: str = "a", offer: str = "shop/one", **more: Any) -> Record:
    """A wrong answer, unless told otherwise."""
    given: dict[str, Any] = {"grade": Grade(Fraction(0)), "answer": "no", "finish_reason": "stop"}
    given |= {"cost_pico": 10**9, "currency": "CNY", "time_s": 0.5, "finished_at": AT}
    return Record(offer, FORM, sample, **{**given, **more})


def right(sample: str = "a", offer: str = "shop/one", answer: str = "yes") -> Record:
    return record(sample, offer, grade=Grade(Fraction(1), extracted=answer), answer=answer)


def item(reference: Any = "yes", text: str = "Is it so?", **more: Any) -> Item:
    return Item("a", text, reference, **more)


def failure(
    grader: str, answer: str, grade: Grade, sample: Sample | None = None, **more: Any
) -> Failure:
    sample = sample or item()
    return Failure(record(answer=answer, grade=grade, **more), sample, sample, grader)


def task(grader: str = "label", **more: Any) -> Task:
    made = Task("mood", "Moods <b>", "en", "mood", grader, Decimal("0.6"), PromptForm("plain"))
    return replace(made, **more)


def dataset(*rows: dict[str, Any]) -> Dataset:
    return read_set("mood", "".join(json.dumps(row) + "\n" for row in rows).encode())


def mood(name: str, text: str, reference: str = "yes") -> dict[str, Any]:
    return {"id": name, "input": text, "reference": reference, "labels": ["yes", "no"]}
