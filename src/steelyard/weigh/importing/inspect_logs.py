"""Logs of Inspect, ``.eval`` (a zip file of JSON) or ``.json``: samples, targets and the scorer.

What a log says of its own model's scores is told as a note: it was another prompt, another version,
somebody else's run, so it proves nothing here. The answers in it are not taken.

Made by the logs that Inspect 0.3.285 writes (log format 2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steelyard.domain.errors import ConfigError
from steelyard.weigh.datasets import ITEMS_MAX, LETTERS, LINE_BYTES_MAX
from steelyard.weigh.importing.archive import Archive
from steelyard.weigh.importing.imported import (
    OUTPUT_TOKENS_MAX,
    Imported,
    Row,
    counted,
    read_bytes,
    task_name,
)
from steelyard.weigh.importing.inspect_scorers import Scoring, scoring_of

_ATTACHMENT = re.compile(r"attachment://([0-9a-f]{32})")
_PLAIN_SOLVERS = {"generate", "multiple_choice", "system_message", "prompt_template"}
_CHOICES_FORM = "{input}\n{choices}\nAnswer with the letter only."

Json = Mapping[str, Any]


class _NotTaken(ValueError):
    """A sample that cannot be an item, and why."""


def read(path: Path, name: str = "") -> list[Imported]:
    """The task of a log.

    Args:
        path: an ``.eval`` or ``.json`` file.
        name: of the task; the log's own when empty.

    Raises:
        ConfigError: it is no log, has no sample, or no scorer that is known here.
    """
    data = read_bytes(path)
    is_archive = data.startswith(b"PK")
    head, samples = _archived(path.name, data) if is_archive else _whole(path.name, data)
    about = _object(head.get("eval"))
    named, scoring, left = _scoring(path.name, about)
    notes = [*scoring.notes, *left, *_scores(head, about)]
    system, user, more = _prompt(_object(head.get("plan")), scoring)
    notes += more
    rows: dict[str, Row] = {}
    missed: list[str] = []
    for sample in samples:
        row_id = str(sample.get("id", ""))
        if row_id in rows:
            continue  # a further epoch of the same sample
        if len(rows) >= ITEMS_MAX:
            raise ConfigError(f"{path.name}: more than {ITEMS_MAX} samples")
        try:
            rows[row_id] = _row(row_id, sample, scoring)
        except _NotTaken as error:
            missed.append(str(error))
    if not rows:
        reason = f": {missed[0]}" if missed else ""
        raise ConfigError(f"{path.name}: no sample in it can be taken{reason}")
    if system and any("messages" in row for row in rows.values()):
        notes.append("the system message is not put before conversations, which go as they are")
    config = _object(about.get("model_generate_config")).get("max_tokens")
    own = task_name(name or str(about.get("task", "")))
    return [
        Imported(
            own,
            f"{about.get('task', own)} (Inspect, {named})",
            tuple(rows.values()),
            scoring.grader,
            scoring.parameters,
            system,
            user,
            config if isinstance(config, int) else OUTPUT_TOKENS_MAX,
            (*notes, *counted(missed, "samples:")),
        )
    ]


def _archived(name: str, data: bytes) -> tuple[Json, Iterator[Json]]:
    archive = Archive(name, data)
    names = set(archive.names())
    # A run that broke off has no header yet; what it began with says the same.
    head = "header.json" if "header.json" in names else "_journal/start.json"
    members = list(archive.names("samples/"))
    return _parsed(name, archive.read(head)), (
        _parsed(f"{name}: {each}", archive.read(each)) for each in members
    )


def _whole(name: str, data: bytes) -> tuple[Json, Iterator[Json]]:
    log = _parsed(name, data)
    samples = log.get("samples")
    return log, (_object(each) for each in (samples if isinstance(samples, list) else []))


def _parsed(where: str, data: bytes) -> Json:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: no JSON: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: no log of Inspect")
    return value


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _scoring(file: str, about: Json) -> tuple[str, Scoring, list[str]]:
    """The first scorer that is known here, its name, and notes on the others."""
    scorers = about.get("scorers")
    if not about or not isinstance(scorers, list):
        raise ConfigError(f"{file}: no log of Inspect that names its scorers")
    found: tuple[str, Scoring] | None = None
    left: list[str] = []
    for scorer in map(_object, scorers):
        name = str(scorer.get("name", ""))
        scoring = scoring_of(name, _object(scorer.get("options")))
        if scoring is None or found is not None:
            left.append(f"scorer {name} left out")
        else:
            found = name, scoring
    if found is None:
        names = ", ".join(str(_object(s).get("name")) for s in scorers) or "none"
        raise ConfigError(f"{file}: no scorer that is known here (in the log: {names})")
    return *found, left


def _scores(head: Json, about: Json) -> Iterator[str]:
    scores = _object(head.get("results")).get("scores")
    for score in map(_object, scores if isinstance(scores, list) else []):
        for metric, value in _object(score.get("metrics")).items():
            if isinstance(figure := _object(value).get("value"), int | float):
                yield (
                    f"the log says of {about.get('model', 'its model')}: {metric} {figure:.4g} by"
                    f" {score.get('name')}; told, not taken as proof"
                )


def _prompt(plan: Json, scoring: Scoring) -> tuple[str, str, list[str]]:
    """System message and user template of the log's solvers, and notes on other solvers."""
    system, user, notes = "", "{input}", []
    if scoring.grader == "choice":
        user = _CHOICES_FORM
        notes.append("multiple_choice: asked in our own words, options in another order")
    steps = plan.get("steps")
    for step in map(_object, steps if isinstance(steps, list) else []):
        solver = str(step.get("solver", "")).rpartition("/")[2]
        template = _object(step.get("params")).get("template")
        if solver == "system_message" and isinstance(template, str):
            system = f"{system}\n{template}".strip()
        elif solver == "prompt_template" and isinstance(template, str) and "{prompt}" in template:
            user = user.replace("{input}", template.replace("{prompt}", "{input}"))
        elif solver not in _PLAIN_SOLVERS:
            notes.append(f"solver {solver} left out: the question is asked without it")
    return system, user, notes


