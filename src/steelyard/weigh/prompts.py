"""From a sample to the request that asks it, in the form that a verdict is about.

Pure and deterministic: the same task, form and sample give the same bytes on any machine and in any
version of Python (order comes from SHA-256, not from a random generator whose shuffle may change).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from steelyard.domain.tasks import Constraint, PromptForm, Sample
from steelyard.weigh.datasets import LETTERS


class Prepared(NamedTuple):
    """What is sent, and what the grader compares with."""

    request: dict[str, object]
    """An OpenAI chat request without ``model``."""
    sample: Sample
    """The sample with its options in the order sent and the reference's letter moved along."""


def prepare(form: PromptForm, sample: Sample, seed: int) -> Prepared:
    """The request for one sample.

    Small models follow the position of an option rather than its content, so options are shuffled,
    each item in its own fixed way. A sample with messages is asked as it is: of the form only
    sampling and constraint count.
    """
    shown = _shuffle_choices(sample, seed)
    request: dict[str, object] = {
        **shown.request_fields,
        "messages": _messages(form, shown),
        "temperature": float(form.temperature),
        "max_tokens": form.output_tokens_max,
    }
    if form.constraint is Constraint.GRAMMAR and shown.labels:
        request["grammar"] = label_grammar(shown.labels)
    if form.constraint is Constraint.JSON_SCHEMA and isinstance(shown.reference, Mapping):
        request["response_format"] = slots_format(shown.reference)
    return Prepared(request, shown)


def _messages(form: PromptForm, sample: Sample) -> list[Mapping[str, object]]:
    if sample.messages:
        return list(sample.messages)
    messages: list[Mapping[str, object]] = []
    if form.system:
        messages.append({"role": "system", "content": form.system})
    messages.append({"role": "user", "content": _fill(form.user, sample)})
    return messages


def shuffled(ids: Iterable[str], seed: int) -> list[str]:
    """The ids in the order of a run: random to the content, the same every time."""
    return sorted(ids, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())


def label_grammar(labels: Iterable[str]) -> str:
    """GBNF for exactly one of the labels."""
    # A GBNF string takes JSON's escapes for quotes, backslashes and line ends.
    return "root ::= " + " | ".join(json.dumps(label, ensure_ascii=False) for label in labels)


def slots_format(names: Iterable[str]) -> dict[str, object]:
    """OpenAI's ``response_format`` for an object of these string properties."""
    keys = sorted(names)  # sorted, so that the schema gives away nothing about the answer
    schema = {
        "type": "object",
        "properties": {key: {"type": "string"} for key in keys},
        "required": keys,
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "slots", "schema": schema}}


def _shuffle_choices(sample: Sample, seed: int) -> Sample:
    if not sample.choices:
        return sample
    letters = LETTERS[: len(sample.choices)]
    places = [int(place) for place in shuffled(map(str, range(len(letters))), _salt(sample, seed))]
    right = letters.index(str(sample.reference))
    return replace(
        sample,
        choices=tuple(sample.choices[place] for place in places),
        labels=tuple(letters),
        reference=letters[places.index(right)],
    )


def _salt(sample: Sample, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{sample.id}".encode()).digest()[:8], "big")


def _fill(template: str, sample: Sample) -> str:
    # Split first, so that braces in the sample's own text are never taken for a placeholder.
    choices = "\n".join(
        f"{letter}. {text}" for letter, text in zip(LETTERS, sample.choices, strict=False)
    )
    parts = []
    for part in template.split("{choices}"):
        parts.append(sample.input.join(part.split("{input}")))
    return choices.join(parts)
