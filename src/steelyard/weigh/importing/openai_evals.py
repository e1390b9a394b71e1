"""OpenAI's evals: a file of their registry with the samples that it names.

``Match`` asks whether an answer begins with an ideal one, ``Includes`` whether it holds it,
``FuzzyMatch`` whether either holds the other, ``JsonMatch`` whether both say the same as JSON;
``ModelBasedClassify`` asks a model. By the classes in ``evals/elsuite``, read on 2026-11-22.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from string import punctuation
from typing import Any

from steelyard.domain.errors import ConfigError
from steelyard.weigh.datasets import ITEMS_MAX
from steelyard.weigh.importing.imported import (
    OUTPUT_TOKENS_MAX,
    Imported,
    Row,
    counted,
    escaped,
    inside,
    read_text,
    read_yaml,
    task_name,
    with_ids,
)

Json = Mapping[str, Any]
_ROLES = frozenset({"system", "user", "assistant", "developer", "tool", "function"})


_SIGNS = rf"[\s{re.escape(punctuation)}]"
_AROUND = re.compile(rf"^{_SIGNS}*(?:(?:a|an|the)\s)?|{_SIGNS}+$", re.IGNORECASE)


class _NotTaken(ValueError):
    """A sample that cannot be an item, and why."""


def read(path: Path, name: str = "") -> list[Imported]:
    """The tasks of a registry file, one for each evaluation in it.

    Args:
        path: the YAML file; its samples lie beside it, or in the folder ``data`` beside its own.
            A JSONL file of samples alone is taken as one of ``Match``.
        name: of the task, if there is one; the evaluation's own when empty.

    Raises:
        ConfigError: it is no such file, or nothing in it can be taken.
    """
    if path.suffix == ".jsonl":
        return [_task(path.stem if not name else name, "Match", {}, _samples(path))]
    top = read_yaml(path)
    found = dict(_evaluations(top)) if isinstance(top, dict) else {}
    if not found:
        raise ConfigError(f"{path.name}: no evaluation of OpenAI's registry (class, args)")
    tasks: list[Imported] = []
    problems: list[str] = []
    for eval_name, spec in found.items():
        try:
            own = name if name and len(found) == 1 else eval_name
            tasks.append(_evaluation(path, own, spec))
        except ConfigError as error:
            problems.append(f"{eval_name}: {error.message}")
    if not tasks:
        raise ConfigError("; ".join(problems)[:1000])
    first = tasks[0]
    more = tuple(f"left out: {problem}" for problem in problems)
    return [_with_notes(first, more), *tasks[1:]] if more else tasks


def _with_notes(task: Imported, notes: tuple[str, ...]) -> Imported:
    return Imported(
        task.name,
        task.title,
        task.rows,
        task.grader,
        task.grader_parameters,
        output_tokens_max=task.output_tokens_max,
        notes=(*task.notes, *notes),
    )


def _evaluations(top: Mapping[Any, Any]) -> Iterator[tuple[str, Json]]:
    """Evaluations by the name that people use; versions are listed under names of their own."""
    aliases = {
        str(spec["id"]): str(name)
        for name, spec in top.items()
        if isinstance(spec, dict) and isinstance(spec.get("id"), str)
    }
    for name, spec in top.items():
        if isinstance(spec, dict) and isinstance(spec.get("class"), str):
            yield aliases.get(str(name), str(name)), spec


def _evaluation(path: Path, name: str, spec: Json) -> Imported:
    args = spec.get("args")
    args = args if isinstance(args, dict) else {}
    kind = str(spec["class"]).rpartition(":")[2]
    if kind not in _KINDS:
        raise ConfigError(f"class {kind} has no counterpart; known: {', '.join(_KINDS)}")
    if args.get("metaeval"):
        raise ConfigError("it tests a judge by labelled answers, not a model")
    samples = args.get("samples_jsonl")
    if not isinstance(samples, str):
        raise ConfigError("it names no samples_jsonl")
    few = args.get("few_shot_jsonl") if args.get("num_few_shot") else None
    shots = [] if not isinstance(few, str) else _samples(_find(path, few))
    count = args.get("num_few_shot", 0)
    taken = count if isinstance(count, int) and count > 0 else 0
    before = [m for shot in shots[:taken] for m in _shot(shot)]
    return _task(name, kind, {**args, "before": before}, _samples(_find(path, samples)))


def _shot(sample: Json) -> list[Json]:
    shot = sample.get("sample")
    return [each for each in shot if isinstance(each, dict)] if isinstance(shot, list) else []


def _find(path: Path, name: str) -> Path:
    """Where samples lie that a registry file names.

    Raises:
        ConfigError: nowhere that is looked at.
    """
    places = [path.parent, path.parent / "data", path.parent.parent / "data"]
    for place in places:
        if (file := inside(place, name)).is_file():
            return file
    raise ConfigError(f"{name} lies neither beside {path.name} nor in a folder data near it")


def _samples(path: Path) -> list[Json]:
    found: list[Json] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path.name}: line {number} is no JSON") from error
        if not isinstance(value, dict):
            raise ConfigError(f"{path.name}: line {number} is no object")
        if len(found) >= ITEMS_MAX:
            raise ConfigError(f"{path.name}: more than {ITEMS_MAX} samples")
        found.append(value)
    return found


def _task(name: str, kind: str, args: Json, samples: Sequence[Json]) -> Imported:
    grader, note, fields = _KINDS[kind]
    is_folded = bool(args.get("ignore_case")) or kind == "FuzzyMatch"
    before = args.get("before", [])
    rows: list[Row] = []
    missed: list[str] = []
    for sample in samples:
        try:
            row = _asked(sample, before if isinstance(before, list) else [])
            rows.append(row | fields(_ideals(sample)) | _criterion(kind, sample))
        except _NotTaken as error:
            missed.append(str(error))
    own = task_name(name)
    found, again = with_ids(own.rpartition("/")[2], rows)
    if not found:
        raise ConfigError(f"no sample can be taken ({missed[0] if missed else 'there is none'})")
    parameters: Row = {"fold": is_folded} if grader == "contains" else {}
    notes = [note] if note else []
    if kind == "ModelBasedClassify":
        notes.append(f"its rubric {args.get('modelgraded_spec', '')} is left out")
        criteria = {str(row["rubric"]) for row in found if "rubric" in row}
        criteria |= set(_texts_of(args.get("modelgraded_spec_args")))
        if len(criteria) == 1:
            parameters["criteria"] = criteria.pop()
        elif criteria:
            notes.append("criteria differ by sample; a judge gets one for the task, under criteria")
    tokens = args.get("max_tokens")
    return Imported(
        own,
        f"{name} (OpenAI evals, {kind})",
        found,
        grader,
        parameters,
        output_tokens_max=tokens if isinstance(tokens, int) else OUTPUT_TOKENS_MAX,
        notes=(*notes, *again, *counted(missed, "samples:")),
    )


def _criterion(kind: str, sample: Json) -> Row:
    """What a sample of ``closedqa`` and its like asks a judge to look at."""
    text = sample.get("criteria")
    is_one = kind == "ModelBasedClassify" and isinstance(text, str) and text.strip()
    return {"rubric": text} if is_one else {}


def _texts_of(value: object) -> list[str]:
    """The texts under ``criteria`` in the arguments of a rubric: one, or several by name."""
    found = value.get("criteria") if isinstance(value, dict) else None
    texts = list(found.values()) if isinstance(found, dict) else [found]
    return [text for text in texts if isinstance(text, str) and text.strip()]


def _asked(sample: Json, before: list[Json]) -> Row:
    asked = sample.get("input")
    if isinstance(asked, str) and asked.strip():
        return {"input": asked}
    if not isinstance(asked, list) or not asked:
        raise _NotTaken("without an input")
    if not all(isinstance(m, dict) and m.get("role") in _ROLES for m in asked):
        raise _NotTaken("whose input is no conversation")
    messages = [*asked[:-1], *before, *asked[-1:]]
    if messages[-1]["role"] == "system":
        # Completion models answered what a system message asked; chat models need a user.
        messages[-1] = {**messages[-1], "role": "user"}
    return {"messages": messages}


def _ideals(sample: Json) -> list[str]:
    ideal = sample.get("ideal")
    values = ideal if isinstance(ideal, list) else [ideal]
    return [
        each if isinstance(each, str) else json.dumps(each, ensure_ascii=False)
        for each in values
        if each not in (None, "")
    ]


def _beginning(ideals: list[str]) -> Row:
    body = "|".join(map(escaped, _needed(ideals)))
    return {"reference": ideals, "pattern": rf"^\s*(?:{body})"}


def _holding(ideals: list[str]) -> Row:
    return {"reference": ideals, "contains": {"any": _needed(ideals)}}


def _nearly_holding(ideals: list[str]) -> Row:
    """As ``_holding``, without what FuzzyMatch looks past: an article before, signs around."""
    bare = [_AROUND.sub("", each) or each for each in _needed(ideals)]
    return {"reference": ideals, "contains": {"any": bare}}


def _same_json(ideals: list[str]) -> Row:
    try:
        value = json.loads(_needed(ideals)[0])
    except (ValueError, RecursionError) as error:
        raise _NotTaken("whose ideal is no JSON") from error
    if not isinstance(value, dict) or len(ideals) > 1:
        raise _NotTaken("whose ideal is no single JSON object")
    return {"reference": json.dumps(value, ensure_ascii=False)}


def _judged(ideals: list[str]) -> Row:
    return {"reference": ideals or None}


def _needed(ideals: list[str]) -> list[str]:
    if not [each for each in ideals if each.strip()]:
        raise _NotTaken("without an ideal answer")
    return ideals


_KINDS: dict[str, tuple[str, str, Callable[[list[str]], Row]]] = {
    "Match": ("regex", "", _beginning),
    "Includes": ("contains", "", _holding),
    "FuzzyMatch": (
        "contains",
        "FuzzyMatch: an answer must hold an ideal one; one that is a part of it does not count",
        _nearly_holding,
    ),
    "JsonMatch": (
        "json_schema",
        "JsonMatch: the share of the ideal's fields that are right counts, not all or nothing",
        _same_json,
    ),
    "ModelBasedClassify": (
        "judge",
        "a judge compares in pairs: name its offer under judge, and a baseline where no ideal is",
        _judged,
    ),
}