def _row(row_id: str, sample: Json, scoring: Scoring) -> Row:
    if not row_id:
        raise _NotTaken("without an id")
    attachments = _object(sample.get("attachments"))
    targets = _targets(sample.get("target"))
    row: Row = {"id": row_id}
    asked = sample.get("input")
    named = _ATTACHMENT.findall(json.dumps(asked))
    if sum(len(str(attachments.get(name, ""))) for name in named) > LINE_BYTES_MAX:
        raise _NotTaken("that are too long")
    choices = sample.get("choices")
    if isinstance(asked, str):
        row["input"] = _resolved(asked, attachments)
    elif isinstance(asked, list) and asked:
        row |= _conversation([_message(_object(each), attachments) for each in asked])
    else:
        raise _NotTaken("without an input")
    if scoring.grader == "choice":
        if not isinstance(choices, list) or "input" not in row:
            raise _NotTaken("without choices")
        if len(targets) != 1 or targets[0] not in tuple(LETTERS[: len(choices)]):
            raise _NotTaken("with several right choices, or none")
        return row | {"reference": targets[0], "choices": [str(each) for each in choices]}
    if scoring.grader == "number":
        targets = tuple(each for each in targets if any(sign.isdigit() for sign in each))
    if not targets:
        raise _NotTaken("without a target that the grader can use")
    return row | {"reference": list(targets)} | scoring.fields(targets)


def _targets(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(each for each in values if isinstance(each, str) and each.strip())


def _resolved(value: Any, attachments: Json) -> Any:
    """A value with what Inspect keeps aside put back in its place."""
    if isinstance(value, str):
        match = _ATTACHMENT.fullmatch(value)
        return attachments.get(match[1], value) if match else value
    if isinstance(value, list):
        return [_resolved(each, attachments) for each in value]
    if isinstance(value, dict):
        return {key: _resolved(each, attachments) for key, each in value.items()}
    return value


def _conversation(messages: list[Json]) -> Row:
    if len(messages) == 1 and isinstance(text := messages[0]["content"], str):
        if messages[0]["role"] == "user":
            return {"input": text}
    return {"messages": messages}


def _message(message: Json, attachments: Json) -> Json:
    """A message as OpenAI has it."""
    content = _resolved(message.get("content"), attachments)
    if isinstance(content, list):
        content = [_part(_object(part)) for part in content]
    taken: Row = {"role": str(message.get("role", "user")), "content": content}
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        taken["tool_calls"] = [_call(_object(call)) for call in calls]
    if isinstance(message.get("tool_call_id"), str):
        taken["tool_call_id"] = message["tool_call_id"]
    return taken


def _part(part: Json) -> Json:
    match part.get("type"):
        case "text":
            return {"type": "text", "text": str(part.get("text", ""))}
        case "image":
            return {"type": "image_url", "image_url": {"url": str(part.get("image", ""))}}
    raise _NotTaken(f"with a part of type {str(part.get('type'))[:40]}")


def _call(call: Json) -> Json:
    arguments = json.dumps(call.get("arguments", {}), ensure_ascii=False)
    function = {"name": str(call.get("function", "")), "arguments": arguments}
    return {"id": str(call.get("id", "")), "type": "function", "function": function}
